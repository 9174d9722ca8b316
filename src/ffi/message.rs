// SPDX-License-Identifier: GPL-2.0-or-later

//! Messages as a host has them.

use super::text::{array, clustering_bytes};
use crate::messages::{Kind, Name, Parameters};

/// The messages that the cluster has a say in.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_kind {
    /// `call.route`
    CLUSTERING_ROUTE = 0,
    /// `call.execute`
    CLUSTERING_EXECUTE = 1,
    /// `user.register`
    CLUSTERING_REGISTER = 2,
    /// `call.cdr`
    CLUSTERING_CDR = 3,
    /// `cluster.locate`
    CLUSTERING_LOCATION = 4,
    /// `chan.startup`
    CLUSTERING_STARTUP = 5,
    /// `chan.hangup`
    CLUSTERING_HANGUP = 6,
    /// `call.preroute`
    CLUSTERING_PREROUTE = 7,
    /// `user.unregister`
    CLUSTERING_UNREGISTER = 8,
    /// `msg.execute`
    CLUSTERING_MESSAGE = 9,
}

/// How many kinds there are.
pub const CLUSTERING_KINDS: usize = 10;

const _: () = assert!(CLUSTERING_KINDS == Kind::ALL.len());

/// A parameter of a message. One without a value has an empty value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_param {
    /// Its name.
    pub name: clustering_bytes,
    /// Its value.
    pub value: clustering_bytes,
}

/// How many parameter names have a number; see `clustering_name`.
pub const CLUSTERING_NAMES: usize = 44;

const _: () = assert!(CLUSTERING_NAMES == Name::ALL.len() && CLUSTERING_NAMES < 64);

/// How long these names are at most.
pub const CLUSTERING_NAME_LENGTH: usize = 16;

const _: () = {
    let (mut at, mut open) = (0, 0);
    while at < Name::ALL.len() {
        let name = Name::ALL[at].text().as_bytes();
        assert!(name.len() <= CLUSTERING_NAME_LENGTH);
        if let [.., b'*'] = name {
            open += 1;
        }
        at += 1;
    }
    // A host looks for two at most.
    assert!(open <= 2);
};

/// A message as the core sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_message {
    /// The values by the number of the name, `CLUSTERING_NAMES` of them: of each parameter the first
    /// one.
    pub known: *const clustering_bytes,
    /// Which of them are there: bit 0 for number 0, and so on. The others are not looked at. Those that
    /// are not of `clustering_kind_names` need not be told.
    pub present: u64,
    /// Which of them the message has more than once.
    pub repeated: u64,
    /// All parameters in order; NULL where the message isn't complete.
    pub params: *const clustering_param,
    /// How many parameters.
    pub count: usize,
    /// Whether all parameters are given, too.
    pub complete: bool,
    /// Microseconds since 1970, by which signatures are dated and authenticated: for `CLUSTERING_ROUTE` and
    /// `CLUSTERING_PREROUTE` when the message came, else now.
    pub now: u64,
}

/// A message as the host has it.
pub(super) struct HostMessage<'m> {
    params: &'m [clustering_param],
    /// As many as there are names, those that aren't `present` of any content; or NULL.
    known: *const clustering_bytes,
    present: u64,
    repeated: u64,
    pub(super) complete: bool,
    pub(super) now: u64,
}

impl HostMessage<'_> {
    /// `None` for NULL.
    ///
    /// # Safety
    ///
    /// `message` is NULL or valid; what it points to, texts included, stays as it is for `'m`.
    pub(super) unsafe fn new(message: *const clustering_message) -> Option<Self> {
        // SAFETY: promised by the caller.
        unsafe {
            let message = message.as_ref()?;
            Some(Self {
                params: array(message.params, message.count),
                known: message.known,
                present: if message.known.is_null() {
                    0
                } else {
                    message.present
                },
                repeated: message.repeated,
                complete: message.complete,
                now: message.now,
            })
        }
    }
}

impl<'m> Parameters<'m> for HostMessage<'m> {
    fn get(&self, name: Name) -> Option<&'m [u8]> {
        if (self.present >> (name as u32)) & 1 == 0 {
            return None;
        }
        // SAFETY: promised to `new`, without which there is no such value: `known` is not NULL where
        // something is present, and has a place for each name.
        Some(unsafe { (*self.known.add(name as usize)).get() })
    }

    fn is_repeated(&self, name: Name) -> bool {
        (self.repeated >> (name as u32)) & 1 != 0
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        // SAFETY: promised to `new`, without which there is no such value.
        let param = self
            .params
            .iter()
            .find(|param| unsafe { param.name.get() } == name)?;
        // SAFETY: as before.
        Some(unsafe { param.value.get() })
    }

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        let params = self.params.iter();
        // SAFETY: as before.
        params.map(|param| unsafe { (param.name.get(), param.value.get()) })
    }
}

/// The parameter name of a number below `CLUSTERING_NAMES`, for ever valid; empty for other numbers.
///
/// A `*` at its end stands for whatever else a name has there, unless that makes another of these names: of such
/// parameters, too, the first one is the known one, and all are removed together.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_name(number: u32) -> clustering_bytes {
    let name = usize::try_from(number)
        .ok()
        .and_then(|number| Name::ALL.get(number));
    name.map_or(clustering_bytes::EMPTY, |name| {
        clustering_bytes::new(name.text().as_bytes())
    })
}

/// The name of the messages of a kind, for ever valid; empty where there is no such kind.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_name(kind: u32) -> clustering_bytes {
    let kind = kind_of(kind);
    kind.map_or(clustering_bytes::EMPTY, |kind| {
        clustering_bytes::new(kind.name().as_bytes())
    })
}

/// A bit for each parameter name that matters in messages of a kind: bit 0 for number 0, and so on; none
/// where there is no such kind.
///
/// The core asks for no other, so a host need not look for it, and changes no other. A message that the
/// core has the host dispatch may get any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_names(kind: u32) -> u64 {
    kind_of(kind).map_or(0, |kind| kind.names().bits())
}

/// Whether some messages of a kind may be no business of the cluster's, so that `clustering_concerns` is
/// worth asking; `false` where there is no such kind.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_filtered(kind: u32) -> bool {
    kind_of(kind).is_some_and(Kind::is_filtered)
}

pub(super) fn kind_of(number: u32) -> Option<Kind> {
    usize::try_from(number)
        .ok()
        .and_then(|number| Kind::ALL.get(number).copied())
}

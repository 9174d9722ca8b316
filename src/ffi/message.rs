// SPDX-License-Identifier: GPL-2.0-or-later

//! Messages as a host has them.

use super::text::{array, clustering_borrowed_text};
use crate::messages::{Kind, Name, NameSet, Parameters};
use crate::time::{MessageTimes, WallTime};

/// The kinds of messages that the cluster decides or observes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_kind {
    /// `call.route`
    CLUSTERING_KIND_ROUTE = 0,
    /// `call.execute`
    CLUSTERING_KIND_EXECUTE = 1,
    /// `user.register`
    CLUSTERING_KIND_REGISTER = 2,
    /// `call.cdr`
    CLUSTERING_KIND_CDR = 3,
    /// `cluster.locate`
    CLUSTERING_KIND_LOCATE = 4,
    /// `chan.startup`
    CLUSTERING_KIND_STARTUP = 5,
    /// `chan.hangup`
    CLUSTERING_KIND_HANGUP = 6,
    /// `call.preroute`
    CLUSTERING_KIND_PREROUTE = 7,
    /// `user.unregister`
    CLUSTERING_KIND_UNREGISTER = 8,
    /// `msg.execute`
    CLUSTERING_KIND_MESSAGE = 9,
    /// `call.execute` again, at a later priority
    CLUSTERING_KIND_LATE_EXECUTE = 10,
    /// `msg.execute` again, at a later priority
    CLUSTERING_KIND_LATE_MESSAGE = 11,
    /// `chan.disconnected`
    CLUSTERING_KIND_DISCONNECTED = 12,
}

/// The number of kinds.
pub const CLUSTERING_KIND_COUNT: usize = 13;

const _: () = assert!(CLUSTERING_KIND_COUNT == Kind::ALL.len());

/// A parameter of a message. One without a value has an empty value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_param {
    /// Its name.
    pub name: clustering_borrowed_text,
    /// Its value.
    pub value: clustering_borrowed_text,
}

/// The number of parameter names that have a number; see `clustering_name`.
pub const CLUSTERING_NAME_COUNT: usize = 49;

const _: () = assert!(CLUSTERING_NAME_COUNT == Name::ALL.len() && CLUSTERING_NAME_COUNT < 64);

/// The greatest length of these names, in bytes.
pub const CLUSTERING_NAME_MAX_LENGTH: usize = 16;

const _: () = {
    let (mut at, mut open) = (0, 0);
    while at < Name::ALL.len() {
        let name = Name::ALL[at].text().as_bytes();
        assert!(name.len() <= CLUSTERING_NAME_MAX_LENGTH);
        if let [.., b'*'] = name {
            open += 1;
        }
        at += 1;
    }
    // A host looks for two at most.
    assert!(open <= 2);
};

/// A message as the host hands it over. All of it is borrowed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_message {
    /// The values by the number of the name, `CLUSTERING_NAME_COUNT` of them; of several parameters of a name
    /// the first one's.
    pub known: *const clustering_borrowed_text,
    /// The set of those that the message has: bit 0 for number 0, and so on. The others are not looked at. A
    /// name that isn't of `clustering_kind_names` need not be told.
    pub present: u64,
    /// The set of those that the message has more than once.
    pub repeated: u64,
    /// All parameters in order; NULL where the message isn't complete.
    pub params: *const clustering_param,
    /// The number of parameters.
    pub count: usize,
    /// Whether `params` has all parameters.
    pub complete: bool,
    /// The time when the host made the message, in microseconds since 1970.
    pub made: u64,
    /// The time now, in microseconds since 1970. Where not `clustering_kind_needs_now`, `made` will do for
    /// `clustering_decide`.
    pub now: u64,
}

/// A message as the host has it.
pub(super) struct HostMessage<'m> {
    message: &'m clustering_message,
    known: *const clustering_borrowed_text,
    /// Its set of known parameters, which is empty where there is no list of them.
    present: u64,
}

impl HostMessage<'_> {
    /// `None` for NULL.
    ///
    /// # Safety
    ///
    /// `message` is NULL or valid; it and all that it points to, texts included, stay as they are for as long as
    /// the host message is used, the texts for `'m`.
    pub(super) unsafe fn new(message: *const clustering_message) -> Option<Self> {
        // SAFETY: promised by the caller.
        let message = unsafe { message.as_ref() }?;
        let has_known = !message.known.is_null();
        Some(Self {
            message,
            known: message.known,
            present: if has_known { message.present } else { 0 },
        })
    }

    /// Whether all parameters are there.
    pub(super) fn is_complete(&self) -> bool {
        self.message.complete
    }

    pub(super) fn times(&self) -> MessageTimes {
        MessageTimes {
            made: WallTime(self.message.made),
            now: WallTime(self.message.now),
        }
    }

    fn params(&self) -> &[clustering_param] {
        // SAFETY: promised to `new`, without which there is no such value.
        unsafe { array(self.message.params, self.message.count) }
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

    fn has_any(&self, names: NameSet) -> bool {
        self.present & names.bits() != 0
    }

    fn has_repeated(&self, names: NameSet) -> bool {
        self.message.repeated & names.bits() != 0
    }

    fn is_repeated(&self, name: Name) -> bool {
        (self.message.repeated >> (name as u32)) & 1 != 0
    }

    fn other(&self, name: &[u8]) -> Option<&'m [u8]> {
        // SAFETY: promised to `new`, without which there is no such value.
        let param = self
            .params()
            .iter()
            .find(|param| unsafe { param.name.get() } == name)?;
        // SAFETY: as before.
        Some(unsafe { param.value.get() })
    }

    fn all(&self) -> impl Iterator<Item = (&'m [u8], &'m [u8])> {
        let params = self.params().iter();
        // SAFETY: as before.
        params.map(|param| unsafe { (param.name.get(), param.value.get()) })
    }
}

/// Gives the parameter name of a number.
///
/// * `number`: a number below `CLUSTERING_NAME_COUNT`.
///
/// Returns a text of the core's, valid for ever; an empty one for other numbers. A `*` at its end stands for
/// whatever else a name has there, unless that makes another of these names: of such parameters, too, the first
/// one is the known one, and all are removed together. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_name(number: u32) -> clustering_borrowed_text {
    let name = usize::try_from(number)
        .ok()
        .and_then(|number| Name::ALL.get(number));
    name.map_or(clustering_borrowed_text::EMPTY, |name| {
        clustering_borrowed_text::new(name.text().as_bytes())
    })
}

/// Gives the name of the messages of a kind, such as `call.route`.
///
/// * `kind`: a `clustering_kind`.
///
/// Returns a text of the core's, valid for ever; an empty one where there is no such kind. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_name(kind: u32) -> clustering_borrowed_text {
    let kind = kind_of(kind);
    kind.map_or(clustering_borrowed_text::EMPTY, |kind| {
        clustering_borrowed_text::new(kind.name().as_bytes())
    })
}

/// Gives the parameter names that matter in messages of a kind.
///
/// * `kind`: a `clustering_kind`.
///
/// Returns a set, bit 0 for number 0 and so on; an empty one where there is no such kind. The core reads and
/// writes no other name in such messages, so a host need not look for it. A message that the core has the host
/// dispatch may get any. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_names(kind: u32) -> u64 {
    kind_of(kind).map_or(0, |kind| kind.names().bits())
}

/// Gives the parameter names that tell `clustering_concerns` whether a message of a kind concerns the cluster: few of
/// those of `clustering_kind_names`.
///
/// * `kind`: a `clustering_kind`.
///
/// Returns a set, bit 0 for number 0 and so on; an empty one where there is no such kind, and where all messages
/// concern the cluster. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_concern_names(kind: u32) -> u64 {
    kind_of(kind).map_or(0, |kind| kind.concern_names().bits())
}

/// Tells whether some messages of a kind may not concern the cluster, so that `clustering_concerns` is worth
/// asking.
///
/// * `kind`: a `clustering_kind`.
///
/// Returns `false` where there is no such kind. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_filtered(kind: u32) -> bool {
    kind_of(kind).is_some_and(Kind::is_filtered)
}

/// Tells whether messages of a kind are decided by the time now, which the host must then look for.
///
/// * `kind`: a `clustering_kind`.
///
/// Returns `false` where there is no such kind. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_kind_needs_now(kind: u32) -> bool {
    kind_of(kind).is_some_and(Kind::needs_now)
}

pub(super) fn kind_of(number: u32) -> Option<Kind> {
    usize::try_from(number)
        .ok()
        .and_then(|number| Kind::ALL.get(number).copied())
}

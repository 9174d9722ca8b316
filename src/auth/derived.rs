// SPDX-License-Identifier: GPL-2.0-or-later

//! Trust without a setting: a sender is trusted if its address is an address of the node that it says it is.
//!
//! So it is where `trusted`, `source` and `secret` are all unset. The node's address is that of the host to which
//! `callto` sends its calls. A sender may say any name, but can't send from that node's address; and a name that
//! somebody makes up leads into the operator's own domain or network, or nowhere: see
//! [`HostTemplate`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use crate::addressing::pattern::Pattern;
use crate::addressing::template::{Host, HostError, HostTemplate, Template};
use crate::auth::authenticate::sender;
use crate::auth::lookups::Checked;
use crate::auth::trust::{AuthError, parse_address};
use crate::decision::Decision;
use crate::failure::unpoisoned;
use crate::messages::{Kind, Name, Parameters};
use crate::nodes::Nodes;
use crate::settings::Settings;
use crate::verdict::{Action, Pending};

/// The most nodes without sections that are remembered for an operator's list.
const MOST_NODES: usize = 1024;

/// The hosts of the nodes, as `callto` names them.
#[derive(Debug)]
pub struct Derived {
    /// The one for all nodes.
    general: Result<HostTemplate, HostError>,
    /// Those of nodes with sections.
    sections: BTreeMap<Box<[u8]>, Result<Host, HostError>>,
}

/// The reason why a node has no host that its calls could come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerivedError {
    /// It's this node, which sends itself nothing.
    #[error("this node sends itself nothing")]
    Own,
    /// It has no section and doesn't match the pattern.
    #[error("it is no node")]
    NoNode,
    /// The name has characters that no name of a host has.
    #[error("the node's name has other characters than letters, digits, '.', '-' and '_'")]
    Name,
    /// The name makes no host of the template.
    #[error("callto makes no address and no host's name of the node's name")]
    NoHost,
    /// The template gives none.
    #[error("callto {0}")]
    Template(HostError),
}

impl Derived {
    /// The hosts of nodes by their templates; `callto` is for all nodes.
    pub(crate) fn new(callto: &Template, nodes: &Nodes) -> Self {
        let sections = nodes.iter().filter(|node| !node.is_own).map(|node| {
            let template = node.callto.as_ref().unwrap_or(callto);
            let host = HostTemplate::of_known(template, &node.name, &node.groups);
            (node.name.clone(), host)
        });
        Self {
            general: HostTemplate::of(callto),
            sections: sections.collect(),
        }
    }

    /// The host of a node. `own` is the name of this one.
    ///
    /// # Errors
    ///
    /// Gives the reason where it has none.
    pub fn host(&self, own: &[u8], pattern: &Pattern, node: &[u8]) -> Result<Host, DerivedError> {
        if node == own {
            return Err(DerivedError::Own);
        }
        if let Some(host) = self.sections.get(node) {
            return host.clone().map_err(DerivedError::Template);
        }
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
        if !node.iter().all(is_plain) {
            return Err(DerivedError::Name);
        }
        let groups = pattern.matches(node).ok_or(DerivedError::NoNode)?;
        let template = self.general.as_ref();
        let template = template.map_err(|error| DerivedError::Template(*error))?;
        template.host(node, &groups).ok_or(DerivedError::NoHost)
    }

    /// The reason why nodes without sections have no host; `None` where they have.
    #[must_use]
    pub fn general_error(&self) -> Option<HostError> {
        self.general.as_ref().err().copied()
    }

    /// The nodes with sections that have no host, each with the reason.
    pub fn section_errors(&self) -> impl Iterator<Item = (&[u8], HostError)> {
        let sections = self.sections.iter();
        sections.filter_map(|(name, host)| host.as_ref().err().map(|error| (&**name, *error)))
    }

    /// No node has a host, so nobody is trusted.
    pub(crate) fn is_empty(&self, has_pattern: bool) -> bool {
        (!has_pattern || self.general.is_err()) && self.sections.values().all(Result::is_err)
    }

    /// The names of the hosts of nodes with sections.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.values().filter_map(|host| match host {
            Ok(Host::Name(name)) => Some(&**name),
            _ => None,
        })
    }
}

/// A node without a section, whose calls were trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The address of its last call.
    pub(crate) address: IpAddr,
    /// The number of its calls and messages.
    pub(crate) calls: u64,
}

/// Nodes without sections whose calls were trusted.
///
/// Only trusted senders get in, each with names that lead to its own address. When there is no room for
/// another one, it isn't listed.
#[derive(Debug, Default)]
pub(crate) struct Senders(Mutex<BTreeMap<Box<[u8]>, Sender>>);

impl Senders {
    /// Notes a call, or takes note of a node whose call will be looked at again.
    pub(crate) fn note(&self, node: &[u8], address: IpAddr, calls: u64) {
        let mut senders = self.lock();
        if let Some(known) = senders.get_mut(node) {
            known.address = address;
            known.calls += calls;
        } else if senders.len() < MOST_NODES {
            senders.insert(node.into(), Sender { address, calls });
        }
    }

    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<(Box<[u8]>, Sender)> {
        let senders = self.lock();
        let list = senders.iter();
        list.map(|(name, sender)| (name.clone(), *sender)).collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<[u8]>, Sender>> {
        unpoisoned(self.0.lock())
    }
}

/// Decides whether a message comes from the node that it says it comes from, where no setting names the
/// trusted senders.
///
/// # Errors
///
/// Gives the reason why it isn't trusted; [`AuthError::Pending`] where the message may [wait](wait) for the
/// answer to that.
#[cold]
#[inline(never)]
pub(super) fn authenticate_sender<'m, P: Parameters<'m>>(
    decision: &Decision<'_, 'm, P>,
) -> Result<(), AuthError> {
    let settings = decision.settings;
    let (Some(node), Some(address)) = (
        decision.filled(Name::SipNodename),
        sender(decision.message).and_then(parse_address),
    ) else {
        return Err(AuthError::Address);
    };
    let host = host(settings, decision.node, node).ok_or(AuthError::Address)?;
    let is_same = match host {
        Host::Address(own) => own == address,
        Host::Name(name) => {
            let lookups = &decision.shared.lookups;
            match lookups.check(&name, address, decision.now, !decision.has_waited) {
                Checked::Match => true,
                Checked::Other => false,
                Checked::NoAddress => return Err(AuthError::NoAddress),
                Checked::Wait => return Err(AuthError::Pending),
                Checked::Unknown => return Err(AuthError::Unresolved),
            }
        }
    };
    if !is_same {
        return Err(AuthError::OtherNode);
    }
    if settings.nodes.find(node).is_none() {
        // The same call is looked at before it is routed.
        let calls = u64::from(decision.kind == Kind::Route);
        decision.shared.senders.note(node, address, calls);
    }
    Ok(())
}

/// Has the message wait until the name of its sender's node was looked up; `false` where it has none.
#[cold]
pub(crate) fn wait<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) -> bool {
    let node = decision.filled(Name::SipNodename).unwrap_or_default();
    let Some(Host::Name(name)) = host(decision.settings, decision.node, node) else {
        return false;
    };
    decision.verdict.action = Action::Resolve;
    let name = decision
        .verdict
        .make(|text| text.extend_from_slice(name.as_bytes()));
    decision.verdict.set_retval(name);
    decision.verdict.pending = Some(Pending::of(decision.settings, decision.kind));
    true
}

fn host(settings: &Settings, own: &[u8], node: &[u8]) -> Option<Host> {
    let derived = settings.derived.as_ref()?;
    derived.host(own, &settings.pattern, node).ok()
}

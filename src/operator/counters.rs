// SPDX-License-Identifier: GPL-2.0-or-later

//! The counters of all that happened since the module was loaded.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Makes [`Counter`] and its texts from one list.
macro_rules! counters {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal,)*) => {
        /// Something that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter {
            $(#[doc = $doc] $variant,)*
        }

        impl Counter {
            /// All counters, each at the index `counter as usize`.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The things that it counts, in a sentence.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc.trim_ascii(),)*
                }
            }

            /// The counter's name in `status clustering`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

counters! {
    /// Calls to a resource of this node.
    Local = "local",
    /// Calls sent to another node.
    Forwarded = "forwarded",
    /// Calls whose node a locate message found.
    Located = "located",
    /// Calls to the cluster's prefix that came to this node.
    Received = "received",
    /// Locations that got the prefix and this node's name.
    Registered = "registered",
    /// Registrations that were refused, because this node is drained or disabled.
    RegistrationsRefused = "registrations_refused",
    /// Registrations that ended.
    Unregistered = "unregistered",
    /// CDRs that got this node's name.
    Cdrs = "cdrs",
    /// Calls for which no locate message found a node.
    NotLocated = "notlocated",
    /// Calls to a name that is not a node's, or with an empty target.
    NoNode = "nonode",
    /// Calls to a node that is down or disabled.
    Offline = "offline",
    /// Calls to a node that is down, which went to its backup.
    Replaced = "replaced",
    /// Resources that were placed by the nodes' weights alone.
    Placed = "placed",
    /// Resources whose node the database named.
    Claimed = "claimed",
    /// Resources whose node was still cached from the database.
    Remembered = "remembered",
    /// Resources that this node has claimed for another node than by weights alone, because of the nodes' loads.
    Balanced = "balanced",
    /// Resources that were placed on another node than usual, because that one is down.
    Displaced = "displaced",
    /// Calls to a resource that came here and that this node places elsewhere: it is split.
    Split = "split",
    /// Messages with cluster headers from an untrusted sender.
    Untrusted = "untrusted",
    /// Messages with cluster headers but no signature.
    Unsigned = "unsigned",
    /// Messages with forged cluster headers: a wrong signature, a changed request URI, a header twice, or two that differ.
    Forged = "forged",
    /// Messages whose signature is too old, or from the future.
    Skewed = "skewed",
    /// Messages whose signature was used before, or may have been: captured calls, replayed.
    Replayed = "replayed",
    /// Messages of trusted senders that were accepted although their signature is missing or wrong, since none is required.
    Unverified = "unverified",
    /// Calls and messages of which a target, an id or a header has a control character.
    Malformed = "malformed",
    /// Calls that were looping, or had too many hops or branches.
    Looping = "looping",
    /// Failures of the core itself; a message then passed unchanged.
    Panics = "panics",
}

/// The counts of one shard of the engine's threads, so that threads seldom write to one place.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Counter::ALL.len()]);

impl Counters {
    /// Counts one.
    pub fn add(&self, counter: Counter) {
        self.0[counter as usize].fetch_add(1, Relaxed);
    }

    /// The number that was counted here.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Relaxed)
    }
}

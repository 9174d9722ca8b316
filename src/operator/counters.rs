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
    /// Calls whose node was found by a locate message.
    Located = "located",
    /// Calls to the cluster's prefix that came to this node.
    Received = "received",
    /// Locations that got this node's name in front.
    Registered = "registered",
    /// Registrations that ended.
    Unregistered = "unregistered",
    /// CDRs that got this node's name.
    Cdrs = "cdrs",
    /// Calls whose node no locate message found.
    NotLocated = "notlocated",
    /// Calls to a node whose name the pattern doesn't match, or whose target came out empty.
    NoNode = "nonode",
    /// Calls to a node that is down or disabled.
    Offline = "offline",
    /// Resources that were placed by the nodes' weights alone.
    Placed = "placed",
    /// Resources whose node the database named.
    Claimed = "claimed",
    /// Resources whose node the database had named a moment earlier.
    Remembered = "remembered",
    /// Messages with cluster headers from a sender who isn't trusted.
    Untrusted = "untrusted",
    /// Messages with cluster headers that lack a signature.
    Unsigned = "unsigned",
    /// Messages with cluster headers that are forged.
    Forged = "forged",
    /// Messages whose signature is too old, or of the future.
    Skewed = "skewed",
    /// Messages whose signature was used before.
    Replayed = "replayed",
    /// Calls that went round in circles.
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

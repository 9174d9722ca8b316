// SPDX-License-Identifier: GPL-2.0-or-later

//! Calls whose node is looked for, and whether their callers have hung up meanwhile.
//!
//! The engine keeps the channel of such a caller until the call is decided, and would place the call all the same.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;

use crate::failure::unpoisoned;

/// The callers that wait, by their channels.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    callers: Mutex<FxHashMap<Box<[u8]>, Entry>>,
    /// The number of them, so that a channel's end costs little where nobody waits.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Entry {
    /// The number of its calls that wait.
    calls: usize,
    is_gone: bool,
}

impl Waiting {
    /// Has a channel wait, for as long as the value lives.
    pub(crate) fn begin(self: &Arc<Self>, channel: &[u8]) -> Caller {
        let mut callers = unpoisoned(self.callers.lock());
        callers.entry(channel.into()).or_default().calls += 1;
        self.count.store(callers.len(), Relaxed);
        Caller {
            waiting: Arc::clone(self),
            channel: channel.into(),
        }
    }

    /// Whether a channel waits.
    pub(crate) fn has(&self, channel: &[u8]) -> bool {
        self.count.load(Relaxed) > 0 && {
            let callers = unpoisoned(self.callers.lock());
            callers.contains_key(channel)
        }
    }

    /// Takes a channel's end.
    pub(crate) fn ended(&self, channel: &[u8]) {
        if self.count.load(Relaxed) > 0 {
            let mut callers = unpoisoned(self.callers.lock());
            if let Some(caller) = callers.get_mut(channel) {
                caller.is_gone = true;
            }
        }
    }
}

/// A caller that waits.
#[derive(Debug)]
pub(crate) struct Caller {
    waiting: Arc<Waiting>,
    channel: Box<[u8]>,
}

impl Caller {
    /// Whether they have hung up.
    pub(crate) fn is_gone(&self) -> bool {
        let callers = unpoisoned(self.waiting.callers.lock());
        let own = callers.get(&self.channel);
        own.is_some_and(|caller| caller.is_gone)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut callers = unpoisoned(self.waiting.callers.lock());
        if let Some(caller) = callers.get_mut(&self.channel) {
            caller.calls -= 1;
            if caller.calls == 0 {
                callers.remove(&self.channel);
            }
        }
        self.waiting.count.store(callers.len(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_gone_once_their_channel_has_ended_and_no_other_is() {
        let waiting = Arc::new(Waiting::default());
        assert!(!waiting.has(b"sip/1"));
        let [one, two] = [&b"sip/1"[..], b"sip/2"].map(|channel| waiting.begin(channel));
        assert!(waiting.has(b"sip/1"));
        waiting.ended(b"sip/1");
        waiting.ended(b"sip/3");
        assert!(one.is_gone() && !two.is_gone());
        drop(one);
        assert!(!waiting.has(b"sip/1") && waiting.has(b"sip/2"));
        // The engine may give the name to another one.
        assert!(!waiting.begin(b"sip/1").is_gone());
        drop(two);
        assert_eq!(unpoisoned(waiting.callers.lock()).len(), 0);
    }
}

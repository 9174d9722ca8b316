// SPDX-License-Identifier: GPL-2.0-or-later

//! The state that the engine's threads work with, in shards, so that they don't contend.

use std::mem;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use crate::failure::unpoisoned;
use crate::operator::counters::{Counter, Counters};
use crate::settings::Settings;

/// Shards of the engine's threads: enough that two that run at the same time seldom meet in one.
const SHARDS: usize = 16;

/// The state that one shard of the threads works with, on cache lines of its own.
///
/// Each shard has a reference of its own to the settings in force. It is read-locked while a
/// message is decided: for less than a microsecond, unless the C library matches a node's name for the
/// first time. Only a reload ever waits for that, or is waited for.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shard {
    settings: RwLock<Arc<Settings>>,
    pub(super) counters: Counters,
}

impl Shard {
    /// The settings in force, which stay so as long as this is held.
    pub(super) fn settings(&self) -> RwLockReadGuard<'_, Arc<Settings>> {
        unpoisoned(self.settings.read())
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Shards([Shard; SHARDS]);

impl Shards {
    pub(super) fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self(std::array::from_fn(|_| Shard {
            settings: RwLock::new(Arc::clone(&settings)),
            counters: Counters::default(),
        }))
    }

    /// Has every message from now on decided by other settings.
    pub(super) fn put_in_force(&self, settings: Settings) {
        let settings = Arc::new(settings);
        // The old ones end here, with all their nodes, and not while a shard waits for it.
        let _old = self.0.each_ref().map(|shard| {
            let mut in_force = unpoisoned(shard.settings.write());
            mem::replace(&mut *in_force, Arc::clone(&settings))
        });
    }

    /// The sum of a counter over all threads.
    pub(super) fn count(&self, counter: Counter) -> u64 {
        self.0.iter().map(|shard| shard.counters.get(counter)).sum()
    }

    /// The shard of the calling thread.
    ///
    /// It is found by the place of the thread's stack. The standard library's thread identity would leave
    /// something behind in the thread that must not outlive this library.
    pub(super) fn own(&self) -> &Shard {
        let mark = 0_u8;
        let stack = (&raw const mark).addr();
        // Threads' stacks lie at least 64 KiB apart; a multiplication mixes the rest.
        let mixed = (stack >> 16).wrapping_mul(0x9E37_79B9) >> 16;
        &self.0[mixed % SHARDS]
    }
}

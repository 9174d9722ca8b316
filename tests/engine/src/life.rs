// SPDX-License-Identifier: GPL-2.0-or-later
//! The parts that tests of a module's life need: memory, and handlers that take their time.

use std::time::Duration;

use crate::engine::{Engine, Handler};
use crate::ffi;

/// The memory of the process.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes in RAM.
    pub resident: u64,
    /// Bytes in use of the heap.
    pub allocated: u64,
}

impl Memory {
    /// The memory of the process now.
    #[must_use]
    pub fn now() -> Self {
        let ffi::Memory {
            resident,
            allocated,
        } = ffi::memory();
        Self {
            resident,
            allocated,
        }
    }
}

/// The reaction of a [sleeper](Engine::sleep_in) when its thread is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Leaves.
    Heeds,
    /// Goes on until the engine ends the thread in its sleep.
    Ignores,
}

impl Engine {
    /// Installs a handler that sleeps for so long, then answers `node2`. Unlike a handler of the
    /// test's it may be asleep on an engine's thread while the engine ends.
    #[must_use]
    pub fn sleep_in(&self, name: &str, priority: u32, time: Duration, manners: Manners) -> Handler {
        let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let heeds = manners == Manners::Heeds;
        let installed = ffi::install_sleeper(name.as_bytes(), priority, milliseconds, heeds);
        Handler::new(installed)
    }

    /// The number of messages that are in a sleeper now.
    #[must_use]
    pub fn sleeping(&self) -> u32 {
        ffi::sleeping()
    }
}

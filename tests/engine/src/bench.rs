// SPDX-License-Identifier: GPL-2.0-or-later
//! The measurements of the benchmarks, and their timed loops. These run in C++: the engine and the handlers
//! are measured, not this bridge.

pub mod figures;
pub mod traffic;

use cxx::UniquePtr;

use crate::ffi;
use crate::message::Message;

/// Handlers that a module is measured against, installed until this is dropped. They have the
/// module's names, priorities and track name.
pub struct Contestant(
    #[expect(dead_code, reason = "held for its drop")] UniquePtr<ffi::Contestant>,
);

impl Contestant {
    /// Handlers that do nothing.
    #[must_use]
    pub fn noop() -> Self {
        Self(ffi::noop())
    }

    /// Handlers that write the same as the module and nothing more: the engine's own part in that.
    #[must_use]
    pub fn floor() -> Self {
        Self(ffi::floor())
    }

    /// Handlers that write the same as the module, as one writes such a handler by hand.
    #[must_use]
    pub fn ideal() -> Self {
        Self(ffi::ideal())
    }

    /// These, beside handlers for all other messages that the module takes, which do nothing, and a filter that looks at
    /// a call's target once more.
    #[must_use]
    pub fn full() -> Self {
        Self(ffi::full())
    }
}

/// The time of a message, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// From dispatch to return.
    pub dispatch: f64,
    /// With the making of the message before and its end after.
    pub whole: f64,
}

/// Dispatches fresh copies of a message for so many milliseconds in so many threads. The times are
/// medians over small batches, so that a thread that lost its core for a while does not count.
#[must_use]
pub fn measure(message: &Message, threads: u32, milliseconds: u32) -> Timing {
    let ffi::Timing { dispatch, whole } = ffi::measure(&message.packet(), threads, milliseconds);
    Timing { dispatch, whole }
}

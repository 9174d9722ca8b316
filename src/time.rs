// SPDX-License-Identifier: GPL-2.0-or-later

//! The two clocks, each with a type of its own. The core reads neither: the caller passes the time.

use std::fmt::Debug;

/// A second, in microseconds.
pub(crate) const SECOND: u64 = 1_000_000;

/// A time in microseconds, on whichever clock.
pub trait Time: Copy + Debug {
    /// The number of microseconds.
    fn micros(self) -> u64;
}

/// A time of day: microseconds since 1970, about the same on all nodes. The clock may be set forward and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(pub u64);

impl WallTime {
    /// Whole seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / SECOND
    }
}

impl Time for WallTime {
    fn micros(self) -> u64 {
        self.0
    }
}

/// A time in microseconds on a clock that is never set, of no meaning to other processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SteadyTime(pub u64);

impl SteadyTime {
    /// Whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / SECOND
    }

    /// Microseconds since an earlier time; 0 where that isn't earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time so many microseconds later.
    #[must_use]
    pub const fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl Time for SteadyTime {
    fn micros(self) -> u64 {
        self.0
    }
}

/// The times of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageTimes {
    /// The time when the engine made the message.
    pub made: WallTime,
    /// The time now.
    pub now: WallTime,
}

impl MessageTimes {
    /// The times of a message that was made just now.
    #[must_use]
    pub const fn at(now: WallTime) -> Self {
        Self { made: now, now }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The unit of time. The core reads no clock: whoever calls it says what time it is, in microseconds.

/// A second.
pub(crate) const SECOND: u64 = 1_000_000;

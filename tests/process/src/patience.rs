// SPDX-License-Identifier: GPL-2.0-or-later

//! Waiting for events that nobody reports.

use std::thread;
use std::time::{Duration, Instant};

/// The longest time that anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The time between two looks.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// Looks again and again until something is there.
///
/// # Panics
/// When it doesn't come in [`PATIENCE`]; `missing` names it.
pub fn patiently<T>(look: impl Fn() -> Option<T>, missing: impl Fn() -> String) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{}", missing());
        thread::sleep(POLL);
    }
}

/// Waits until something holds.
///
/// # Panics
/// When it doesn't in [`PATIENCE`]; `missing` names it.
pub fn eventually(holds: impl Fn() -> bool, missing: impl Fn() -> String) {
    patiently(|| holds().then_some(()), missing);
}

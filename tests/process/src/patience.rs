// SPDX-License-Identifier: GPL-2.0-or-later

//! Waiting for what nobody tells.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often somebody looks who can't be told.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// Looks again and again until something is there.
///
/// # Panics
/// When it doesn't come in [`PATIENCE`]; `missing` says what.
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
/// When it doesn't in [`PATIENCE`]; `missing` says what.
pub fn eventually(holds: impl Fn() -> bool, missing: impl Fn() -> String) {
    patiently(|| holds().then_some(()), missing);
}

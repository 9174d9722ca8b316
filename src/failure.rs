// SPDX-License-Identifier: GPL-2.0-or-later

//! Failures of the core itself: a panic ends here, not in the engine.
//!
//! The standard library's own panic hook asks who the thread is, and that leaves something behind in
//! a thread of the engine that may outlive this library. So a hook of ours notes the panic instead.
//! The module has a standard library of its own, so the hook sees no panics but the core's.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::cluster::Cluster;
use crate::event::Event;
use crate::verdict::Verdict;

/// A panic that was caught: its message and its place in the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("internal error: {0}")]
pub struct Failure(String);

/// What the hook noted of the last panic that nobody has asked for yet.
static NOTED: Mutex<Option<String>> = Mutex::new(None);

/// Makes panics be noted, for [`guard`] to tell; builds for tests print them as well.
pub(crate) fn record_panics() {
    panic::set_hook(Box::new(|panic| {
        if cfg!(debug_assertions) {
            eprintln!("{panic}");
        }
        let note = panic.to_string().replace('\n', " ");
        *NOTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }));
}

/// Runs `entry`, and catches its panic. What `entry` had in hand must not be used after one.
pub(crate) fn guard<T>(entry: impl FnOnce() -> T) -> Result<T, Failure> {
    let result = catch_unwind(AssertUnwindSafe(entry));
    result.map_err(|_| {
        let noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner).take();
        Failure(noted.unwrap_or_else(|| "unknown panic".to_owned()))
    })
}

impl Cluster {
    /// Makes a verdict of a failure: the message passes unchanged, which is counted and logged.
    pub(crate) fn failed(&self, failure: &Failure, now: u64, verdict: &mut Verdict<'_>) {
        verdict.reset();
        if let Some(unsaid) = self.panicked().pass(now) {
            verdict.event = Some(Event::Failed {
                failure: failure.clone(),
                unsaid,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_message_and_place() {
        record_panics();
        let Failure(text) = guard(|| -> () { panic!("a test's own panic") }).unwrap_err();
        drop(panic::take_hook());
        assert!(text.contains("a test's own panic"), "{text}");
        assert!(text.contains("src/failure.rs:"), "{text}");
    }
}

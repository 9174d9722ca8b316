// SPDX-License-Identifier: GPL-2.0-or-later

//! Failures of the core itself: a panic ends here, not in the engine.
//!
//! The standard library's own panic hook asks for the identity of the thread, and that leaves something
//! behind in a thread of the engine that may outlive this library. So a hook of ours notes the panic instead.
//! The module has a standard library of its own, so there the hook gets no panics but the core's.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{LockResult, Mutex, PoisonError};

/// A panic that was caught: its message and its place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("internal error: {0}")]
pub struct Failure(String);

/// The hook's note of the last panic that nobody has asked for yet. Of two panics at the same time on two
/// threads one may get the other's note: enough for a report, which names the place.
static NOTED: Mutex<Option<String>> = Mutex::new(None);

/// Has panics noted, for [`guard`] to return; builds for tests print them as well.
pub(crate) fn record_panics() {
    #[cfg(feature = "fault-injection")]
    fault::from_environment();
    panic::set_hook(Box::new(|panic| {
        if cfg!(debug_assertions) {
            eprintln!("{panic}");
        }
        let note = panic.to_string().replace('\n', " ");
        *unpoisoned(NOTED.lock()) = Some(note);
    }));
}

/// Failures on purpose: shows that one costs a message, and nothing else.
#[cfg(feature = "fault-injection")]
pub mod fault {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    static EVERY: AtomicU64 = AtomicU64::new(0);
    static ENTERED: AtomicU64 = AtomicU64::new(0);
    /// The number of the entry that panics next.
    static NEXT: AtomicU64 = AtomicU64::new(0);

    /// Has one in `count` entries of the C ABI panic from now on, the `count`th one first; 0 has none.
    ///
    /// The rest follow at uneven intervals: at even ones a host that does the same thing over and over
    /// might see the same entry fail each time.
    pub fn every(count: u64) {
        ENTERED.store(0, Relaxed);
        NEXT.store(count, Relaxed);
        EVERY.store(count, Relaxed);
    }

    /// Takes the count from the environment, for a module that an engine has loaded.
    pub(super) fn from_environment() {
        if let Some(count) = std::env::var("CLUSTERING_FAULT")
            .ok()
            .and_then(|text| text.parse().ok())
        {
            every(count);
        }
    }

    pub(super) fn strike() {
        let every = EVERY.load(Relaxed);
        let entered = ENTERED.fetch_add(1, Relaxed) + 1;
        if every == 0 || entered != NEXT.load(Relaxed) {
            return;
        }
        // From 1 to twice the count less 1, mixed by the golden ratio.
        let mixed = entered.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        NEXT.store(entered + 1 + mixed % (2 * every - 1), Relaxed);
        panic!("a failure on purpose");
    }
}

/// Runs `entry`, and catches its panic. The values that `entry` worked with must not be used after one.
pub(crate) fn guard<T>(entry: impl FnOnce() -> T) -> Result<T, Failure> {
    let result = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "fault-injection")]
        fault::strike();
        entry()
    }));
    result.map_err(|_| {
        let noted = unpoisoned(NOTED.lock()).take();
        Failure(noted.unwrap_or_else(|| "unknown panic".to_owned()))
    })
}

/// A lock that is held, whatever happened to the threads that held it before.
///
/// A panic costs one message. If it cost the locks that were held as well, it would cost all messages after
/// it. The guarded values are changed in steps, and each step leaves them whole.
pub(crate) fn unpoisoned<G>(lock: LockResult<G>) -> G {
    lock.unwrap_or_else(PoisonError::into_inner)
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

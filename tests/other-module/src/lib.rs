// SPDX-License-Identifier: GPL-2.0-or-later
//! The Rust side of a stranger's module. It is built with no care for its neighbours: all its
//! symbols are exported, and one of them has the name of an entry of the clustering core.

use std::panic::{catch_unwind, panic_any, set_hook};
use std::process::abort;
use std::sync::{Mutex, PoisonError};

static COUNT: Mutex<u64> = Mutex::new(0);

/// Keeps panics from being printed: the standard library's hook asks for the identity of the thread, which
/// must not be done in a library that goes before the thread does.
#[unsafe(no_mangle)]
pub extern "C" fn other_start() {
    set_hook(Box::new(|_| {}));
}

/// Counts a message; gives the number so far.
#[unsafe(no_mangle)]
pub extern "C" fn other_count() -> u64 {
    let counted = catch_unwind(|| {
        let mut count = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        *count
    });
    counted.unwrap_or_default()
}

/// Panics and catches it; 1 where it was caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_panic() -> u64 {
    u64::from(catch_unwind(|| panic_any("the other module's own")).is_err())
}

/// Named as an entry of the clustering core, to be taken for that by mistake.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_decide() -> u32 {
    abort()
}

/// As [`clustering_decide`].
#[unsafe(no_mangle)]
pub extern "C" fn clustering_load() -> u32 {
    abort()
}

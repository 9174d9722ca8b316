// SPDX-License-Identifier: GPL-2.0-or-later

//! Which ABI the core has, and whether a host was built for it.
//!
//! A host knows the layout of the structures and the numbers from the header that it was compiled with; with
//! another core they would be read wrongly, without a word. So the header has a number, and the host asks.

use super::{
    clustering_bytes, clustering_result,
    clustering_result::{CLUSTERING_BAD_ABI, CLUSTERING_OK},
    clustering_text,
};

/// The number of the ABI that this header declares, for `clustering_abi_check`. Each change of a declaration
/// gives it another one.
pub const CLUSTERING_ABI_VERSION: u32 = 2;

/// The number of the ABI that the core has.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_abi_version() -> u32 {
    CLUSTERING_ABI_VERSION
}

/// The version of the core, such as `1.0.0`; for ever valid.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_version() -> clustering_bytes {
    clustering_bytes::new(env!("CARGO_PKG_VERSION").as_bytes())
}

/// Checks that the host was built for the ABI that the core has: `version` is the host's
/// `CLUSTERING_ABI_VERSION`. To be called before any other entry; after `CLUSTERING_BAD_ABI` no other may be
/// called but `clustering_text_free`.
///
/// `error`, unless NULL, gets a line that says what doesn't fit, else an empty text. Free it in both cases.
/// This entry, `clustering_abi_version`, `clustering_text` and `clustering_text_free` are the same in every ABI.
///
/// # Safety
///
/// `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_abi_check(
    version: u32,
    error: *mut clustering_text,
) -> clustering_result {
    let fits = version == CLUSTERING_ABI_VERSION;
    let misfit = || {
        format!(
            "built for ABI {version} of the clustering core, but this is {} with ABI \
             {CLUSTERING_ABI_VERSION}: build it again, with the clustering.h of this core",
            env!("CARGO_PKG_VERSION"),
        )
    };
    let text = || if fits { String::new() } else { misfit() };
    // SAFETY: promised by the caller.
    unsafe { clustering_text::give(error, || text().into_bytes()) };
    if fits {
        CLUSTERING_OK
    } else {
        CLUSTERING_BAD_ABI
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The number of the ABI, and the check that a host was built for it.
//!
//! A host knows the layout of the structures and the numbers from the header that it was compiled with; with
//! another core they would be read wrongly, without a word. So the header has a number, and the host asks.

use super::{
    clustering_borrowed_text, clustering_owned_text, clustering_result,
    clustering_result::{CLUSTERING_RESULT_BAD_ABI, CLUSTERING_RESULT_OK},
};

/// The number of the ABI that this header declares, for `clustering_abi_check`. Each change of a declaration
/// gives it another one.
pub const CLUSTERING_ABI_VERSION: u32 = 2;

/// Gives the number of the ABI that the core has.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_abi_version() -> u32 {
    CLUSTERING_ABI_VERSION
}

/// Gives the version of the core, such as `1.0.0`.
///
/// Returns a text of the core's, valid for ever. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_version() -> clustering_borrowed_text {
    clustering_borrowed_text::new(env!("CARGO_PKG_VERSION").as_bytes())
}

/// Checks that the host was built for the ABI that the core has. To be called before any other function.
///
/// * `version`: the host's `CLUSTERING_ABI_VERSION`.
/// * `error`: gets a line with the reason where they don't fit, else an empty text; the host owns it in both
///   cases. NULL where no line is wanted.
///
/// Returns `CLUSTERING_RESULT_OK` or `CLUSTERING_RESULT_BAD_ABI`; after the latter only
/// `clustering_owned_text_free` may be called. This function, that one, `clustering_abi_version` and
/// `clustering_owned_text` are the same in every ABI from 2 on. Threads: any.
///
/// # Safety
///
/// `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_abi_check(
    version: u32,
    error: *mut clustering_owned_text,
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
    unsafe { clustering_owned_text::write_to(error, || text().into_bytes()) };
    if fits {
        CLUSTERING_RESULT_OK
    } else {
        CLUSTERING_RESULT_BAD_ABI
    }
}

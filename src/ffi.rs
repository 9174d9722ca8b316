// SPDX-License-Identifier: GPL-2.0-or-later

//! The C ABI: the only way in from C and C++.
//!
//! The header `include/clustering.h` is made from the files of this module; its conventions stand at its
//! top (`cbindgen.toml`). C has one room for all names, and so has this module. The rules of this side:
//!
//! * Each function runs the core inside `guard` of [`failure`](crate::failure): a panic costs that one
//!   message, never the engine. Outside is only the translation of arguments and results, which can't fail.
//! * Pointers become references only here, each where a SAFETY comment names what the caller owes.
//! * A [`clustering_verdict`] is the caller's memory with a Rust value in it, from the function that
//!   made it until `clustering_verdict_release`.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "these are the names that C sees")]

mod abi;
mod lookup;
mod message;
mod node;
mod operator;
mod task;
mod text;
mod verdict;

pub use abi::*;
pub use lookup::*;
pub use message::*;
pub use node::*;
pub use operator::*;
pub use task::*;
pub use text::*;
pub use verdict::*;

/// The result of a function. Numbers are never given another meaning.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_result {
    /// It was done.
    CLUSTERING_RESULT_OK = 0,
    /// The core failed; nothing was changed, the failure was counted.
    CLUSTERING_RESULT_PANIC = 1,
    /// An argument was NULL or out of range; nothing was done.
    CLUSTERING_RESULT_BAD_ARGUMENT = 2,
    /// The settings are wrong, or the state is damaged; nothing of it was taken.
    CLUSTERING_RESULT_BAD_SETTINGS = 3,
    /// The host was built for another ABI.
    CLUSTERING_RESULT_BAD_ABI = 4,
}

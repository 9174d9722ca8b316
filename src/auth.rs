// SPDX-License-Identifier: GPL-2.0-or-later

//! Decides whether a message's cluster headers are trusted: by the sender's address, by a signature, or by both.

pub(crate) mod authenticate;
pub mod derived;
pub mod lookups;
pub mod nonce_cache;
pub mod signature;
pub mod trust;

// SPDX-License-Identifier: GPL-2.0-or-later

//! Lookups: the names of hosts whose addresses the core wants to know.

use super::node::clustering_core;
use super::text::{array, clustering_borrowed_text, clustering_owned_text};
use crate::auth::lookups::{Answer, MOST_LOOKUPS};
use crate::cluster::Cluster;
use crate::time::SteadyTime;

/// The most names that a host has to look up at a time, each on a thread of its own.
pub const CLUSTERING_MAX_LOOKUPS: u32 = 8;

const _: () = assert!(CLUSTERING_MAX_LOOKUPS as usize == MOST_LOOKUPS);

/// The outcome of a lookup.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_lookup {
    /// The name has these addresses.
    CLUSTERING_LOOKUP_FOUND = 0,
    /// There is no such name, or it has no address.
    CLUSTERING_LOOKUP_NO_NAME = 1,
    /// Nobody could say: no server has answered, or no thread could be started.
    CLUSTERING_LOOKUP_FAILED = 2,
}

/// Takes the next name of a host that is to be looked up, by whatever the calls to it are resolved by. To be called
/// until there is none: on `CLUSTERING_ACTION_RESOLVE`, and after `clustering_tick`, `clustering_load` and
/// `clustering_resolved`. A lookup may take long, so each has a thread of its own, of which
/// `CLUSTERING_MAX_LOOKUPS` run at most.
///
/// * `core`: the node.
/// * `name`: gets the name, which the host owns; an empty text where there is none.
///
/// Returns whether there was one, which `clustering_resolved` then must answer; `false` where an argument is NULL,
/// and where the core failed, which is counted. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `name` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_next_lookup(
    core: *const clustering_core,
    name: *mut clustering_owned_text,
) -> bool {
    // SAFETY: promised by the caller.
    let core = unsafe { core.as_ref() }.filter(|_| !name.is_null());
    let next = core.and_then(|core| core.0.catch_panic(Cluster::next_lookup).ok().flatten());
    let is_there = next.is_some();
    let bytes = || next.map(|name| name.into_boxed_bytes().into_vec());
    // SAFETY: promised by the caller.
    unsafe { clustering_owned_text::write_to(name, || bytes().unwrap_or_default()) };
    is_there
}

/// Tells whether a name is still being looked up.
///
/// * `core`: the node. NULL gives `false`.
/// * `name`: the name, as `retval` has it.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `name` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_resolving(
    core: *const clustering_core,
    name: clustering_borrowed_text,
) -> bool {
    // SAFETY: promised by the caller.
    let (core, name) = unsafe { (core.as_ref(), name.get()) };
    let (Some(core), Ok(name)) = (core, std::str::from_utf8(name)) else {
        return false;
    };
    core.0
        .catch_panic(|cluster| cluster.is_looked_up(name))
        .unwrap_or(false)
}

/// Takes the outcome of a lookup.
///
/// * `core`: the node. NULL is fine.
/// * `name`: the name. Of one that nobody waits for any more nothing is taken.
/// * `outcome`: a `clustering_lookup`; any other number is taken for a failure.
/// * `addresses`, `count`: the name's addresses as text, of both families. NULL for none, whatever `count` says.
/// * `now`: microseconds on the clock of `clustering_tick`.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `name`, `addresses` and their texts are valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_resolved(
    core: *const clustering_core,
    name: clustering_borrowed_text,
    outcome: u32,
    addresses: *const clustering_borrowed_text,
    count: usize,
    now: u64,
) {
    // SAFETY: promised by the caller.
    let (core, name, addresses) = unsafe { (core.as_ref(), name.get(), array(addresses, count)) };
    let (Some(core), Ok(name)) = (core, std::str::from_utf8(name)) else {
        return;
    };
    let _ = core.0.catch_panic(|cluster| {
        let answer = if outcome == clustering_lookup::CLUSTERING_LOOKUP_FOUND as u32 {
            // SAFETY: promised by the caller.
            let texts = addresses.iter().map(|text| unsafe { text.get() });
            let texts = texts.filter_map(|text| std::str::from_utf8(text).ok());
            Answer::Found(texts.filter_map(|text| text.parse().ok()).collect())
        } else if outcome == clustering_lookup::CLUSTERING_LOOKUP_NO_NAME as u32 {
            Answer::NoName
        } else {
            Answer::Failed
        };
        cluster.looked_up(name, answer, SteadyTime(now));
    });
}

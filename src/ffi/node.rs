// SPDX-License-Identifier: GPL-2.0-or-later

//! A node and its settings.

use super::clustering_result;
use super::clustering_result::{
    CLUSTERING_BAD_ARGUMENT, CLUSTERING_BAD_SETTINGS, CLUSTERING_OK, CLUSTERING_PANIC,
};
use super::message::kind_of;
use super::text::{array, clustering_bytes, clustering_text};
use crate::cluster::Cluster;
use crate::failure::guard;
use crate::settings::Entry;
use crate::text::Escaped;

/// One `key=value` of a file of settings.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_setting {
    /// The section that it stands in.
    pub section: clustering_bytes,
    /// The key; empty for a section that has no entries.
    pub key: clustering_bytes,
    /// The value.
    pub value: clustering_bytes,
}

/// A node's view of its cluster. Opaque.
pub struct clustering_core(pub(super) Cluster);

// Any thread may call any entry.
const _: fn() = || {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<clustering_core>();
};

/// A file of settings as the host has read it.
///
/// # Safety
///
/// The texts are valid, and stay as they are for `'m`.
pub(super) unsafe fn entries<'m>(settings: &[clustering_setting]) -> Vec<Entry<'m>> {
    let entry = |setting: &clustering_setting| {
        // SAFETY: promised by the caller.
        let text = |bytes: clustering_bytes| unsafe { bytes.get() };
        Entry {
            section: text(setting.section),
            key: text(setting.key),
            value: text(setting.value),
        }
    };
    settings.iter().map(entry).collect()
}

/// Makes a node that does nothing until `clustering_load`; the caller owns it.
///
/// `node` is the node's name; with an empty one the node stays disabled. `process` is a random number,
/// which no other process of the cluster may have. NULL is returned where the core failed.
///
/// # Safety
///
/// `node` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_new(
    node: clustering_bytes,
    process: u64,
) -> *mut clustering_core {
    crate::failure::record_panics();
    // SAFETY: promised by the caller.
    let node = unsafe { node.get() };
    guard(|| Box::into_raw(Box::new(clustering_core(Cluster::new(node, process)))))
        .unwrap_or(std::ptr::null_mut())
}

/// Frees a node. Nobody may be inside another entry with it. NULL is fine.
///
/// # Safety
///
/// `core` came from `clustering_new` and is used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_free(core: *mut clustering_core) {
    if core.is_null() {
        return;
    }
    // SAFETY: promised by the caller.
    let _ = guard(|| drop(unsafe { Box::from_raw(core) }));
}

/// Puts a file of settings in force.
///
/// `file` is its path, for errors; `settings` its `count` entries in order; NULL for none, whatever `count` says. Where
/// it's refused `errors`, unless NULL, gets a line for each thing that is wrong, and the settings in
/// force stay; else an empty text. Free it in both cases.
///
/// # Safety
///
/// `core` is NULL or a node; `file`, the entries and their texts are valid for the call; `errors` is
/// NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_load(
    core: *const clustering_core,
    file: clustering_bytes,
    settings: *const clustering_setting,
    count: usize,
    errors: *mut clustering_text,
) -> clustering_result {
    let mut lines = Vec::new();
    // SAFETY: promised by the caller.
    let (core, file, settings) = unsafe { (core.as_ref(), file.get(), array(settings, count)) };
    let result = match core {
        None => CLUSTERING_BAD_ARGUMENT,
        Some(clustering_core(cluster)) => cluster
            .catch_panic(|cluster| {
                // SAFETY: promised by the caller.
                let entries = unsafe { entries(settings) };
                match cluster.load(&Escaped(file).to_string(), &entries) {
                    Ok(()) => CLUSTERING_OK,
                    Err(problems) => {
                        lines = problems.iter().map(ToString::to_string).collect();
                        CLUSTERING_BAD_SETTINGS
                    }
                }
            })
            .unwrap_or_else(|failure| {
                lines = vec![failure.to_string()];
                CLUSTERING_PANIC
            }),
    };
    // SAFETY: promised by the caller.
    unsafe { clustering_text::give(errors, || lines.join("\n").into_bytes()) };
    result
}

/// Whether the settings in force let the node do anything; `false` for NULL.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_enabled(core: *const clustering_core) -> bool {
    // SAFETY: promised by the caller.
    let core = unsafe { core.as_ref() };
    core.is_some_and(|core| guard(|| core.0.settings().enabled).unwrap_or(false))
}

/// The priority at which messages of a kind are to be handled; 0 where they are not, where `kind` is
/// no `clustering_kind`, or for NULL.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_priority(core: *const clustering_core, kind: u32) -> u32 {
    // SAFETY: promised by the caller.
    let core = unsafe { core.as_ref() };
    let (Some(core), Some(kind)) = (core, kind_of(kind)) else {
        return 0;
    };
    guard(|| core.0.settings().priority(kind).unwrap_or(0)).unwrap_or(0)
}

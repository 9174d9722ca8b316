// SPDX-License-Identifier: GPL-2.0-or-later

//! A node and its settings.

use std::fmt::Display;

use super::clustering_result;
use super::clustering_result::{
    CLUSTERING_RESULT_BAD_ARGUMENT, CLUSTERING_RESULT_BAD_SETTINGS, CLUSTERING_RESULT_OK,
    CLUSTERING_RESULT_PANIC,
};
use super::message::kind_of;
use super::text::{array, clustering_borrowed_text, clustering_owned_text};
use crate::cluster::Cluster;
use crate::failure::guard;
use crate::file::Document;
use crate::settings::Entry;
use crate::text::Escaped;
use crate::time::SteadyTime;

/// One `key=value` of a file of settings.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_setting {
    /// The section that it stands in.
    pub section: clustering_borrowed_text,
    /// The key; empty for a section that has no entries.
    pub key: clustering_borrowed_text,
    /// The value.
    pub value: clustering_borrowed_text,
}

/// A node's view of its cluster. Opaque.
pub struct clustering_core(pub(super) Cluster);

// Any thread may call any entry.
const _: fn() = || {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<clustering_core>();
};

/// The entries of a file of settings as the host has read it.
///
/// # Safety
///
/// The texts are valid, and stay as they are for `'m`.
pub(super) unsafe fn entries<'m>(settings: &[clustering_setting]) -> Vec<Entry<'m>> {
    let entry = |setting: &clustering_setting| {
        // SAFETY: promised by the caller.
        let text = |bytes: clustering_borrowed_text| unsafe { bytes.get() };
        Entry {
            section: text(setting.section),
            key: text(setting.key),
            value: text(setting.value),
        }
    };
    settings.iter().map(entry).collect()
}

/// A text of a node's; an empty one for NULL, and where the core fails, which is counted.
///
/// # Safety
///
/// `core` is NULL or a node.
pub(super) unsafe fn show(
    core: *const clustering_core,
    make: impl FnOnce(&Cluster) -> Vec<u8>,
) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    let text = unsafe { core.as_ref() }.map(|core| core.0.catch_panic(make));
    clustering_owned_text::new(|| text.and_then(Result::ok).unwrap_or_default())
}

/// Makes a node that does nothing until `clustering_load`.
///
/// * `node`: the node's name; with an empty one the node stays disabled.
/// * `process`: a random number, which no other process of the cluster may have.
///
/// Returns a node that the host owns and frees with `clustering_free`; NULL where the core failed. Threads: any.
///
/// # Safety
///
/// `node` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_new(
    node: clustering_borrowed_text,
    process: u64,
) -> *mut clustering_core {
    crate::failure::record_panics();
    // SAFETY: promised by the caller.
    let node = unsafe { node.get() };
    guard(|| Box::into_raw(Box::new(clustering_core(Cluster::new(node, process)))))
        .unwrap_or(std::ptr::null_mut())
}

/// Frees a node, and makes the pointer to it NULL. No other function may be at work with the node.
///
/// * `core`: the place of the pointer, which the host owns. NULL is fine, at both levels.
///
/// Threads: any, as the last function of all.
///
/// # Safety
///
/// `core` is NULL or valid; the pointer in it is NULL or came from `clustering_new`, and is used no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_free(core: *mut *mut clustering_core) {
    if core.is_null() {
        return;
    }
    // SAFETY: not NULL, and the rest is promised by the caller.
    let node = unsafe { core.replace(std::ptr::null_mut()) };
    if !node.is_null() {
        // SAFETY: `clustering_new` made it of a box.
        let _ = guard(|| drop(unsafe { Box::from_raw(node) }));
    }
}

/// Puts a file of settings in force, or refuses it as a whole. `clustering_next_task` is to be called afterwards.
///
/// * `core`: the node.
/// * `file`: the file's path, for errors.
/// * `text`: the file's whole text, in which the lines of mistakes are found, and damaged lines, which are mistakes, too.
///   Without it an empty text.
/// * `settings`, `count`: the file's entries in order. NULL for none, whatever `count` says.
/// * `errors`: gets a line for each mistake in the file, else an empty text; the host owns it in both cases.
///   NULL where no lines are wanted.
///
/// Returns `CLUSTERING_RESULT_OK`; `CLUSTERING_RESULT_BAD_SETTINGS` where the file was refused, because of a mistake
/// or because it would switch clustering off without saying `enabled=no`, `CLUSTERING_RESULT_PANIC` where the core
/// failed: then the settings in force stay;
/// `CLUSTERING_RESULT_BAD_ARGUMENT` for a `core` of NULL. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `file`, `text`, the entries and their texts are valid for the call; `errors` is
/// NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_load(
    core: *const clustering_core,
    file: clustering_borrowed_text,
    text: clustering_borrowed_text,
    settings: *const clustering_setting,
    count: usize,
    errors: *mut clustering_owned_text,
) -> clustering_result {
    let mut lines = Vec::new();
    // SAFETY: promised by the caller.
    let (core, file, text, settings) = unsafe {
        (
            core.as_ref(),
            file.get(),
            text.get(),
            array(settings, count),
        )
    };
    let result = match core {
        None => CLUSTERING_RESULT_BAD_ARGUMENT,
        Some(clustering_core(cluster)) => cluster
            .catch_panic(|cluster| {
                // SAFETY: promised by the caller.
                let entries = unsafe { entries(settings) };
                let document = Document::of(file, text, &entries, cluster.node());
                match cluster.load_file(&Escaped(file).to_string(), &entries, &document) {
                    Ok(()) => CLUSTERING_RESULT_OK,
                    Err(problems) => {
                        lines = problems.iter().map(ToString::to_string).collect();
                        CLUSTERING_RESULT_BAD_SETTINGS
                    }
                }
            })
            .unwrap_or_else(|failure| {
                lines = vec![failure.to_string()];
                CLUSTERING_RESULT_PANIC
            }),
    };
    // SAFETY: promised by the caller.
    unsafe { clustering_owned_text::write_to(errors, || lines.join("\n").into_bytes()) };
    result
}

/// Notes that the file of settings could not be read, so that the status says that older ones are in force.
///
/// * `core`: the node. NULL is fine.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_not_loaded(core: *const clustering_core) {
    // SAFETY: promised by the caller.
    if let Some(core) = unsafe { core.as_ref() } {
        core.0.not_loaded();
    }
}

/// Tells whether the settings in force let the node do anything.
///
/// * `core`: the node. NULL gives `false`.
///
/// Threads: any.
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

/// Tells whether messages of a kind are decided by the settings in force. If not, they pass.
///
/// * `core`: the node. NULL gives `false`.
/// * `kind`: a `clustering_kind`; any other number gives `false`.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_decides(core: *const clustering_core, kind: u32) -> bool {
    // SAFETY: promised by the caller.
    let core = unsafe { core.as_ref() };
    let (Some(core), Some(kind)) = (core, kind_of(kind)) else {
        return false;
    };
    guard(|| core.0.decides(kind)).unwrap_or(false)
}

/// Gives the priority at which the host is to install its handler for messages of a kind: once, after the
/// first `clustering_load` that wasn't refused. When later settings have another priority, the core has a
/// warning logged.
///
/// * `core`: the node. NULL gives 0.
/// * `kind`: a `clustering_kind`; any other number gives 0.
///
/// Returns 0 where the host is to have no handler. Threads: any.
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
    guard(|| core.0.settings().priority(kind)).unwrap_or(0)
}

/// Gives the state that is to be kept until the next start of the host: the admin states of nodes.
///
/// * `core`: the node. NULL gives an empty text.
///
/// Returns a text that the host owns, never an empty one, except where the core failed: then the text that
/// was kept before is worth more. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_state(core: *const clustering_core) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    unsafe { show(core, Cluster::state) }
}

/// Takes the state that was kept, before the first `clustering_load`.
///
/// * `core`: the node.
/// * `state`: a text of `clustering_state`.
/// * `error`: gets the reason where the state is damaged, else an empty text; the host owns it in both cases.
///   NULL where none is wanted.
///
/// Returns `CLUSTERING_RESULT_OK`; `CLUSTERING_RESULT_BAD_SETTINGS` where the state is damaged,
/// `CLUSTERING_RESULT_PANIC` where the core failed: then nothing of it is taken;
/// `CLUSTERING_RESULT_BAD_ARGUMENT` for a `core` of NULL. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `state` is valid for the call; `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_restore(
    core: *const clustering_core,
    state: clustering_borrowed_text,
    error: *mut clustering_owned_text,
) -> clustering_result {
    // SAFETY: promised by the caller.
    unsafe {
        let state = state.get();
        take_kept(core, error, |cluster| cluster.restore(state))
    }
}

/// Gives the connections of the registrations on this node. The same run of the host takes them over after
/// the module was unloaded and loaded again.
///
/// * `core`: the node. NULL gives an empty text.
/// * `run`: a text that tells this run of the host from any other.
///
/// Returns a text that the host owns; an empty one where there are none, or where the core failed. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `run` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_connections(
    core: *const clustering_core,
    run: clustering_borrowed_text,
) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    unsafe {
        let run = run.get();
        show(core, |cluster| {
            let connections = cluster.connections();
            if connections.is_empty() {
                return Vec::new();
            }
            connections.write(run)
        })
    }
}

/// Takes the connections that were kept, before the first `clustering_load`. To be called where there are none, too.
///
/// * `core`: the node.
/// * `connections`: a text of `clustering_connections`, or an empty one.
/// * `run`: as for `clustering_connections`. The connections of another run of the host are left out.
/// * `now`: the time in microseconds, on the clock of `clustering_tick`.
/// * `error`: gets the reason where the text is damaged, else an empty text; the host owns it in both cases.
///   NULL where none is wanted.
///
/// Returns the same as `clustering_restore`. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `connections` and `run` are valid for the call; `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_restore_connections(
    core: *const clustering_core,
    connections: clustering_borrowed_text,
    run: clustering_borrowed_text,
    now: u64,
    error: *mut clustering_owned_text,
) -> clustering_result {
    // SAFETY: promised by the caller.
    unsafe {
        let (text, run) = (connections.get(), run.get());
        take_kept(core, error, |cluster| {
            cluster.restore_connections(text, run, SteadyTime(now))
        })
    }
}

/// Takes a kept text, and gives the reason where it isn't taken.
///
/// # Safety
///
/// `core` is NULL or a node; `error` is NULL or valid for a write.
unsafe fn take_kept<E: Display>(
    core: *const clustering_core,
    error: *mut clustering_owned_text,
    take: impl FnOnce(&Cluster) -> Result<(), E>,
) -> clustering_result {
    // SAFETY: promised by the caller.
    let taken = unsafe { core.as_ref() }.map(|core| core.0.catch_panic(take));
    let (result, reason) = match taken {
        None => (CLUSTERING_RESULT_BAD_ARGUMENT, String::new()),
        Some(Ok(Ok(()))) => (CLUSTERING_RESULT_OK, String::new()),
        Some(Ok(Err(damage))) => (CLUSTERING_RESULT_BAD_SETTINGS, damage.to_string()),
        Some(Err(failure)) => (CLUSTERING_RESULT_PANIC, failure.to_string()),
    };
    // SAFETY: promised by the caller.
    unsafe { clustering_owned_text::write_to(error, || reason.into_bytes()) };
    result
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Entries for what is no message: tasks, commands, state that is kept.

use super::{
    array, clustering_bytes, clustering_core, clustering_result,
    clustering_result::{
        CLUSTERING_BAD_ARGUMENT, CLUSTERING_BAD_SETTINGS, CLUSTERING_OK, CLUSTERING_PANIC,
    },
    clustering_setting, clustering_text, entries,
};
use crate::cluster::Cluster;
use crate::nodes::probe::Outcome;
use crate::operator::command;
use crate::operator::status;
use crate::task::Task;
use crate::text::Escaped;

/// What the host is to do, besides answering messages.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_chore_kind {
    /// Say `text` in the log, at `level`.
    CLUSTERING_SAY = 0,
    /// Send an OPTIONS request to the URI `text`, `tries` times at most, then call `clustering_probed`
    /// with `node` and `number`.
    CLUSTERING_PROBE = 1,
    /// Keep what `clustering_state` says.
    CLUSTERING_SAVE = 2,
}

/// Something that the host is to do. Both texts are the host's, to be freed.
#[repr(C)]
#[derive(Debug)]
pub struct clustering_chore {
    /// What to do.
    pub kind: clustering_chore_kind,
    /// The level of a line for the log.
    pub level: i32,
    /// The line, or the URI.
    pub text: clustering_text,
    /// The node that is probed.
    pub node: clustering_text,
    /// Which of its probes it is.
    pub number: u64,
    /// How often to send it at most.
    pub tries: u32,
}

/// How a probe ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_outcome {
    /// With an answer.
    CLUSTERING_ANSWERED = 0,
    /// Without one, or it could not be sent.
    #[allow(
        dead_code,
        reason = "whatever isn't one of the others is taken for this"
    )]
    CLUSTERING_FAILED = 1,
    /// Nobody here sends requests.
    CLUSTERING_UNHANDLED = 2,
}

/// Looks after the nodes: to be called every second, then `clustering_chore_next`. `now` is in
/// microseconds, on a clock of the host's that never steps back. NULL is fine.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_tick(core: *const clustering_core, now: u64) {
    // SAFETY: promised by the caller.
    if let Some(core) = unsafe { core.as_ref() } {
        let _ = core.0.catch_panic(|cluster| cluster.tick(now));
    }
}

/// Takes the next thing that is to be done; `false` where there is none, or for NULL. To be called until
/// then after `clustering_tick`; and after `clustering_command`, so that what was wanted is kept at once.
///
/// # Safety
///
/// `core` is NULL or a node; `next` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_chore_next(
    core: *const clustering_core,
    next: *mut clustering_chore,
) -> bool {
    // SAFETY: promised by the caller.
    let Some(core) = (unsafe { core.as_ref() }).filter(|_| !next.is_null()) else {
        return false;
    };
    let Ok(Some(task)) = core.0.catch_panic(Cluster::next_task) else {
        return false;
    };
    let mut made = clustering_chore {
        kind: clustering_chore_kind::CLUSTERING_SAVE,
        level: 0,
        text: clustering_text::EMPTY,
        node: clustering_text::EMPTY,
        number: 0,
        tries: 0,
    };
    match task {
        Task::Save => {}
        Task::Say { level, line } => {
            made.kind = clustering_chore_kind::CLUSTERING_SAY;
            made.level = level as i32;
            made.text = clustering_text::new(|| line.into_bytes());
        }
        Task::Probe(probe) => {
            made.kind = clustering_chore_kind::CLUSTERING_PROBE;
            made.text = clustering_text::new(|| probe.uri.into());
            made.node = clustering_text::new(|| probe.node.into());
            made.number = probe.number;
            made.tries = probe.tries;
        }
    }
    // SAFETY: not NULL, the rest is promised by the caller.
    unsafe { next.write(made) };
    true
}

/// Takes how a probe of `node` ended: `outcome` is a `clustering_outcome`, `answer` its code, `now`
/// on the clock of `clustering_tick`. NULL is fine, and so is an answer to a probe that is forgotten.
///
/// # Safety
///
/// `core` is NULL or a node; `node` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_probed(
    core: *const clustering_core,
    node: clustering_bytes,
    number: u64,
    outcome: u32,
    answer: u32,
    now: u64,
) {
    // SAFETY: promised by the caller.
    let (core, node) = unsafe { (core.as_ref(), node.get()) };
    let is = |known: clustering_outcome| outcome == known as u32;
    let outcome = if is(clustering_outcome::CLUSTERING_ANSWERED) {
        u16::try_from(answer).map_or(Outcome::Failed, Outcome::Answered)
    } else if is(clustering_outcome::CLUSTERING_UNHANDLED) {
        Outcome::Unhandled
    } else {
        Outcome::Failed
    };
    if let Some(core) = core {
        let _ = core
            .0
            .catch_panic(|cluster| cluster.probed(node, number, outcome, now));
    }
}

/// What is to be kept until the next start of the host, never empty; free it. NULL gives no text, and neither does
/// a failure: then what was kept before is worth more.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_state(core: *const clustering_core) -> clustering_text {
    // SAFETY: promised by the caller.
    unsafe { show(core, Cluster::state) }
}

/// Goes on with what `clustering_state` said. Where that is damaged nothing of it is taken, and `error`, unless
/// NULL, gets the reason; else an empty text. Free it in both cases.
///
/// # Safety
///
/// `core` is NULL or a node; `state` is valid for the call; `error` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_restore(
    core: *const clustering_core,
    state: clustering_bytes,
    error: *mut clustering_text,
) -> clustering_result {
    // SAFETY: promised by the caller.
    let (core, state) = unsafe { (core.as_ref(), state.get()) };
    let (result, reason) =
        match core.map(|core| core.0.catch_panic(|cluster| cluster.restore(state))) {
            None => (CLUSTERING_BAD_ARGUMENT, String::new()),
            Some(Ok(Ok(()))) => (CLUSTERING_OK, String::new()),
            Some(Ok(Err(damage))) => (CLUSTERING_BAD_SETTINGS, damage.to_string()),
            Some(Err(failure)) => (CLUSTERING_PANIC, failure.to_string()),
        };
    // SAFETY: promised by the caller.
    unsafe { clustering_text::give(error, || reason.into_bytes()) };
    result
}

/// The parameters of `status clustering`, as `name=value` with commas between; free it. NULL gives
/// no text.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_status(core: *const clustering_core) -> clustering_text {
    // SAFETY: promised by the caller.
    unsafe { show(core, |cluster| status::params(cluster).into_bytes()) }
}

/// The nodes in `status clustering`, as `NODE=column|column...` with commas between; free it. NULL gives no
/// text.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_status_nodes(core: *const clustering_core) -> clustering_text {
    // SAFETY: promised by the caller.
    unsafe { show(core, |cluster| status::nodes(cluster).into_bytes()) }
}

/// What the columns of `clustering_status_nodes` are: `format=Name|Name...`; for ever valid.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_status_format() -> clustering_bytes {
    clustering_bytes::new(status::FORMAT.as_bytes())
}

/// A text of a node's; none for NULL, and none where the core fails, which is counted.
///
/// # Safety
///
/// `core` is NULL or a node.
unsafe fn show(
    core: *const clustering_core,
    what: impl FnOnce(&Cluster) -> Vec<u8>,
) -> clustering_text {
    // SAFETY: promised by the caller.
    let text = unsafe { core.as_ref() }.map(|core| core.0.catch_panic(what));
    clustering_text::new(|| text.and_then(Result::ok).unwrap_or_default())
}

/// Says what is wrong with a file of settings, or how it would work, in lines with line feeds at their ends;
/// free it. The settings in force stay. The arguments are those of `clustering_load`; NULL for `core` gives no
/// text.
///
/// # Safety
///
/// `core` is NULL or a node; `file`, the entries and their texts are valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_check(
    core: *const clustering_core,
    file: clustering_bytes,
    settings: *const clustering_setting,
    count: usize,
) -> clustering_text {
    // SAFETY: promised by the caller.
    unsafe {
        let (file, settings) = (file.get(), array(settings, count));
        show(core, |cluster| {
            command::check(cluster, &Escaped(file).to_string(), &entries(settings)).into_bytes()
        })
    }
}

/// Carries out a command: `line` is what stands behind the command's own word. `false` where that is
/// nothing of the kind, or for NULL; else `answer`, unless NULL, gets lines with line feeds at
/// their ends. Free it in both cases.
///
/// # Safety
///
/// `core` is NULL or a node; `line` is valid for the call; `answer` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_command(
    core: *const clustering_core,
    line: clustering_bytes,
    answer: *mut clustering_text,
) -> bool {
    // SAFETY: promised by the caller.
    let (core, line) = unsafe { (core.as_ref(), line.get()) };
    let text = core.and_then(|core| {
        let ran = core.0.catch_panic(|cluster| command::run(cluster, line));
        ran.unwrap_or_else(|failure| Some(format!("{failure}\n")))
    });
    let taken = text.is_some();
    // SAFETY: promised by the caller.
    unsafe { clustering_text::give(answer, || text.unwrap_or_default().into_bytes()) };
    taken
}

/// The words that may follow `line`, which stands behind the command's own word, with line feeds at their
/// ends; free it. NULL gives no text.
///
/// # Safety
///
/// `core` is NULL or a node; `line` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_complete(
    core: *const clustering_core,
    line: clustering_bytes,
) -> clustering_text {
    // SAFETY: promised by the caller.
    unsafe {
        let line = line.get();
        show(core, |cluster| {
            let words = command::complete(cluster, line);
            words
                .iter()
                .flat_map(|word| [word, &b"\n"[..]].concat())
                .collect()
        })
    }
}

/// How to use the command, a line for each use, with line feeds at their ends; free it.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_help() -> clustering_text {
    clustering_text::new(|| command::help().into_bytes())
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! Tasks: the work of a host that is no answer to a message, and the clock that brings it about.

use super::node::clustering_core;
use super::text::{clustering_borrowed_text, clustering_owned_text, clustering_owned_text_free};
use super::verdict::clustering_reply;
use crate::cluster::Cluster;
use crate::nodes::probe::{Report, retry_after};
use crate::task::Task;
use crate::time::{SteadyTime, WallTime};

/// The kind of a task.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum clustering_task_kind {
    /// Log the line `text` at `level`.
    CLUSTERING_TASK_KIND_LOG = 0,
    /// Send an OPTIONS request to the URI `text`, by `connection` and `transport`, `tries` times at most, then call
    /// `clustering_probed` with `node` and `number`.
    CLUSTERING_TASK_KIND_PROBE = 1,
    /// Keep the text of `clustering_state` for the next start.
    CLUSTERING_TASK_KIND_SAVE = 2,
    /// Have the database account `node` answer the query `text`, on a thread that may wait, then call
    /// `clustering_queried` with `number`.
    CLUSTERING_TASK_KIND_QUERY = 3,
    /// Count the channels of the host, on a thread that may wait, then call `clustering_counted`.
    CLUSTERING_TASK_KIND_COUNT = 4,
    /// Tell all modules of the host that a node's state has changed. Each line of `text` is a parameter,
    /// `name=value`. Whoever hears of it need not be waited for.
    CLUSTERING_TASK_KIND_EVENT = 5,
}

/// A task for the host, which owns it and frees it with `clustering_task_free`.
#[repr(C)]
#[derive(Debug)]
pub struct clustering_task {
    /// The kind of the task.
    pub kind: clustering_task_kind,
    /// The level of a line for the log.
    pub level: i32,
    /// The line, the URI, the query or the parameters.
    pub text: clustering_owned_text,
    /// The node that is probed, or the database account that is asked.
    pub node: clustering_owned_text,
    /// The number of the probe or the query.
    pub number: u64,
    /// The most times that the request is sent.
    pub tries: u32,
    /// The listener by which the request leaves; empty for the host's choice.
    pub connection: clustering_owned_text,
    /// The transport by which it leaves, `UDP`, `TCP` or `TLS`; empty for the host's choice.
    pub transport: clustering_owned_text,
}

impl clustering_task {
    const fn new(kind: clustering_task_kind) -> Self {
        Self {
            kind,
            level: 0,
            text: clustering_owned_text::EMPTY,
            node: clustering_owned_text::EMPTY,
            number: 0,
            tries: 0,
            connection: clustering_owned_text::EMPTY,
            transport: clustering_owned_text::EMPTY,
        }
    }
}

impl From<Task> for clustering_task {
    fn from(task: Task) -> Self {
        match task {
            Task::Log { level, line } => Self {
                level: level as i32,
                text: clustering_owned_text::new(|| line.into_bytes()),
                ..Self::new(clustering_task_kind::CLUSTERING_TASK_KIND_LOG)
            },
            Task::Probe(probe) => Self {
                text: clustering_owned_text::new(|| probe.uri.into()),
                node: clustering_owned_text::new(|| probe.node.into()),
                number: probe.number,
                tries: probe.tries,
                connection: clustering_owned_text::new(|| probe.connection.into()),
                transport: clustering_owned_text::new(|| {
                    probe.transport.word().unwrap_or_default().to_vec()
                }),
                ..Self::new(clustering_task_kind::CLUSTERING_TASK_KIND_PROBE)
            },
            Task::Query(query) => Self {
                text: clustering_owned_text::new(|| query.query.into()),
                node: clustering_owned_text::new(|| query.account.into()),
                number: query.number,
                ..Self::new(clustering_task_kind::CLUSTERING_TASK_KIND_QUERY)
            },
            Task::CountChannels => Self::new(clustering_task_kind::CLUSTERING_TASK_KIND_COUNT),
            Task::Event(params) => Self {
                text: clustering_owned_text::new(|| params.into_bytes()),
                ..Self::new(clustering_task_kind::CLUSTERING_TASK_KIND_EVENT)
            },
            Task::Save => Self::new(clustering_task_kind::CLUSTERING_TASK_KIND_SAVE),
        }
    }
}

/// The facts of a probe's end. The core decides their meaning for the node.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_probe_report {
    /// No thread could be started for the probe, so it was not sent; the rest is not looked at.
    pub no_thread: bool,
    /// A module of the host took the request.
    pub handled: bool,
    /// The module gave an error.
    pub has_error: bool,
    /// The request came back with headers of an answer.
    pub has_headers: bool,
    /// The SIP code that the request came back with; 0 for none.
    pub code: u32,
    /// The answer's header `Retry-After`; empty for none.
    pub retry_after: clustering_borrowed_text,
}

/// Lets the core's clock go on, and looks after the nodes. To be called regularly, every second or more often;
/// `clustering_next_task` is to be called afterwards.
///
/// * `core`: the node. NULL is fine.
/// * `now`: microseconds on a clock of the host's that is never set.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_tick(core: *const clustering_core, now: u64) {
    // SAFETY: promised by the caller.
    if let Some(core) = unsafe { core.as_ref() } {
        let _ = core.0.catch_panic(|cluster| cluster.tick(SteadyTime(now)));
    }
}

/// Takes the next task. To be called until there is none, after `clustering_tick`, `clustering_load` and
/// `clustering_command`.
///
/// * `core`: the node.
/// * `task`: gets the task, which the host owns.
///
/// Returns whether there was one; `false` where an argument is NULL, and where the core failed, which is counted.
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `task` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_next_task(
    core: *const clustering_core,
    task: *mut clustering_task,
) -> bool {
    // SAFETY: promised by the caller.
    let Some(core) = (unsafe { core.as_ref() }).filter(|_| !task.is_null()) else {
        return false;
    };
    let Ok(Some(next)) = core.0.catch_panic(Cluster::next_task) else {
        return false;
    };
    // SAFETY: not NULL, the rest is promised by the caller.
    unsafe { task.write(next.into()) };
    true
}

/// Frees the texts of a task, and makes them empty ones.
///
/// * `task`: the task, which the host owns. NULL is fine.
///
/// Threads: any, but one at a time for one task.
///
/// # Safety
///
/// `task` is NULL or a task from `clustering_next_task`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_task_free(task: *mut clustering_task) {
    // SAFETY: promised by the caller.
    if let Some(task) = unsafe { task.as_mut() } {
        // SAFETY: all are of the core's making, and are freed once.
        unsafe {
            clustering_owned_text_free(&raw mut task.text);
            clustering_owned_text_free(&raw mut task.node);
            clustering_owned_text_free(&raw mut task.connection);
            clustering_owned_text_free(&raw mut task.transport);
        }
    }
}

/// Takes the end of a probe.
///
/// * `core`: the node. NULL is fine.
/// * `node`, `number`: those of the task. Of a probe that is forgotten nothing is taken.
/// * `report`: the facts. Without them, by NULL, nothing is taken.
/// * `now`: microseconds on the clock of `clustering_tick`.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `node` is valid for the call; `report` is NULL or valid for the call, with its text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_probed(
    core: *const clustering_core,
    node: clustering_borrowed_text,
    number: u64,
    report: *const clustering_probe_report,
    now: u64,
) {
    // SAFETY: promised by the caller.
    let (core, node, report) = unsafe { (core.as_ref(), node.get(), report.as_ref()) };
    let Some((core, report)) = core.zip(report) else {
        return;
    };
    // SAFETY: promised by the caller.
    let header = unsafe { report.retry_after.get() };
    let report = Report {
        no_thread: report.no_thread,
        handled: report.handled,
        has_error: report.has_error,
        code: report.code,
        has_headers: report.has_headers,
        retry_after: retry_after(header),
    };
    let _ = core.0.catch_panic(|cluster| {
        cluster.probed(node, number, report.outcome(), SteadyTime(now));
    });
}

/// Takes the answer to a query. `clustering_next_task` is to be called afterwards.
///
/// * `core`: the node. NULL is fine.
/// * `number`: that of the task. Of a query that is forgotten nothing is taken.
/// * `reply`: the answer. Without it, by NULL, nothing is taken.
/// * `now`: microseconds on the clock of `clustering_tick`.
/// * `wall`: microseconds since 1970.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `reply` is NULL or valid for the call, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_queried(
    core: *const clustering_core,
    number: u64,
    reply: *const clustering_reply,
    now: u64,
    wall: u64,
) {
    // SAFETY: promised by the caller.
    let (core, reply) = unsafe { (core.as_ref(), reply.as_ref()) };
    let Some((core, reply)) = core.zip(reply) else {
        return;
    };
    // SAFETY: promised by the caller.
    let (reply, rows) = unsafe { (reply.get(), reply.rows()) };
    let times = (SteadyTime(now), WallTime(wall));
    let _ = core
        .0
        .catch_panic(|cluster| cluster.queried(number, &reply, &rows, times));
}

/// Takes the count of the host's channels.
///
/// * `core`: the node. NULL is fine.
/// * `channels`: the count.
///
/// Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_counted(core: *const clustering_core, channels: u64) {
    // SAFETY: promised by the caller.
    if let Some(core) = unsafe { core.as_ref() } {
        let _ = core.0.catch_panic(|cluster| cluster.counted(channels));
    }
}

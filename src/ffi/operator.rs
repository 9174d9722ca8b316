// SPDX-License-Identifier: GPL-2.0-or-later

//! The functions for an operator: status, commands, the check of a file.

use super::node::{clustering_core, clustering_setting, entries, show};
use super::text::{array, clustering_borrowed_text, clustering_owned_text};
use super::verdict::clustering_reply;
use crate::file::Document;
use crate::operator::check::check;
use crate::operator::command::{self, Request};
use crate::operator::status;
use crate::text::Escaped;
use crate::time::WallTime;

/// Gives the parameters of `status clustering`, as `name=value` with commas between.
///
/// * `core`: the node. NULL gives an empty text.
///
/// Returns a text that the host owns; an empty one where the core failed, which is counted. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_status(core: *const clustering_core) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    unsafe { show(core, |cluster| status::params(cluster).into_bytes()) }
}

/// Gives the nodes in `status clustering`, as `NODE=column|column...` with commas between.
///
/// * `core`: the node. NULL gives an empty text.
///
/// Returns a text that the host owns; an empty one where the core failed, which is counted. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_status_nodes(
    core: *const clustering_core,
) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    unsafe { show(core, |cluster| status::nodes(cluster).into_bytes()) }
}

/// Names the columns of `clustering_status_nodes`: `format=Name|Name...`.
///
/// Returns a text of the core's, valid for ever. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_status_format() -> clustering_borrowed_text {
    clustering_borrowed_text::new(status::FORMAT.as_bytes())
}

/// Checks a file of settings without putting it in force.
///
/// * `core`: the node. NULL gives an empty text.
/// * `file`, `text`, `settings`, `count`: as for `clustering_load`.
///
/// Returns the mistakes in the file, or the way it would work: lines with line feeds at their ends, in a text
/// that the host owns; an empty one where the core failed, which is counted. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `file`, `text`, the entries and their texts are valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_check(
    core: *const clustering_core,
    file: clustering_borrowed_text,
    text: clustering_borrowed_text,
    settings: *const clustering_setting,
    count: usize,
) -> clustering_owned_text {
    // SAFETY: promised by the caller.
    unsafe {
        let (file, text, settings) = (file.get(), text.get(), array(settings, count));
        show(core, |cluster| {
            let entries = entries(settings);
            let document = Document::of(file, text, &entries, cluster.node());
            check(cluster, &Escaped(file).to_string(), &entries, &document).into_bytes()
        })
    }
}

/// A command of an operator.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct clustering_command_line {
    /// The command without the command's own word, such as `drain node2`.
    pub line: clustering_borrowed_text,
    /// The place where it was given, such as the address of a console, for the log; empty where nobody knows.
    pub from: clustering_borrowed_text,
    /// Microseconds since 1970.
    pub now: u64,
    /// The reply to the query of `clustering_command_query`. NULL for none.
    pub reply: *const clustering_reply,
}

impl clustering_command_line {
    /// The command as it was given, whatever `reply` is.
    ///
    /// # Safety
    ///
    /// The texts are valid, and stay as they are for `'m`.
    unsafe fn given<'m>(&self) -> Request<'m> {
        // SAFETY: promised by the caller.
        let (line, from) = unsafe { (self.line.get(), self.from.get()) };
        Request {
            line,
            from,
            now: WallTime(self.now),
            reply: None,
            rows: Vec::new(),
        }
    }

    /// The command with its reply.
    ///
    /// # Safety
    ///
    /// All that the command points to is valid, and stays as it is for `'m`.
    unsafe fn get<'m>(&self) -> Request<'m> {
        // SAFETY: promised by the caller.
        unsafe {
            let mut request = self.given();
            if let Some(reply) = self.reply.as_ref() {
                request.reply = Some(reply.get());
                request.rows = reply.rows();
            }
            request
        }
    }
}

/// Gives the database query whose reply a command needs for its whole answer. The host may leave the query out.
///
/// * `core`: the node.
/// * `command`: the command; its `reply` isn't looked at.
/// * `account`, `query`: get the account and the query, in texts that the host owns, also where they are empty. NULL
///   where they are not wanted.
/// * `timeout`: gets the longest time that the query may take, in milliseconds; 0 where there is none. NULL where it is
///   not wanted.
///
/// Returns whether there is one; `false` for a `core` or a `command` of NULL, and where the core failed, which is
/// counted. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `command` is NULL or valid for the call, with its texts; `account`, `query` and `timeout`
/// are NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_command_query(
    core: *const clustering_core,
    command: *const clustering_command_line,
    account: *mut clustering_owned_text,
    query: *mut clustering_owned_text,
    timeout: *mut u32,
) -> bool {
    // SAFETY: promised by the caller.
    let (core, command) = unsafe { (core.as_ref(), command.as_ref().map(|it| it.given())) };
    let found = core.zip(command).and_then(|(core, command)| {
        let found = core
            .0
            .catch_panic(|cluster| command::query(cluster, &command));
        found.ok().flatten()
    });
    let exists = found.is_some();
    let found = found.unwrap_or_default();
    // SAFETY: promised by the caller.
    unsafe {
        clustering_owned_text::write_to(account, || found.account.into());
        clustering_owned_text::write_to(query, || found.text);
        if !timeout.is_null() {
            timeout.write(found.timeout);
        }
    }
    exists
}

/// Carries out a command of an operator. `clustering_next_task` is to be called afterwards.
///
/// * `core`: the node.
/// * `command`: the command.
/// * `answer`: gets the answer, lines with line feeds at their ends, in a text that the host owns, also where
///   it is empty. NULL where none is wanted.
///
/// Returns whether there is such a command; `false` for a `core` or a `command` of NULL. Where the core fails the
/// answer says so. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `command` is NULL or valid for the call, with its texts and its reply; `answer` is NULL or
/// valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_command(
    core: *const clustering_core,
    command: *const clustering_command_line,
    answer: *mut clustering_owned_text,
) -> bool {
    // SAFETY: promised by the caller.
    let (core, command) = unsafe { (core.as_ref(), command.as_ref().map(|it| it.get())) };
    let text = core.zip(command).and_then(|(core, command)| {
        let ran = core.0.catch_panic(|cluster| command::run(cluster, command));
        ran.unwrap_or_else(|failure| Some(format!("{failure}\n")))
    });
    let taken = text.is_some();
    // SAFETY: promised by the caller.
    unsafe {
        clustering_owned_text::write_to(answer, || text.unwrap_or_default().into_bytes());
    };
    taken
}

/// Gives the words that may follow in a command, for completion.
///
/// * `core`: the node. NULL gives an empty text.
/// * `line`: the whole words of the command so far, without the command's own word.
///
/// Returns words with line feeds at their ends, in a text that the host owns; an empty one where the core
/// failed, which is counted. Threads: any.
///
/// # Safety
///
/// `core` is NULL or a node; `line` is valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clustering_complete(
    core: *const clustering_core,
    line: clustering_borrowed_text,
) -> clustering_owned_text {
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

/// Gives the help for the command: a line for each use, with line feeds at their ends.
///
/// Returns a text that the host owns; an empty one where the core failed. Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn clustering_help() -> clustering_owned_text {
    clustering_owned_text::new(|| command::help().into_bytes())
}

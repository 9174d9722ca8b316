// SPDX-License-Identifier: GPL-2.0-or-later

//! The core's answer: the work that the engine has to do to a message.
//!
//! A verdict borrows from the message's texts where it can. It keeps its own texts itself, so that
//! a usual one costs no allocation. Whatever it doesn't name stays as it is.

use std::fmt::Display;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::addressing::resource::trim_blanks;
use crate::auth::lookups::WAIT;
use crate::event::Event;
use crate::messages::waiting::Caller;
use crate::messages::{Kind, Name};
use crate::placement::claim::Purpose;
use crate::settings::Settings;
use crate::text::{Text, Value};

/// The action that the engine takes with the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// Nothing: the message goes on as it is.
    #[default]
    Pass = 0,
    /// Write the edits; the message goes on to the next handler.
    Change = 1,
    /// Write the edits and the return value; the message is handled.
    Answer = 2,
    /// Dispatch a message that has the edits as its parameters, then come back with the answer.
    Locate = 3,
    /// Ask again with all the parameters of the message.
    NeedAll = 4,
    /// Dispatch a copy of the message with the edits written into it, and give the message the result of
    /// that.
    Send = 5,
    /// Ask a database, within a time, by a message that has the edits as its parameters, then come back
    /// with the answer.
    Ask = 6,
    /// Wait, within a time, until a host's name was looked up, then come back.
    Resolve = 7,
    /// Write the edits; no further handler gets the message, which counts as not handled.
    Refuse = 8,
}

/// One change of the message's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit<'m> {
    /// Set the first parameter of this name, or append one.
    Set(Name, Value<'m>),
    /// Remove all parameters of this name, or of all names that it [stands for](Name::matches).
    Clear(Name),
}

/// A change of a parameter whose name the core makes up, to be made after the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherEdit<'m> {
    /// The parameter.
    pub name: Value<'m>,
    /// The new value; `None` where all parameters of that name are removed.
    pub value: Option<Value<'m>>,
}

/// A decision that waits for an answer.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The settings that the message was first decided by.
    pub(crate) settings: Arc<Settings>,
    /// The kind of message.
    pub(crate) kind: Kind,
    /// The purpose of the query, where a database is asked.
    pub(crate) purpose: Purpose,
    /// Who calls, where that is a channel.
    pub(crate) caller: Option<Caller>,
}

impl Pending {
    /// A message that waits for something else than a database's answer.
    pub(crate) fn of(settings: &Arc<Settings>, kind: Kind) -> Self {
        Self {
            settings: Arc::clone(settings),
            kind,
            purpose: Purpose::Lookup,
            caller: None,
        }
    }
}

/// The answer to a message. `'m` is the life of the message's texts.
#[derive(Debug, Default)]
pub struct Verdict<'m> {
    /// The action to take.
    pub action: Action,
    /// The event to be logged, if its level is on. To be logged before the edits are written, because
    /// they may free what it borrows.
    pub event: Option<Event<'m>>,
    /// The number of like events that were suppressed before this one.
    suppressed: u64,
    edits: SmallVec<[Edit<'m>; 8]>,
    others: Vec<OtherEdit<'m>>,
    retval: Option<Value<'m>>,
    text: Text,
    /// The state of an open question, until [`resume`](crate::cluster::Cluster::resume).
    pub(crate) pending: Option<Pending>,
}

impl<'m> Verdict<'m> {
    /// The edits, to be written in this order.
    #[must_use]
    pub fn edits(&self) -> &[Edit<'m>] {
        &self.edits
    }

    /// The edits of parameters by other names, to be written after those.
    #[must_use]
    pub fn other_edits(&self) -> &[OtherEdit<'m>] {
        &self.others
    }

    /// The return value of an [`Action::Answer`], the message's name of an [`Action::Locate`], the host's name of
    /// an [`Action::Resolve`].
    #[must_use]
    pub fn retval(&self) -> Option<&[u8]> {
        self.retval.as_ref().map(|value| self.resolve(value))
    }

    /// The longest time that an [`Action::Ask`] or an [`Action::Resolve`] waits for its answer, in milliseconds.
    #[must_use]
    pub fn timeout(&self) -> u32 {
        match (self.action, &self.pending) {
            (Action::Ask, Some(pending)) => pending.settings.lease.timeout,
            (Action::Resolve, _) => WAIT,
            _ => 0,
        }
    }

    /// The bytes of one of this verdict's values.
    #[must_use]
    pub fn resolve<'v>(&'v self, value: &'v Value<'_>) -> &'v [u8] {
        value.resolve(&self.text)
    }

    /// The line for the log; nothing where nothing happened.
    #[must_use]
    pub fn line(&self) -> Option<impl Display> {
        let event = self.event.as_ref();
        event.map(|event| event.line(&self.text, self.suppressed))
    }

    /// Has an event logged: of several the most severe one, of equals the first.
    #[inline]
    pub(crate) fn log(&mut self, event: Event<'m>, suppressed: u64) {
        if self.event.is_none() {
            self.event = Some(event);
            self.suppressed = suppressed;
        } else {
            self.log_another(event, suppressed);
        }
    }

    #[cold]
    #[inline(never)]
    fn log_another(&mut self, event: Event<'m>, suppressed: u64) {
        let logged = self.event.as_ref().map(Event::level);
        if logged.is_none_or(|level| event.level() < level) {
            self.event = Some(event);
            self.suppressed = suppressed;
        }
    }

    pub(crate) fn set_value(&mut self, name: Name, value: Value<'m>) {
        self.edits.push(Edit::Set(name, value));
    }

    /// Sets a parameter by a name that has no number, or removes it.
    pub(crate) fn edit_other(&mut self, name: Value<'m>, value: Option<Value<'m>>) {
        self.others.push(OtherEdit { name, value });
    }

    /// Removes a parameter.
    pub(crate) fn clear(&mut self, name: Name) {
        self.edits.push(Edit::Clear(name));
    }

    pub(crate) fn set_retval(&mut self, value: Value<'m>) {
        self.retval = Some(value);
    }

    /// Appends to the verdict's own text.
    pub(crate) fn make(&mut self, write: impl FnOnce(&mut Text)) -> Value<'m> {
        let start = self.text.len();
        write(&mut self.text);
        Value::Made(start..self.text.len())
    }

    /// Takes the blanks off a value that the verdict has made.
    pub(crate) fn trim(&self, value: Value<'m>) -> Value<'m> {
        match value {
            Value::Given(text) => Value::Given(trim_blanks(text)),
            Value::Made(range) => {
                let text = &self.text[range.clone()];
                let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
                let start = range.start + text.iter().take_while(blank).count();
                Value::Made(start..start + trim_blanks(text).len())
            }
        }
    }

    /// As it was made: nothing to do.
    pub(crate) fn reset(&mut self) {
        self.action = Action::Pass;
        self.event = None;
        self.suppressed = 0;
        self.edits.clear();
        self.others.clear();
        self.retval = None;
        self.text.clear();
        self.pending = None;
    }
}

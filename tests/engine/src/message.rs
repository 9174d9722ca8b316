// SPDX-License-Identifier: GPL-2.0-or-later
//! Messages as a test sees them: going in, in a handler, and coming out.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use crate::ffi;

/// A parameter: its name, and its value if it has one. The engine does not tell an empty value from
/// none, so an empty one comes back as `None`.
pub type Param = (Vec<u8>, Option<Vec<u8>>);

/// A message to dispatch.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The message's name, such as `call.route`.
    pub name: Vec<u8>,
    /// Parameters in order; names may repeat.
    pub params: Vec<Param>,
    /// The text that it would return if no handler set another.
    pub retval: Vec<u8>,
    /// Whether all handlers get it, even when one has handled it.
    pub broadcast: bool,
    /// Its age, by the engine's clock.
    pub age: Duration,
}

impl Message {
    /// A message without parameters.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The message with one more parameter at its end.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.params
            .push((name.as_ref().to_vec(), Some(value.as_ref().to_vec())));
        self
    }

    pub(crate) fn packet(&self) -> ffi::Packet {
        ffi::Packet {
            name: self.name.clone(),
            retval: self.retval.clone(),
            broadcast: self.broadcast,
            age: u64::try_from(self.age.as_micros()).unwrap_or(u64::MAX),
            params: self
                .params
                .iter()
                .map(|(name, value)| ffi::Param {
                    name: name.clone(),
                    value: text(value.as_deref()),
                })
                .collect(),
        }
    }
}

/// A message after its dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether a handler handled it.
    pub handled: bool,
    /// The text it returned.
    pub retval: Vec<u8>,
    /// Its parameters afterwards, in order.
    pub params: Vec<Param>,
    /// The rows that a database answered with, those of the names first; empty where there is no
    /// table.
    pub table: Vec<Vec<Option<Vec<u8>>>>,
}

impl Outcome {
    /// The value of the first parameter of that name.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let param = self.params.iter().find(|(own, _)| own == name.as_ref())?;
        param.1.as_deref()
    }

    /// Its parameters without `handlers`, the engine's trace of the handlers that had the message.
    #[must_use]
    pub fn untraced(&self) -> Vec<Param> {
        let traced = self.params.iter().filter(|(name, _)| name != b"handlers");
        traced.cloned().collect()
    }
}

impl From<ffi::Reply> for Outcome {
    fn from(reply: ffi::Reply) -> Self {
        let cells: Vec<_> = reply.cells.into_iter().map(optional).collect();
        Self {
            handled: reply.handled,
            retval: reply.retval,
            params: reply.params.into_iter().map(param).collect(),
            table: cells
                .chunks(reply.columns.max(1))
                .map(<[_]>::to_vec)
                .collect(),
        }
    }
}

/// A message that is in a handler of the test's.
pub struct Call<'a>(Pin<&'a mut ffi::Call>);

impl Call<'_> {
    /// The message's name.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        self.0.name()
    }

    /// All parameters in order.
    #[must_use]
    pub fn params(&self) -> Vec<Param> {
        self.0.params().into_iter().map(param).collect()
    }

    /// The value of the first parameter of that name.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        optional(self.0.get(name.as_ref()))
    }

    /// Replaces the first parameter of that name, or appends it.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0
            .as_mut()
            .set(name.as_ref(), &text(Some(value.as_ref())));
    }

    /// Removes all parameters of that name.
    pub fn clear(&mut self, name: impl AsRef<[u8]>) {
        self.0.as_mut().clear(name.as_ref());
    }

    /// The text the message returns so far.
    #[must_use]
    pub fn retval(&self) -> Vec<u8> {
        self.0.retval()
    }

    /// Sets the text that the message returns.
    pub fn set_retval(&mut self, value: impl AsRef<[u8]>) {
        self.0.as_mut().set_retval(value.as_ref());
    }
}

thread_local! {
    /// The panic of a handler, kept for the test that dispatched: it must not unwind through the
    /// engine.
    static PANIC: RefCell<Option<Box<dyn Any + Send>>> = const { RefCell::new(None) };
}

/// Takes the panic of a handler that ran in this thread, if there was one.
pub(crate) fn take_panic() -> Option<Box<dyn Any + Send>> {
    PANIC.take()
}

/// A test's handler on its way through C++.
pub(crate) struct Callback(pub(crate) Box<dyn Fn(&mut Call) -> bool + Send + Sync>);

impl Callback {
    pub(crate) fn received(&self, call: Pin<&mut ffi::Call>) -> bool {
        catch_unwind(AssertUnwindSafe(|| (self.0)(&mut Call(call)))).unwrap_or_else(|panic| {
            PANIC.set(Some(panic));
            false
        })
    }
}

pub(crate) fn optional(text: ffi::Text) -> Option<Vec<u8>> {
    text.present.then_some(text.bytes)
}

fn text(value: Option<&[u8]>) -> ffi::Text {
    ffi::Text {
        present: value.is_some(),
        bytes: value.unwrap_or_default().to_vec(),
    }
}

fn param(param: ffi::Param) -> Param {
    (param.name, optional(param.value))
}

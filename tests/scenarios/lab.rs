// SPDX-License-Identifier: GPL-2.0-or-later
//! The engine with the module loaded, and the few messages that the scenarios send.

use std::sync::MutexGuard;
use std::time::Duration;

use engine_bridge::{Engine, Message, Outcome, Setup, engine, has_filters, module_path};

/// Settings that every scenario can start from.
pub const GENERAL: &str = "[general]\nregexp=^node[0-9]\\+$\ncallto=sip/sip:${called}@\\0.lab\n";
/// The module's name in the engine.
pub const MODULE: &str = "clustering";
/// The longest time that a test waits for an event that must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The engine with the module loaded, for one test alone.
pub struct Lab {
    pub engine: &'static Engine,
    _exclusive: MutexGuard<'static, ()>,
}

impl Lab {
    /// With these settings and no trace of earlier ones.
    pub fn with(config: &str) -> Self {
        let engine = engine(&Setup::default());
        let lab = Self {
            engine,
            _exclusive: engine.exclusive(),
        };
        if !engine.is_loaded(MODULE) {
            assert!(engine.load(&module_path(), MODULE), "the module is loaded");
        }
        lab.reload("[general]\nenabled=no\n");
        lab.reload(config);
        lab
    }

    pub fn reload(&self, config: &str) -> Vec<String> {
        self.engine.configure("clustering", config);
        let _ = self.engine.take_log();
        assert!(self.engine.reload(Some(MODULE)), "the module is known");
        self.engine.take_log()
    }

    pub fn execute(&self, callto: impl AsRef<[u8]>) -> Outcome {
        self.engine.dispatch(&execute(callto))
    }

    /// The target that a call to this target goes on to.
    pub fn target(&self, callto: &str) -> String {
        text(self.execute(callto).get("callto"))
    }

    /// The handlers that had such a message, of which the cluster is to take notice.
    pub fn handlers(&self, name: &str) -> String {
        let message = Message::new(name)
            .with("callto", "cluster/node1/x")
            .with("called", "cluster/1")
            .with("sip_x-billid", "1-2");
        self.handlers_of(&message)
    }

    /// Asserts the one of the module's handlers that has such a message.
    pub fn assert_handler(&self, name: &str, handler: &str) {
        let met = self.handlers(name);
        if has_filters() {
            assert_eq!(met, handler, "{name}");
        } else {
            assert!(met.split(',').any(|one| one == handler), "{name}: {met}");
        }
    }

    /// Asserts that such a message passes, and where the engine has filters without meeting a handler.
    pub fn assert_passes(&self, name: &str) {
        if has_filters() {
            assert_eq!(self.handlers(name), "", "{name}");
        }
    }

    /// The handlers that had a message.
    pub fn handlers_of(&self, message: &Message) -> String {
        text(self.engine.dispatch(message).get("handlers"))
    }

    pub fn register(&self) -> String {
        text(self.engine.dispatch(&registration()).get("data"))
    }
}

pub fn execute(callto: impl AsRef<[u8]>) -> Message {
    Message::new("call.execute")
        .with("billid", "1-2")
        .with("called", "4021")
        .with("callto", callto)
        .with("username", "bob")
}

pub fn registration() -> Message {
    Message::new("user.register")
        .with("username", "bob")
        .with("data", "sip/bob@lab")
}

pub fn text(value: Option<&[u8]>) -> String {
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

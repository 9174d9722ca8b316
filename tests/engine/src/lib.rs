// SPDX-License-Identifier: GPL-2.0-or-later
//! A Yate engine inside a test process.
//!
//! The engine under a test is either the mock engine of this repository or, with `YATE_ROOT` set
//! when this crate is built, a real one. Tests cannot tell which: they start it once, write
//! configuration files, dispatch messages from any thread, install handlers of their own, and load
//! and unload the module under test. Names and values are bytes, because the engine's strings are
//! not always UTF-8; as in the engine, a NUL would end them.
//!
//! ```no_run
//! use engine_bridge::{Message, Setup, engine};
//!
//! let engine = engine(&Setup::default());
//! engine.configure("clustering", "[general]\nregexp=^node\ncallto=sip/\\0\n");
//! assert!(engine.reload(Some("clustering")));
//! let call = Message::new("call.execute").with("callto", "cluster/node1/conf/7");
//! let outcome = engine.dispatch(&call);
//! assert_eq!(outcome.get("callto"), Some(&b"conf/7"[..]));
//! ```

pub mod bench;
mod engine;
mod ffi;
mod life;
mod message;
mod process;

pub use engine::{Engine, Handler, Setup, engine};
pub use life::{Manners, Memory};
pub use message::{Call, Message, Outcome, Param};
pub use process::{engine_library, has_filters, is_mapped, module_path, posix_match, real_engine};

// SPDX-License-Identifier: GPL-2.0-or-later

//! Engines as processes of their own, mock or real: each has a directory with its configuration and
//! its log, and a connection by which we are one of its modules. Nothing of them stays behind.

mod extmodule;
mod guard;
mod message;
mod patience;
mod postgres;
mod process;
mod registrar;

pub use extmodule::{Client, Handler, failure};
pub use guard::Guard;
pub use message::{Line, Message};
pub use patience::{PATIENCE, eventually, patiently};
pub use postgres::Postgres;
pub use process::Process;
pub use registrar::registrar_example;

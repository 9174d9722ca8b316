// SPDX-License-Identifier: GPL-2.0-or-later
//! The typed border to the C++ side. Everything is copied across it: a test has no use for borrowed
//! engine memory, and copies cannot dangle.

pub(crate) use bridge::*;

use crate::engine::{at_exit, log_line};
use crate::message::Callback;

#[cxx::bridge(namespace = "engine_bridge")]
mod bridge {
    /// Bytes that may be absent: the engine's null string.
    struct Text {
        present: bool,
        bytes: Vec<u8>,
    }

    /// One parameter of a message.
    struct Param {
        name: Vec<u8>,
        value: Text,
    }

    /// A message on its way into the engine.
    struct Packet {
        name: Vec<u8>,
        retval: Vec<u8>,
        broadcast: bool,
        /// In microseconds.
        age: u64,
        params: Vec<Param>,
    }

    /// A message that has been dispatched.
    struct Reply {
        handled: bool,
        retval: Vec<u8>,
        params: Vec<Param>,
        /// The cells of the table that a database answered with, row by row, the names first.
        cells: Vec<Text>,
        columns: usize,
    }

    /// The time of a message, in nanoseconds.
    struct Timing {
        dispatch: f64,
        whole: f64,
    }

    /// The memory of the process, in bytes.
    struct Memory {
        resident: u64,
        allocated: u64,
    }

    extern "Rust" {
        type Callback;
        fn received(self: &Callback, call: Pin<&mut Call>) -> bool;
        fn log_line(line: &[u8]);
        fn at_exit();
    }

    unsafe extern "C++" {
        include!("engine-bridge/cpp/bridge.h");
        include!("engine-bridge/cpp/bench.h");
        include!("engine-bridge/cpp/life.h");

        /// A message that is in a handler.
        type Call;
        fn name(self: &Call) -> Vec<u8>;
        fn params(self: &Call) -> Vec<Param>;
        fn get(self: &Call, name: &[u8]) -> Text;
        fn set(self: Pin<&mut Call>, name: &[u8], value: &Text);
        fn clear(self: Pin<&mut Call>, name: &[u8]);
        fn retval(self: &Call) -> Vec<u8>;
        fn set_retval(self: Pin<&mut Call>, value: &[u8]);

        /// A handler that is installed until this is dropped.
        type Installed;
        fn install(
            name: &[u8],
            priority: u32,
            track: &[u8],
            callback: Box<Callback>,
        ) -> UniquePtr<Installed>;

        fn start(arguments: Vec<String>, log: &str) -> bool;
        fn stop_at_exit();
        fn stop() -> i32;
        fn node_name() -> Vec<u8>;
        fn dispatch(packet: &Packet) -> Reply;
        fn enqueue(packet: &Packet) -> bool;
        fn initialize(plugin: &[u8]) -> bool;
        fn has_filters() -> bool;
        fn posix_match(pattern: &[u8], text: &[u8]) -> Vec<Text>;

        fn memory() -> Memory;
        fn install_sleeper(
            name: &[u8],
            priority: u32,
            milliseconds: u32,
            heeds: bool,
        ) -> UniquePtr<Installed>;
        fn sleeping() -> u32;

        /// Handlers of a benchmark's contestant, installed until this is dropped.
        type Contestant;
        fn noop() -> UniquePtr<Contestant>;
        fn floor() -> UniquePtr<Contestant>;
        fn ideal() -> UniquePtr<Contestant>;
        fn full() -> UniquePtr<Contestant>;
        fn measure(packet: &Packet, threads: u32, milliseconds: u32) -> Timing;
    }
}

// SAFETY: the C++ object only keeps a pointer that is guarded by a mutex; uninstalling is allowed from any
// thread.
unsafe impl Send for Installed {}
// SAFETY: it has no operation that takes a shared reference.
unsafe impl Sync for Installed {}

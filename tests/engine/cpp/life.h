// SPDX-License-Identifier: GPL-2.0-or-later
// The parts that tests of a module's life need beyond messages: the process's memory, and a handler
// that takes its time.
#pragma once

#include "engine-bridge/cpp/bridge.h"

namespace engine_bridge {

struct Memory;

/// The memory of the process now.
Memory memory();

/// Installs a handler that sleeps for so long and then names `node2` as the answer.
///
/// It is C++ alone, because the engine ends its threads by an asynchronous cancel, which must not
/// hit a frame of Rust's. One that heeds the engine leaves when its thread is asked to end; the
/// other is ended in its sleep.
std::unique_ptr<Installed> install_sleeper(Bytes name, std::uint32_t priority,
                                           std::uint32_t milliseconds, bool heeds);

/// The number of messages that are in a sleeper now.
std::uint32_t sleeping();

} // namespace engine_bridge

// SPDX-License-Identifier: GPL-2.0-or-later
// The timed part of the dispatch benchmark: it stays in C++, so that no crossing into Rust is
// measured, and holds the handlers that the module is compared with.
#pragma once

#include "engine-bridge/cpp/bridge.h"

#include <vector>

namespace engine_bridge {

struct Packet;
struct Timing;

/// Handlers of one contestant, installed as long as this lives. They have the module's names,
/// priorities and track name.
class Contestant {
public:
    /// Those that do nothing; those that write what the module would, and no more; those that
    /// decide as much as they must, besides; these, in a module of as many handlers as the module
    /// has.
    enum class Kind { Noop, Floor, Ideal, Full };

    explicit Contestant(Kind kind);
    Contestant(const Contestant&) = delete;
    Contestant& operator=(const Contestant&) = delete;
    ~Contestant();

private:
    std::vector<TelEngine::MessageHandler*> m_handlers;
};

/// Installs the handlers of a kind.
std::unique_ptr<Contestant> noop();
std::unique_ptr<Contestant> floor();
std::unique_ptr<Contestant> ideal();
std::unique_ptr<Contestant> full();

/// Dispatches copies of a message for so long in so many threads; medians over small batches.
Timing measure(const Packet& packet, std::uint32_t threads, std::uint32_t milliseconds);

} // namespace engine_bridge

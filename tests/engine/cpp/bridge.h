// SPDX-License-Identifier: GPL-2.0-or-later
// Runs an engine in this process and dispatches messages in it. Only the API of yatengine.h is
// used, so that the mock engine and the real one are driven by the same source.
#pragma once

#include "rust/cxx.h"

#include <yatengine.h>

#include <cstdint>
#include <memory>
#include <mutex>

// Yates from April 2025 on take filters of a module's own making.
#if __has_include(<yatematchingitem.h>)
#define ENGINE_FILTERS
#endif

namespace engine_bridge {

struct Callback;
struct Packet;
struct Param;
struct Reply;
struct Text;

using Bytes = rust::Slice<const std::uint8_t>;
using Buffer = rust::Vec<std::uint8_t>;

/// An engine string of these bytes; as everywhere in the engine a NUL ends the text.
TelEngine::String text_of(Bytes bytes);
Buffer bytes_of(const TelEngine::String& text);
/// A new message made from a packet; it belongs to the caller.
TelEngine::Message* message_of(const Packet& packet);

/// A message that is in a handler.
class Call {
public:
    explicit Call(TelEngine::Message& message) : m_message(message) {}
    Buffer name() const;
    rust::Vec<Param> params() const;
    Text get(Bytes name) const;
    void set(Bytes name, const Text& value);
    void clear(Bytes name);
    Buffer retval() const;
    void set_retval(Bytes value);

private:
    TelEngine::Message& m_message;
};

/// Keeps a handler installed. The engine deletes handlers that are still there when it stops, so
/// the handler tells its slot when it goes.
class Installed {
public:
    struct Slot {
        std::mutex mutex;
        TelEngine::MessageHandler* handler = nullptr;
    };
    explicit Installed(std::shared_ptr<Slot> slot) : m_slot(std::move(slot)) {}
    Installed(const Installed&) = delete;
    Installed& operator=(const Installed&) = delete;
    ~Installed();

private:
    std::shared_ptr<Slot> m_slot;
};

std::unique_ptr<Installed> install(Bytes name, std::uint32_t priority, Bytes track,
                                   rust::Box<Callback> callback);

/// Starts the engine's main loop in a thread; true once it serves messages, false if it ended
/// instead. The lines of the log go to that file, or to Rust where none is named.
bool start(rust::Vec<rust::String> arguments, rust::Str log);
/// Has the process's end stop the engine first. The last registered function runs first, and a
/// module registers the end of its own objects when it is loaded: so this is to be called after
/// each load.
void stop_at_exit();
/// Halts the engine and waits for its end; its exit code. A second call does nothing.
std::int32_t stop();
Buffer node_name();
Reply dispatch(const Packet& packet);
bool enqueue(const Packet& packet);
bool initialize(Bytes plugin);
/// Whether a module's own code can say which messages its handlers meet, as since April 2025.
bool has_filters();
/// The match of a POSIX basic regular expression and its groups; nothing when there is none.
rust::Vec<Text> posix_match(Bytes pattern, Bytes text);

} // namespace engine_bridge

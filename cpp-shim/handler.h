// SPDX-License-Identifier: GPL-2.0-or-later

// How the engine hands messages to the core, and which of two handlers a message is for while a
// reload replaces one by the other.

#ifndef CLUSTERING_SHIM_HANDLER_H
#define CLUSTERING_SHIM_HANDLER_H

#include "core.h"

#include <atomic>
#include <memory>

// Yates from April 2025 on take filters of a module's own making.
#if __has_include(<yatematchingitem.h>)
#define CLUSTERING_FILTERS
#endif

namespace clustering {

class Decisions;

/// Hands the messages of one `clustering_kind` to the core.
///
/// A handler of its own for each message, not a relay: the engine waits for a handler that it
/// uninstalls, but a relay may still be at work in a library that is gone.
class Handler : public TelEngine::MessageHandler {
public:
    Handler(Decisions& decisions, uint32_t kind, unsigned priority);

    bool received(TelEngine::Message& msg) override;

    /// Whether a message is this handler's, and not that of one before or after it.
    bool takes(const TelEngine::Message& msg) const;

    /// From now on leaves alone what messages are made.
    void stop();

    /// Takes the messages that are made from now on.
    void begin();

    /// Leaves all messages to `old`, which is installed, until `takeOver`.
    void follow(Handler& old);

    /// From now on takes the messages that are made, and leaves to the old handler those that were.
    void takeOver();

    /// Takes the messages of the handler before it, too, which is about to go.
    void inherit(const Handler& old);

    /// The kind of messages.
    uint32_t kind() const { return m_kind; }

    /// Whether its filter asks if messages concern the cluster.
    bool filtered() const { return m_filtered; }

    /// Another second has passed since it was replaced.
    void grow() { m_age++; }

    /// How many seconds have passed since it was replaced.
    unsigned age() const { return m_age; }

private:
    // A time, in microseconds on the engine's clock. One that two handlers share is both the end of
    // the one and the begin of the other: no message is made before or after it for one of them
    // only.
    typedef std::atomic<uint64_t> Moment;

    Decisions& m_decisions;
    uint32_t m_kind;
    bool m_filtered = false;
    unsigned m_age = 0;
    // Messages are taken that were made at this time or later.
    const std::shared_ptr<Moment> m_begin = std::make_shared<Moment>(0);
    // So are those that were made at this time or later, which a handler that is gone has left.
    Moment m_early{UINT64_MAX};
    // But none that was made at this time or later.
    std::shared_ptr<Moment> m_shared;
    std::atomic<const Moment*> m_end{nullptr};
};

/// The handlers of all kinds of messages that the core decides.
class Handlers {
public:
    explicit Handlers(Decisions& decisions) : m_decisions(decisions) {}

    /// Makes the handlers be those that the settings ask for, at the priorities that they say. By
    /// one thread at a time.
    void adjust(const clustering_core* core);

    /// A second has passed.
    void grow();

    /// Uninstalls handlers that were replaced a while ago, and the eldest of
    /// too many, whose messages its heir then takes; each once no message is inside of it.
    void sweep();

    /// Uninstalls all.
    void uninstall();

    /// Uninstalls one, once no message is inside of it, and deletes it.
    static void uninstall(TelEngine::MessageHandler* handler);

private:
    Handler* replace(uint32_t kind, unsigned priority);
    bool wasReplaced(uint32_t kind) const;
    Handler* takeEldest();

    Decisions& m_decisions;
    // Of what follows. Never held while a message is waited for.
    TelEngine::Mutex m_mutex{false, "ClusteringHandlers"};
    Handler* m_handlers[CLUSTERING_KINDS] = {};
    // Handlers that were replaced and still have to be uninstalled, the eldest first.
    TelEngine::ObjList m_replaced;
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// The handlers by which the engine hands messages to the core.

#ifndef CLUSTERING_SHIM_HANDLER_H
#define CLUSTERING_SHIM_HANDLER_H

#include "core.h"

// Yates from April 2025 on take filters of a module's own making.
#if __has_include(<yatematchingitem.h>)
#define CLUSTERING_FILTERS
#endif

namespace clustering {

class Decisions;

/// Hands the messages of one `clustering_kind` to the core.
///
/// A handler of its own for each kind, not a relay: the engine waits for a handler that it
/// uninstalls, but a relay may still be at work in a library that is gone.
class Handler : public TelEngine::MessageHandler {
public:
    Handler(Decisions& decisions, uint32_t kind, unsigned priority);

    bool received(TelEngine::Message& msg) override;

private:
    Decisions& m_decisions;
    uint32_t m_kind;
};

/// The handlers of all kinds of messages that the core decides.
///
/// They are installed once, for as long as the module is loaded: a handler that moved to another
/// priority would miss messages that are under way, or meet them twice. All other settings are
/// asked for with each message.
class Handlers {
public:
    explicit Handlers(Decisions& decisions) : m_decisions(decisions) {}

    /// Installs the handlers at the priorities of the settings, unless that was done before. By one
    /// thread at a time.
    void install(const clustering_core* core);

    /// Uninstalls all, each once no message is inside of it. Not while `install` is at work.
    void uninstall();

    /// Uninstalls one, once no message is inside of it, and deletes it.
    static void uninstall(TelEngine::MessageHandler* handler);

private:
    Decisions& m_decisions;
    bool m_installed = false;
    Handler* m_handlers[CLUSTERING_KIND_COUNT] = {};
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// The clustering module as the engine sees it: life cycle, handlers, status.

#ifndef CLUSTERING_SHIM_MODULE_H
#define CLUSTERING_SHIM_MODULE_H

#include "message.h"

#include <atomic>

// Yates from 2019 on take filters of a module's own making.
#if __has_include(<yatematchingitem.h>)
#define CLUSTERING_FILTERS
#endif

namespace clustering {

class ClusteringModule;

/// Hands the messages of one name to the module.
///
/// A handler of its own for each message, not a relay: the engine waits for a handler that it
/// uninstalls, but a relay may still be at work in a library that is gone.
class Handler : public TelEngine::MessageHandler {
public:
    /// What the module does with a message.
    typedef bool (ClusteringModule::*Method)(TelEngine::Message& msg, int id);

    Handler(ClusteringModule& module, Method method, int id, const char* name, unsigned priority);

    bool received(TelEngine::Message& msg) override;

    /// Whether a message is this handler's, and not that of one before or after it.
    bool takes(const TelEngine::Message& msg) const;

    /// From now on leaves alone what messages are made.
    void stop();

    /// Takes the messages that are made from now on.
    void begin();

    /// Leaves all messages alone until it follows another handler.
    void await() { m_from = UINT64_MAX; }

    /// From now on takes the messages that are made, and leaves to `old` those that were.
    void follow(Handler& old);

    /// Takes the messages of the handler before it, too, which is about to go.
    void inherit(const Handler& old);

    /// The number of what is handled.
    int id() const { return m_id; }

    /// When the messages were made that this handler no longer takes, in microseconds.
    uint64_t until() const { return m_until; }

private:
    ClusteringModule& m_module;
    Method m_method;
    int m_id;
    std::atomic<uint64_t> m_from{0};
    std::atomic<uint64_t> m_until{UINT64_MAX};
};

/// The module.
class ClusteringModule : public TelEngine::Module {
public:
    ClusteringModule();
    ~ClusteringModule() override;

    /// Reads the settings and installs the handlers that they ask for. Called again on each reload,
    /// from whatever thread asks for one.
    void initialize() override;

    /// Leaves the engine; `false` while a call still waits for its node to be located.
    bool unload();

    /// Whether a message of a `clustering_kind` is any business of the cluster's.
    bool concerns(TelEngine::NamedList& msg, int kind) const;

protected:
    void statusParams(TelEngine::String& str) override;

private:
    // A kind of message that the core decides.
    static constexpr int s_kinds = CLUSTERING_CDR + 1;
    // Messages that any module answers: status, timer, debug, command.
    static constexpr int s_services = 4;

    bool decide(TelEngine::Message& msg, int kind);
    bool locate(const Verdict& begun, TelEngine::Message& msg);
    bool write(const Verdict& verdict, Parameters& params, TelEngine::Message& msg);
    bool serve(TelEngine::Message& msg, int id);
    void say(const Verdict& verdict);
    void reload();
    void endErrand();
    bool load();
    void installServices();
    void installHandlers();
    void sweep(uint64_t before);
    static void uninstall(Handler* handler);

    Names m_names;
    clustering_core* m_core;
    // Calls that wait for their node to be located.
    std::atomic<unsigned> m_locating{0};
    // The module is being unloaded: no call may begin to wait.
    std::atomic<bool> m_leaving{false};
    // Reloads and the like that were asked for and not yet carried out. The thread that finds none
    // is the one at work, and it alone uses what follows.
    std::atomic<unsigned> m_errands{0};
    bool m_loaded = false;
    Handler* m_handlers[s_kinds] = {};
    Handler* m_services[s_services] = {};
    // Handlers that were replaced and still have to be uninstalled, the eldest first.
    TelEngine::ObjList m_replaced;
};

} // namespace clustering

#endif

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

    /// From now on every message passes by.
    void retire() { m_retired = true; }

private:
    ClusteringModule& m_module;
    Method m_method;
    int m_id;
    std::atomic<bool> m_retired{false};
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
    void msgTimer(TelEngine::Message& msg) override;

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
    bool load();
    void installServices();
    void installHandlers();
    void sweep();
    static void uninstall(Handler* handler);

    Names m_names;
    clustering_core* m_core;
    // Calls that wait for their node to be located.
    std::atomic<unsigned> m_locating{0};
    // Reloads and the like that were asked for and not yet carried out. The thread that finds none
    // is the one at work, and it alone uses what follows.
    std::atomic<unsigned> m_errands{0};
    bool m_loaded = false;
    Handler* m_handlers[s_kinds] = {};
    Handler* m_services[s_services] = {};
    // Handlers that were replaced and still have to be uninstalled.
    TelEngine::ObjList m_retired;
};

} // namespace clustering

#endif

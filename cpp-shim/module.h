// SPDX-License-Identifier: GPL-2.0-or-later

// The clustering module as the engine sees it: life cycle, handlers, status.

#ifndef CLUSTERING_SHIM_MODULE_H
#define CLUSTERING_SHIM_MODULE_H

#include "decisions.h"
#include "handler.h"
#include "ticker.h"

#include <atomic>

namespace clustering {

/// The module.
class ClusteringModule : public TelEngine::Module {
public:
    ClusteringModule();
    ~ClusteringModule() override;

    /// Reads the settings and installs the handlers that they ask for. Called again on each reload,
    /// from whatever thread asks for one.
    void initialize() override;

    /// Leaves the engine; `false` while a call waits for its node to be located, a node is being
    /// probed, a database is asked, or settings are loaded.
    bool unload();

    /// Answers a message that is not for the core; `id` is the engine's number of it.
    bool serve(TelEngine::Message& msg, int id);

protected:
    void statusModule(TelEngine::String& str) override;
    void statusParams(TelEngine::String& str) override;
    void statusDetail(TelEngine::String& str) override;
    bool commandComplete(TelEngine::Message& msg, const TelEngine::String& partLine,
                         const TelEngine::String& partWord) override;

private:
    // Messages that any module answers: status, timer, debug, command, help.
    static constexpr int s_services = 5;

    bool help(TelEngine::Message& msg) const;
    bool command(TelEngine::Message& msg);
    void tick();
    void runTasks();
    void restore();
    void restoreConnections();
    void saveConnections();
    void save();
    void reload();
    void endReload();
    bool blockReloads();
    bool load();
    void installServices();

    clustering_core* m_core;
    Decisions m_decisions;
    Handlers m_handlers{m_decisions};
    // The state is being written.
    TelEngine::Mutex m_saving{false, "ClusteringState"};
    // Nodes are probed, and names are looked up, when it is time.
    std::atomic<bool> m_probes{true};
    // The reloads that were asked for and not yet carried out; an unload is one that never ends.
    // The thread that finds none is the one at work, and it alone uses the following members.
    std::atomic<unsigned> m_pendingReloads{0};
    bool m_restored = false;
    bool m_loaded = false;
    TelEngine::MessageHandler* m_services[s_services] = {};
    // The first to end.
    Ticker m_ticker{[this] { tick(); }};
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// The clustering module as the engine sees it: life cycle, handlers, status.

#ifndef CLUSTERING_SHIM_MODULE_H
#define CLUSTERING_SHIM_MODULE_H

#include "handler.h"
#include "message.h"

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

    /// Leaves the engine; `false` while a call still waits for its node to be located, or a node is
    /// being probed.
    bool unload();

    /// Whether a message of a `clustering_kind` is any business of the cluster's.
    bool concerns(TelEngine::NamedList& msg, int kind) const;

    /// Decides a message of a `clustering_kind`; `true` where it is handled.
    bool decide(TelEngine::Message& msg, int kind);

protected:
    void statusModule(TelEngine::String& str) override;
    void statusParams(TelEngine::String& str) override;
    void statusDetail(TelEngine::String& str) override;
    bool commandExecute(TelEngine::String& retVal, const TelEngine::String& line) override;
    bool commandComplete(TelEngine::Message& msg, const TelEngine::String& partLine,
                         const TelEngine::String& partWord) override;

private:
    // Messages that any module answers: status, timer, debug, command, help.
    static constexpr int s_services = 5;

    bool dispatch(TelEngine::Message& msg, bool& handled);
    bool locate(const Verdict& begun, TelEngine::Message& msg);
    bool ask(const Verdict& begun, TelEngine::Message& msg);
    bool goOn(const Verdict& begun, const clustering_answer& answer, TelEngine::Message& msg);
    bool send(const Verdict& verdict, TelEngine::Message& msg);
    bool write(const Verdict& verdict, Parameters& params, TelEngine::Message& msg);
    bool serve(TelEngine::Message& msg, int id);
    bool help(TelEngine::Message& msg) const;
    void say(const Verdict& verdict);
    void attend();
    void restore();
    void save();
    void reload();
    void endErrand();
    bool load();
    void installServices();

    Names m_names;
    clustering_core* m_core;
    // Calls that wait for their node to be located, and messages that wait to be sent.
    std::atomic<unsigned> m_waiting{0};
    // The module is being unloaded: no call may begin to wait, and no probe be sent.
    std::atomic<bool> m_leaving{false};
    Handlers m_handlers{*this};
    // The state is being written.
    TelEngine::Mutex m_saving{false, "ClusteringState"};
    // Reloads and the like that were asked for and not yet carried out. The thread that finds none
    // is the one at work, and it alone uses what follows.
    std::atomic<unsigned> m_errands{0};
    bool m_restored = false;
    bool m_loaded = false;
    Handler* m_services[s_services] = {};
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// Messages on their way through the core: its questions to other modules, and its verdicts.

#ifndef CLUSTERING_SHIM_DECISIONS_H
#define CLUSTERING_SHIM_DECISIONS_H

#include "message.h"

#include <atomic>
#include <functional>
#include <vector>

namespace clustering {

class DbQuery;

/// Has messages decided by the core.
class Decisions {
public:
    /// By this core, which outlives it; lines are logged as `log`'s.
    Decisions(clustering_core* core, TelEngine::DebugEnabler& log);

    /// Whether messages of a `clustering_kind` are decided by the settings in force.
    bool active(uint32_t kind) const;

    /// Whether a message of a `clustering_kind` concerns the cluster.
    bool concerns(const TelEngine::NamedList& msg, uint32_t kind) const;

    /// Decides a message of a `clustering_kind`; `true` where it is handled.
    bool decide(TelEngine::Message& msg, uint32_t kind);

    /// Carries out a command, with the reply to the query that it needs, if it needs one: then
    /// `command.reply` is that reply until `carryOut` has returned.
    void query(clustering_command_line& command, const std::function<void()>& carryOut);

    /// The number of messages that wait for an answer of other modules.
    unsigned waiting() const { return m_waiting; }

    /// From now on no message may begin to wait, as if the module had gone; `false` where one just
    /// did, and then any may.
    bool leave();

    /// Takes `leave` back.
    void stay() { m_leaving = false; }

private:
    class Wait;

    void fill(TelEngine::Message& msg, const NameFilter<ByHash>& filter,
              const clustering_verdict& verdict) const;
    bool dispatch(TelEngine::Message& msg, bool& handled);
    bool locate(const Verdict& pending, uint32_t kind, TelEngine::Message& msg);
    bool ask(const Verdict& pending, uint32_t kind, TelEngine::Message& msg);
    bool resolve(const Verdict& pending, uint32_t kind, TelEngine::Message& msg);
    void ask(DbQuery& query, unsigned timeout,
             const std::function<void(const clustering_reply&)>& take);
    bool resume(const Verdict& pending, const clustering_reply& reply, uint32_t kind,
                TelEngine::Message& msg);
    bool send(const Verdict& verdict, uint32_t kind, TelEngine::Message& msg);
    bool write(const Verdict& verdict, Parameters& params, TelEngine::Message& msg);
    void say(const Verdict& verdict);

    clustering_core* m_core;
    TelEngine::DebugEnabler& m_log;
    Names m_names;
    // The names that are looked for in messages of our own, and in those of each kind.
    NameFilter<ByHash> m_all{m_names, ~uint64_t{0}};
    std::vector<NameFilter<ByHash>> m_filters;
    // Those that tell whether a message concerns the cluster.
    std::vector<NameFilter<ByCharacters>> m_concerns;
    // The kinds that are decided by the time now.
    bool m_needsNow[CLUSTERING_KIND_COUNT] = {};
    std::atomic<unsigned> m_waiting{0};
    std::atomic<bool> m_leaving{false};
};

} // namespace clustering

#endif

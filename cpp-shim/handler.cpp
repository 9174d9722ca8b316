// SPDX-License-Identifier: GPL-2.0-or-later

#include "handler.h"

#include "decisions.h"

using namespace TelEngine;

namespace clustering {

namespace {

#ifdef CLUSTERING_FILTERS
// Asks whether a message concerns the cluster, before the engine even notes our handler in the
// message.
class Filter : public MatchingItemCustom {
public:
    Filter(const Decisions& decisions, uint32_t kind)
        : MatchingItemCustom("clustering", "clustering"), m_decisions(decisions), m_kind(kind),
          m_reads(clustering_kind_filtered(kind)) {}

protected:
    bool runMatchListParam(const NamedList& list, MatchingParams*) const override {
        if (!m_reads) {
            return m_decisions.active(m_kind);
        }
        return m_decisions.concerns(list, m_kind);
    }
    MatchingItemBase* customCopyItem() const override { return new Filter(m_decisions, m_kind); }

private:
    const Decisions& m_decisions;
    uint32_t m_kind;
    // The parameters are read: some messages of this kind don't concern the cluster.
    bool m_reads;
};
#endif

} // namespace

Handler::Handler(Decisions& decisions, uint32_t kind, unsigned priority)
    : MessageHandler(string(clustering_kind_name(kind)), priority, "clustering"),
      m_decisions(decisions), m_kind(kind) {
#ifdef CLUSTERING_FILTERS
    setFilter(new Filter(decisions, kind));
#endif
}

bool Handler::received(Message& msg) {
    return m_decisions.decide(msg, m_kind);
}

void Handlers::install(const clustering_core* core) {
    if (m_installed) {
        return;
    }
    m_installed = true;
    for (uint32_t kind = 0; kind < CLUSTERING_KIND_COUNT; kind++) {
        if (const unsigned priority = clustering_priority(core, kind)) {
            m_handlers[kind] = new Handler(m_decisions, kind, priority);
            Engine::install(m_handlers[kind]);
        }
    }
}

void Handlers::uninstall() {
    for (Handler*& handler : m_handlers) {
        uninstall(handler);
        handler = nullptr;
    }
}

void Handlers::uninstall(MessageHandler* handler) {
    if (handler) {
        Engine::uninstall(handler);
        TelEngine::destruct(handler);
    }
}

} // namespace clustering

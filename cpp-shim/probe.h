// SPDX-License-Identifier: GPL-2.0-or-later

// Sends the probes that the core asks for.

#ifndef CLUSTERING_SHIM_PROBE_H
#define CLUSTERING_SHIM_PROBE_H

#include "core.h"
#include "worker.h"

namespace clustering {

/// One probe of a node: an OPTIONS request by the engine's SIP channel.
///
/// It has a thread of its own, because the request waits for its answer. A thread that waits while
/// it handles a message may keep that very answer from being read.
class Probe : public Worker {
public:
    /// Sends the probe of a task. The core outlives it.
    static void send(clustering_core* core, const clustering_task& task);

private:
    Probe(clustering_core* core, const clustering_task& task);
    void work() override;

    clustering_core* m_core;
    TelEngine::String m_node;
    TelEngine::String m_uri;
    TelEngine::String m_connection;
    TelEngine::String m_transport;
    uint64_t m_number;
    unsigned m_tries;
};

} // namespace clustering

#endif

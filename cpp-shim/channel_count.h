// SPDX-License-Identifier: GPL-2.0-or-later

// Counts the engine's channels.

#ifndef CLUSTERING_SHIM_CHANNEL_COUNT_H
#define CLUSTERING_SHIM_CHANNEL_COUNT_H

#include "core.h"
#include "worker.h"

namespace clustering {

/// A thread that asks all modules for their status, as an operator's `status` does, and adds up
/// their channels. Nobody else knows those that are older than this module.
class ChannelCount : public Worker {
public:
    /// Starts it, unless one is under way. The core outlives it.
    static void start(clustering_core* core);

private:
    explicit ChannelCount(clustering_core* core) : Worker("Cluster Channels"), m_core(core) {}
    void work() override;

    clustering_core* m_core;
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// Looks up the names of hosts that the core asks for.

#ifndef CLUSTERING_SHIM_RESOLVER_H
#define CLUSTERING_SHIM_RESOLVER_H

#include "core.h"
#include "worker.h"

namespace clustering {

/// A thread that looks up names of hosts until the core has no more.
///
/// The system's resolver answers when it likes to, so no thread of a message ever asks it.
class Resolver : public Worker {
public:
    /// Starts a thread for each name that waits, as many as the core allows. The core outlives
    /// them.
    static void start(clustering_core* core);

    /// Waits so many milliseconds at most until a name was looked up.
    static void wait(const clustering_core* core, const clustering_borrowed_text& name,
                     unsigned timeout);

private:
    Resolver(clustering_core* core, const TelEngine::String& name);
    void work() override;

    clustering_core* m_core;
    TelEngine::String m_name;
};

} // namespace clustering

#endif

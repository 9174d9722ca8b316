// SPDX-License-Identifier: GPL-2.0-or-later

// Database queries; none is waited for longer than its time.

#ifndef CLUSTERING_SHIM_DB_QUERY_H
#define CLUSTERING_SHIM_DB_QUERY_H

#include "core.h"
#include "worker.h"

namespace clustering {

/// A message to a database. A thread of its own dispatches it, because a database may take long and
/// the thread of a call has no time: where the call is forked it holds up all calls.
///
/// The asking thread and the query's thread share it; the last one deletes it.
class DbQuery : public TelEngine::RefObject {
public:
    /// `name` is the name of the message.
    explicit DbQuery(const char* name) : m_message(name) {}

    /// The message. To be changed before `ask`, and to be read after a reply that was handled.
    TelEngine::Message& message() { return m_message; }

    /// Asks, waits for so many milliseconds at most, and notes the outcome in `reply`: handled or
    /// not, timed out, or no thread.
    void ask(unsigned timeout, clustering_reply& reply);

    /// Asks, on the thread that may wait.
    void dispatch();

private:
    TelEngine::Message m_message;
    TelEngine::Semaphore m_done{1, "ClusteringQuery", 0};
    bool m_handled = false;
};

/// A query of a task, whose answer nobody waits for.
class TaskQuery : public Worker {
public:
    /// Asks. The core outlives the query.
    static void send(clustering_core* core, const clustering_task& task);

private:
    TaskQuery(clustering_core* core, const clustering_task& task);
    void work() override;

    clustering_core* m_core;
    TelEngine::Message m_message;
    uint64_t m_number;
};

} // namespace clustering

#endif

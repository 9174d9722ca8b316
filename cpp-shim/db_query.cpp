// SPDX-License-Identifier: GPL-2.0-or-later

#include "db_query.h"

#include "clock.h"
#include "message.h"

#include <algorithm>

using namespace TelEngine;

namespace clustering {

namespace {

// A slot for each query that may be under way. They are made when the first is used, never in an
// engine that the module doesn't match.
Semaphore& slots() {
    static Semaphore slots(CLUSTERING_MAX_QUERIES, "ClusteringQueries", CLUSTERING_MAX_QUERIES);
    return slots;
}

// The thread of one query.
class QueryThread : public Worker {
public:
    explicit QueryThread(DbQuery* query) : Worker("Cluster Database"), m_query(query) {}

private:
    void work() override {
        m_query->dispatch();
        m_query = nullptr;
        slots().unlock();
    }

    RefPointer<DbQuery> m_query;
};

} // namespace

void DbQuery::ask(unsigned timeout, clustering_reply& reply) {
    const uint64_t limit = static_cast<uint64_t>(timeout) * 1000;
    const uint64_t begin = steadyTime();
    if (!slots().lock(static_cast<long>(limit))) {
        reply.timed_out = true;
        return;
    }
    if (!Worker::start(new QueryThread(this))) {
        slots().unlock();
        reply.no_thread = true;
        return;
    }
    // The query has that much less time, since the slot took it.
    const uint64_t spent = std::min(steadyTime() - begin, limit);
    reply.timed_out = !m_done.lock(static_cast<long>(limit - spent));
    reply.handled = !reply.timed_out && m_handled;
}

void DbQuery::dispatch() {
    m_handled = Engine::dispatch(m_message);
    m_done.unlock();
}

TaskQuery::TaskQuery(clustering_core* core, const clustering_task& task)
    : Worker("Cluster Members"), m_core(core), m_message("database"), m_number(task.number) {
    m_message.addParam("account", string(borrowed(task.node)));
    m_message.addParam("query", string(borrowed(task.text)));
}

void TaskQuery::send(clustering_core* core, const clustering_task& task) {
    // As for a probe: nothing is asked of an engine that ends.
    if (Engine::exiting()) {
        return;
    }
    if (!start(new TaskQuery(core, task))) {
        clustering_reply reply = {};
        reply.no_thread = true;
        clustering_queried(core, task.number, &reply, steadyTime(), roughlyNow());
    }
}

void TaskQuery::work() {
    const bool handled = Engine::dispatch(m_message);
    const DbReply reply(m_message, handled);
    clustering_queried(m_core, m_number, &*reply, steadyTime(), roughlyNow());
}

} // namespace clustering

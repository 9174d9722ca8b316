// SPDX-License-Identifier: GPL-2.0-or-later

#include "question.h"

#include "clock.h"
#include "worker.h"

#include <algorithm>

using namespace TelEngine;

namespace clustering {

namespace {

// As many questions may be with the database at a time, each with a thread: one that doesn't answer
// shall not take more. Others wait for their turn.
constexpr unsigned MostAsked = 16;

// Made when it's first used, never in an engine that the module doesn't fit.
Semaphore& turns() {
    static Semaphore turns(MostAsked, "ClusteringQuestions", MostAsked);
    return turns;
}

// The thread of one question.
class Asker : public Worker {
public:
    explicit Asker(Question* question) : Worker("Cluster Database"), m_question(question) {}

private:
    void work() override {
        m_question->dispatch();
        m_question = nullptr;
        turns().unlock();
    }

    RefPointer<Question> m_question;
};

} // namespace

Question::Outcome Question::ask(unsigned timeout) {
    const uint64_t limit = static_cast<uint64_t>(timeout) * 1000;
    const uint64_t begin = steadyTime();
    if (!turns().lock(static_cast<long>(limit))) {
        return Outcome::TimedOut;
    }
    if (!Worker::start(new Asker(this))) {
        turns().unlock();
        return Outcome::TimedOut;
    }
    // What the turn has cost is no longer there for the answer.
    const uint64_t spent = std::min(steadyTime() - begin, limit);
    if (!m_done.lock(static_cast<long>(limit - spent))) {
        return Outcome::TimedOut;
    }
    return m_handled ? Outcome::Handled : Outcome::Unhandled;
}

void Question::dispatch() {
    m_handled = Engine::dispatch(m_message);
    m_done.unlock();
}

} // namespace clustering

// SPDX-License-Identifier: GPL-2.0-or-later

#include "question.h"

#include <atomic>

using namespace TelEngine;

namespace clustering {

namespace {

// As many questions may wait for a database at a time, each with a thread. A database that doesn't
// answer shall not take more.
constexpr unsigned MostWaiting = 16;

std::atomic<unsigned> s_waiting{0};

// The thread of one question.
class Asker : public Worker {
public:
    explicit Asker(Question* question) : Worker("Cluster Database"), m_question(question) {}

private:
    void work() override {
        m_question->dispatch();
        m_question = nullptr;
        s_waiting--;
    }

    RefPointer<Question> m_question;
};

} // namespace

Question::Outcome Question::ask(unsigned timeout) {
    if (s_waiting++ >= MostWaiting || !Worker::start(new Asker(this))) {
        s_waiting--;
        return Outcome::TimedOut;
    }
    if (!m_done.lock(static_cast<long>(timeout) * 1000)) {
        return Outcome::TimedOut;
    }
    return m_handled ? Outcome::Handled : Outcome::Unhandled;
}

void Question::dispatch() {
    m_handled = Engine::dispatch(m_message);
    m_done.unlock();
}

} // namespace clustering

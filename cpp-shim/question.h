// SPDX-License-Identifier: GPL-2.0-or-later

// Asks a database, and waits no longer for its answer than is right.

#ifndef CLUSTERING_SHIM_QUESTION_H
#define CLUSTERING_SHIM_QUESTION_H

#include "worker.h"

namespace clustering {

/// A message to a database that is dispatched by a thread of its own, because a database takes its
/// time, and the thread of a call has none: where the call is forked it holds up all calls.
///
/// Who asks and the thread share it; who is last deletes it.
class Question : public TelEngine::RefObject {
public:
    /// What came of it.
    enum class Outcome {
        /// A module has answered.
        Handled,
        /// No module has the account.
        Unhandled,
        /// There was no answer in time, for this question or for too many others before it, or
        /// there is
        /// no thread to be had.
        TimedOut,
    };

    /// `name` is the message's.
    explicit Question(const char* name) : m_message(name) {}

    /// The message. To be changed before it is asked, and to be read when that was handled.
    TelEngine::Message& message() { return m_message; }

    /// Asks, and waits for so many milliseconds at most.
    Outcome ask(unsigned timeout);

    /// Asks, on the thread that may wait.
    void dispatch();

private:
    TelEngine::Message m_message;
    TelEngine::Semaphore m_done{1, "ClusteringQuestion", 0};
    bool m_handled = false;
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// Threads of the module's own, for work that may wait.

#ifndef CLUSTERING_SHIM_WORKER_H
#define CLUSTERING_SHIM_WORKER_H

#include <yatephone.h>

namespace clustering {

/// A thread that does one piece of work and ends.
///
/// The engine doesn't stop the threads of a module that it unloads, and a thread runs code of this
/// library up to its last destructor. So each is remembered until the system has ended it.
class Worker : public TelEngine::Thread {
public:
    /// Starts a thread; the engine deletes it at its end. `false` where it could not be started,
    /// then it is deleted here.
    static bool start(Worker* worker);

    /// No such thread is left, not even in its last instruction.
    static bool allGone();

protected:
    explicit Worker(const char* name) : Thread(name) {}

    /// The work of the thread.
    virtual void work() = 0;

private:
    void run() override;
};

} // namespace clustering

#endif

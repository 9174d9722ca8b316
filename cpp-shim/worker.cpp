// SPDX-License-Identifier: GPL-2.0-or-later

#include "worker.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace TelEngine;

namespace clustering {

namespace {

// Not one of the engine's, since it's made in whatever engine the library is loaded into.
std::mutex s_mutex;
// The number of threads that were started and have not registered yet.
unsigned s_starting = 0;

// The others, by the system's number of the thread. The module asks for them when it is made, so
// they outlive it and its ticker.
std::vector<pid_t>& runningThreads() {
    static std::vector<pid_t> threads;
    return threads;
}

bool isGone(pid_t thread) {
    return ::syscall(SYS_tgkill, ::getpid(), thread, 0) != 0 && errno == ESRCH;
}

// Forgets those that are gone. The caller has the lock.
void forgetGone() {
    std::vector<pid_t>& threads = runningThreads();
    threads.erase(std::remove_if(threads.begin(), threads.end(), isGone), threads.end());
}

} // namespace

bool Worker::start(Worker* worker) {
    {
        const std::lock_guard<std::mutex> lock(s_mutex);
        s_starting++;
    }
    if (worker->startup()) {
        return true;
    }
    {
        const std::lock_guard<std::mutex> lock(s_mutex);
        s_starting--;
    }
    delete worker;
    return false;
}

bool Worker::allGone() {
    const std::lock_guard<std::mutex> lock(s_mutex);
    forgetGone();
    return !s_starting && runningThreads().empty();
}

void Worker::run() {
    {
        const std::lock_guard<std::mutex> lock(s_mutex);
        forgetGone();
        runningThreads().push_back(static_cast<pid_t>(::syscall(SYS_gettid)));
        s_starting--;
    }
    work();
}

} // namespace clustering

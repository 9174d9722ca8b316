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
// The others, by the system's number of the thread.
std::vector<pid_t> s_running;

bool isGone(pid_t thread) {
    return ::syscall(SYS_tgkill, ::getpid(), thread, 0) != 0 && errno == ESRCH;
}

// Forgets those that are gone. The caller has the lock.
void forgetGone() {
    s_running.erase(std::remove_if(s_running.begin(), s_running.end(), isGone), s_running.end());
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
    return !s_starting && s_running.empty();
}

void Worker::run() {
    {
        const std::lock_guard<std::mutex> lock(s_mutex);
        forgetGone();
        s_running.push_back(static_cast<pid_t>(::syscall(SYS_gettid)));
        s_starting--;
    }
    work();
}

} // namespace clustering

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Threads and time. Threads are detached, known in one list, and delete themselves at their end.

#include "hold.h"

#include <yateclass.h>

#include <algorithm>
#include <ctime>
#include <strings.h>
#include <vector>

using namespace TelEngine;

namespace TelEngine {

/// The system's side of a Thread.
class ThreadPrivate {
public:
    ThreadPrivate(Thread* thread, const char* name) : m_thread(thread), m_name(name) {}
    bool start();
    void cancelHard();
    static void* entry(void* arg);
    static void finish(void* arg);

    Thread* m_thread;
    const char* m_name;
    pthread_t m_handle{};
    std::atomic<bool> m_started{false};
    std::atomic<bool> m_running{false};
    std::atomic<bool> m_cancel{false};
};

} // namespace TelEngine

namespace {

constexpr size_t StackSize = size_t{256} * 1024;
constexpr int SoftWaits = 3;
constexpr int HardWaitMs = 300;

// Both outlive all statics, as threads may still be running when those are destroyed.
std::vector<ThreadPrivate*>& registry() {
    static auto* threads = new std::vector<ThreadPrivate*>;
    return *threads;
}

pthread_mutex_t registryLock = PTHREAD_MUTEX_INITIALIZER;
thread_local ThreadPrivate* currentThread = nullptr;
std::atomic<unsigned long> idleTime{5000};

void pause(unsigned long usec) {
    timespec time{};
    time.tv_sec = static_cast<time_t>(usec / 1000000);
    time.tv_nsec = static_cast<long>(usec % 1000000) * 1000;
    nanosleep(&time, nullptr);
}

int othersRunning() {
    const UncancelledHold hold(registryLock);
    int count = 0;
    for (const ThreadPrivate* t : registry()) {
        count += (t->m_started && t != currentThread) ? 1 : 0;
    }
    return count;
}

} // namespace

bool ThreadPrivate::start() {
    if (m_started.exchange(true)) {
        return false;
    }
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, StackSize);
    // The thread waits for this lock before it does anything, so the handle is set by then.
    const UncancelledHold hold(registryLock);
    const int err = pthread_create(&m_handle, &attr, entry, this);
    pthread_attr_destroy(&attr);
    if (err) {
        m_started = false;
    }
    return err == 0;
}

void* ThreadPrivate::entry(void* arg) {
    auto* self = static_cast<ThreadPrivate*>(arg);
    { const UncancelledHold hold(registryLock); }
    currentThread = self;
    self->m_running = true;
    pthread_cleanup_push(finish, self);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
    if (!self->m_cancel) {
        self->m_thread->run();
    }
    pthread_cleanup_pop(1);
    return nullptr;
}

void ThreadPrivate::finish(void* arg) {
    auto* self = static_cast<ThreadPrivate*>(arg);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    self->m_thread->cleanup();
    self->m_running = false;
    delete self->m_thread;
    currentThread = nullptr;
    // Last, so that nobody takes the thread for gone and unloads the code that it runs.
    {
        const UncancelledHold hold(registryLock);
        auto& all = registry();
        all.erase(std::remove(all.begin(), all.end(), self), all.end());
    }
    delete self;
}

Thread::Thread(const char* name, Priority /*prio*/) : m_private(new ThreadPrivate(this, name)) {
    const UncancelledHold hold(registryLock);
    registry().push_back(m_private);
}

Thread::Thread(const char* name, const char* /*prio*/) : Thread(name, Normal) {}

Thread::~Thread() {
    if (m_private->m_started) {
        return;
    }
    {
        const UncancelledHold hold(registryLock);
        auto& all = registry();
        all.erase(std::remove(all.begin(), all.end(), m_private), all.end());
    }
    delete m_private;
}

bool Thread::startup() {
    return m_private->start();
}

bool Thread::running() const {
    return m_private->m_started;
}

const char* Thread::name() const {
    return m_private->m_name;
}

void Thread::cancel(bool hard) {
    m_private->m_cancel = true;
    if (hard) {
        const UncancelledHold hold(registryLock);
        if (m_private->m_started) {
            pthread_cancel(m_private->m_handle);
        }
    }
}

const char* Thread::currentName() {
    return currentThread ? currentThread->m_name : nullptr;
}

Thread* Thread::current() {
    return currentThread ? currentThread->m_thread : nullptr;
}

int Thread::count() {
    const UncancelledHold hold(registryLock);
    return static_cast<int>(registry().size());
}

void Thread::yield(bool exitCheck) {
    pause(0);
    if (exitCheck) {
        check();
    }
}

void Thread::idle(bool exitCheck) {
    msleep(idleTime, exitCheck);
}

void Thread::sleep(unsigned int sec, bool exitCheck) {
    usleep(sec * 1000000UL, exitCheck);
}

void Thread::msleep(unsigned long msec, bool exitCheck) {
    usleep(msec * 1000, exitCheck);
}

void Thread::usleep(unsigned long usec, bool exitCheck) {
    pause(usec);
    if (exitCheck) {
        check();
    }
}

unsigned long Thread::idleUsec() {
    return idleTime * 1000;
}

unsigned long Thread::idleMsec() {
    return idleTime;
}

void Thread::idleMsec(unsigned long msec) {
    idleTime = msec ? msec : 5;
}

bool Thread::check(bool exitNow) {
    if (!currentThread || !currentThread->m_cancel) {
        return false;
    }
    if (exitNow) {
        exit();
    }
    return true;
}

void Thread::exit() {
    if (currentThread) {
        pthread_exit(nullptr);
    }
}

void Thread::killall() {
    {
        const UncancelledHold hold(registryLock);
        for (ThreadPrivate* t : registry()) {
            if (t != currentThread) {
                t->m_cancel = true;
            }
        }
    }
    for (int i = 0; i < SoftWaits && othersRunning(); ++i) {
        idle();
    }
    if (!othersRunning()) {
        return;
    }
    Debug(DebugMild, "Hard cancelling %d remaining threads", othersRunning());
    {
        const UncancelledHold hold(registryLock);
        for (const ThreadPrivate* t : registry()) {
            if (t != currentThread && t->m_started) {
                pthread_cancel(t->m_handle);
            }
        }
    }
    for (int i = 0; i < HardWaitMs && othersRunning(); ++i) {
        msleep(1);
    }
    if (const int left = othersRunning()) {
        Debug(DebugCrit, "Could not kill %d threads, abandoning them", left);
    }
}

uint64_t Time::now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1000000 +
           static_cast<uint64_t>(time.tv_nsec) / 1000;
}

uint64_t Time::msecNow() {
    return now() / 1000;
}

uint32_t Time::secNow() {
    return static_cast<uint32_t>(now() / 1000000);
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// POSIX mutexes of the mock's own, which the engine's counts of locks don't see.

#ifndef MOCK_YATE_HOLD_H
#define MOCK_YATE_HOLD_H

#include <yatengine.h>

#include <ctime>

namespace TelEngine {

/// Holds a mutex for the life of the object.
class Hold {
public:
    explicit Hold(pthread_mutex_t& mutex) : m_mutex(mutex) { pthread_mutex_lock(&m_mutex); }
    ~Hold() { pthread_mutex_unlock(&m_mutex); }
    YNOCOPY(Hold);

private:
    pthread_mutex_t& m_mutex;
};

/// Holds a mutex that a thread must not be cancelled with, or nobody could take it any more.
class UncancelledHold {
public:
    explicit UncancelledHold(pthread_mutex_t& mutex) : m_mutex(mutex) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &m_state);
        pthread_mutex_lock(&m_mutex);
    }
    ~UncancelledHold() {
        pthread_mutex_unlock(&m_mutex);
        pthread_setcancelstate(m_state, nullptr);
    }
    YNOCOPY(UncancelledHold);

private:
    pthread_mutex_t& m_mutex;
    int m_state = 0;
};

/// The time on a clock when so many microseconds from now have passed.
inline timespec deadline(long usec, clockid_t clock = CLOCK_REALTIME) {
    timespec when{};
    clock_gettime(clock, &when);
    when.tv_sec += usec / 1000000;
    when.tv_nsec += (usec % 1000000) * 1000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_nsec -= 1000000000;
        ++when.tv_sec;
    }
    return when;
}

} // namespace TelEngine

#endif

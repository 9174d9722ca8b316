// SPDX-License-Identifier: GPL-2.0-or-later
//
// Mutex, Semaphore, RWLock and the objects that hold them for a scope.

#include <yateclass.h>

#include <ctime>

using namespace TelEngine;

namespace {

// By the clock of the plain timed calls: sanitizers don't know the ones that take a clock.
timespec deadline(long maxwait) {
    timespec when{};
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_sec += maxwait / 1000000;
    when.tv_nsec += (maxwait % 1000000) * 1000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_nsec -= 1000000000;
        ++when.tv_sec;
    }
    return when;
}

} // namespace

Mutex::Mutex(bool recursive, const char* /*name*/) : m_recursive(recursive) {
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    pthread_mutex_init(&m_mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}

Mutex::~Mutex() {
    pthread_mutex_destroy(&m_mutex);
}

bool Mutex::lock(long maxwait) {
    int err = 0;
    if (maxwait < 0) {
        err = pthread_mutex_lock(&m_mutex);
    } else if (maxwait == 0) {
        err = pthread_mutex_trylock(&m_mutex);
    } else {
        const timespec until = deadline(maxwait);
        err = pthread_mutex_timedlock(&m_mutex, &until);
    }
    if (err) {
        return false;
    }
    ++m_locks;
    return true;
}

bool Mutex::unlock() {
    if (m_locks.load() <= 0) {
        return false;
    }
    --m_locks;
    return pthread_mutex_unlock(&m_mutex) == 0;
}

Semaphore::Semaphore(unsigned int maxcount, const char* /*name*/, unsigned int initialCount)
    : m_count(initialCount < maxcount ? initialCount : maxcount), m_max(maxcount) {
    pthread_mutex_init(&m_mutex, nullptr);
    pthread_cond_init(&m_cond, nullptr);
}

Semaphore::~Semaphore() {
    pthread_cond_destroy(&m_cond);
    pthread_mutex_destroy(&m_mutex);
}

bool Semaphore::lock(long maxwait) {
    const timespec until = deadline(maxwait < 0 ? 0 : maxwait);
    pthread_mutex_lock(&m_mutex);
    ++m_waiting;
    int err = 0;
    while (!m_count && !err && maxwait != 0) {
        err = (maxwait < 0) ? pthread_cond_wait(&m_cond, &m_mutex)
                            : pthread_cond_timedwait(&m_cond, &m_mutex, &until);
    }
    const bool ok = m_count > 0;
    if (ok) {
        --m_count;
    }
    --m_waiting;
    pthread_mutex_unlock(&m_mutex);
    return ok;
}

bool Semaphore::unlock() {
    pthread_mutex_lock(&m_mutex);
    if (m_count < m_max) {
        ++m_count;
        pthread_cond_signal(&m_cond);
    }
    pthread_mutex_unlock(&m_mutex);
    return true;
}

RWLock::RWLock(const char* /*name*/) {
    pthread_rwlock_init(&m_lock, nullptr);
}

RWLock::~RWLock() {
    pthread_rwlock_destroy(&m_lock);
}

bool RWLock::readLock(long maxWait) {
    int err = 0;
    if (maxWait < 0) {
        err = pthread_rwlock_rdlock(&m_lock);
    } else if (maxWait == 0) {
        err = pthread_rwlock_tryrdlock(&m_lock);
    } else {
        const timespec until = deadline(maxWait);
        err = pthread_rwlock_timedrdlock(&m_lock, &until);
    }
    if (err) {
        return false;
    }
    ++m_locks;
    return true;
}

bool RWLock::writeLock(long maxWait) {
    int err = 0;
    if (maxWait < 0) {
        err = pthread_rwlock_wrlock(&m_lock);
    } else if (maxWait == 0) {
        err = pthread_rwlock_trywrlock(&m_lock);
    } else {
        const timespec until = deadline(maxWait);
        err = pthread_rwlock_timedwrlock(&m_lock, &until);
    }
    if (err) {
        return false;
    }
    ++m_locks;
    return true;
}

bool RWLock::unlock() {
    --m_locks;
    return pthread_rwlock_unlock(&m_lock) == 0;
}

bool Lock::acquire(Lockable* lock, long maxwait, bool readLock) {
    if (lock && lock == m_lock) {
        return true;
    }
    drop();
    RWLock* rw = (lock && readLock) ? lock->lockableRWLock() : nullptr;
    if (lock && (rw ? rw->readLock(maxwait) : lock->lock(maxwait))) {
        m_lock = lock;
    }
    return m_lock != nullptr;
}

bool RLock::acquire(RWLock& lock, long maxwait) {
    if (&lock == m_lock) {
        return true;
    }
    drop();
    if (lock.readLock(maxwait)) {
        m_lock = &lock;
    }
    return m_lock != nullptr;
}

bool WLock::acquire(RWLock& lock, long maxwait) {
    if (&lock == m_lock) {
        return true;
    }
    drop();
    if (lock.writeLock(maxwait)) {
        m_lock = &lock;
    }
    return m_lock != nullptr;
}

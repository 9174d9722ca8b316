// SPDX-License-Identifier: GPL-2.0-or-later
//
// Mutex, Semaphore, RWLock and the objects that hold them for a scope.

#include "hold.h"

#include <yateclass.h>

using namespace TelEngine;

namespace {

// Waits for a lock as long as it takes, not at all, or until a time.
template <class Object>
bool take(Object& object, long maxwait, int (*wait)(Object*), int (*attempt)(Object*),
          int (*timed)(Object*, const timespec*)) {
    if (maxwait < 0) {
        return wait(&object) == 0;
    }
    if (maxwait == 0) {
        return attempt(&object) == 0;
    }
    // By the clock of the plain timed calls: sanitizers don't know the ones that take a clock.
    const timespec until = deadline(maxwait);
    return timed(&object, &until) == 0;
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
    if (!take(m_mutex, maxwait, pthread_mutex_lock, pthread_mutex_trylock,
              pthread_mutex_timedlock)) {
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
    const Hold hold(m_mutex);
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
    return ok;
}

bool Semaphore::unlock() {
    const Hold hold(m_mutex);
    if (m_count < m_max) {
        ++m_count;
        pthread_cond_signal(&m_cond);
    }
    return true;
}

RWLock::RWLock(const char* /*name*/) {
    pthread_rwlock_init(&m_lock, nullptr);
}

RWLock::~RWLock() {
    pthread_rwlock_destroy(&m_lock);
}

bool RWLock::readLock(long maxWait) {
    if (!take(m_lock, maxWait, pthread_rwlock_rdlock, pthread_rwlock_tryrdlock,
              pthread_rwlock_timedrdlock)) {
        return false;
    }
    ++m_locks;
    return true;
}

bool RWLock::writeLock(long maxWait) {
    if (!take(m_lock, maxWait, pthread_rwlock_wrlock, pthread_rwlock_trywrlock,
              pthread_rwlock_timedwrlock)) {
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

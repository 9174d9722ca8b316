// SPDX-License-Identifier: GPL-2.0-or-later
//
// Time, locks and threads. Times to wait are in microseconds, -1 waits for ever, 0 only tries.

#ifndef MOCK_YATE_THREAD_H
#define MOCK_YATE_THREAD_H

#include <mock/named.h>
#include <pthread.h>

namespace TelEngine {

/// Microseconds since the epoch.
class YATE_API Time {
public:
    inline Time() : m_time(now()) {}
    inline Time(uint64_t usec) : m_time(usec) {}
    inline uint32_t sec() const { return static_cast<uint32_t>((m_time + 500000) / 1000000); }
    inline uint64_t msec() const { return (m_time + 500) / 1000; }
    inline uint64_t usec() const { return m_time; }
    inline operator uint64_t() const { return m_time; }
    inline Time& operator=(uint64_t usec) {
        m_time = usec;
        return *this;
    }
    inline Time& operator+=(int64_t delta) {
        m_time += static_cast<uint64_t>(delta);
        return *this;
    }
    inline Time& operator-=(int64_t delta) {
        m_time -= static_cast<uint64_t>(delta);
        return *this;
    }
    static uint64_t now();
    static uint64_t msecNow();
    static uint32_t secNow();

private:
    uint64_t m_time;
};

/// An integer changed without tearing.
template <class Type> class YAtomicNumber {
public:
    inline YAtomicNumber() = default;
    explicit inline YAtomicNumber(Type val) : m_value(val) {}
    inline YAtomicNumber(const YAtomicNumber& other) : m_value(other.m_value.load()) {}
    inline Type value() const { return m_value.load(std::memory_order_relaxed); }
    inline Type valueAtomic() const { return m_value.load(); }
    /// These three return the new value, ...
    inline Type inc() { return ++m_value; }
    inline Type dec() { return --m_value; }
    inline Type add(Type val) { return m_value += val; }
    inline Type sub(Type val) { return m_value -= val; }
    /// ... and these the old one.
    inline Type set(Type val) { return m_value.exchange(val); }
    inline Type preInc() { return m_value++; }
    inline Type preDec() { return m_value--; }
    inline operator Type() const { return m_value.load(); }
    inline YAtomicNumber& operator=(Type val) {
        m_value = val;
        return *this;
    }
    inline YAtomicNumber& operator=(const YAtomicNumber& other) {
        m_value = other.m_value.load();
        return *this;
    }
    inline Type operator+=(Type val) { return m_value += val; }
    inline Type operator-=(Type val) { return m_value -= val; }
    inline Type operator++() { return ++m_value; }
    inline Type operator--() { return --m_value; }
    inline Type operator++(int) { return m_value++; }
    inline Type operator--(int) { return m_value--; }

private:
    std::atomic<Type> m_value{0};
};
typedef YAtomicNumber<int> AtomicInt;
typedef YAtomicNumber<unsigned int> AtomicUInt;
typedef YAtomicNumber<int64_t> AtomicInt64;
typedef YAtomicNumber<uint64_t> AtomicUInt64;
typedef YAtomicNumber<int32_t> AtomicInt32;
typedef YAtomicNumber<uint32_t> AtomicUInt32;

/// An object that can be locked.
class YATE_API Lockable {
public:
    Lockable() = default;
    virtual ~Lockable() = default;
    virtual bool lock(long maxwait = -1) = 0;
    virtual bool unlock() = 0;
    virtual bool locked() const = 0;
    virtual Mutex* lockableMutex() { return nullptr; }
    virtual Semaphore* lockableSemaphore() { return nullptr; }
    virtual RWLock* lockableRWLock() { return nullptr; }
    /// Here for programs that need it in the engine; the mock's locks always work.
    static void startUsingNow() {}
    YNOCOPY(Lockable);
};

/// A mutex; unlike the engine's it can't be copied.
class YATE_API Mutex : public Lockable {
public:
    explicit Mutex(bool recursive = false, const char* name = nullptr);
    ~Mutex() override;
    bool lock(long maxwait = -1) override;
    bool unlock() override;
    bool locked() const override { return m_locks.load() > 0; }
    bool recursive() const { return m_recursive; }
    Mutex* lockableMutex() override { return this; }

private:
    pthread_mutex_t m_mutex;
    std::atomic<int> m_locks{0};
    bool m_recursive;
};

/// Counts unlocks up to a maximum; lock waits for one.
class YATE_API Semaphore : public Lockable {
public:
    explicit Semaphore(unsigned int maxcount = 1, const char* name = nullptr,
                       unsigned int initialCount = 1);
    ~Semaphore() override;
    bool lock(long maxwait = -1) override;
    bool unlock() override;
    bool locked() const override { return m_waiting.load() > 0; }
    Semaphore* lockableSemaphore() override { return this; }

private:
    pthread_mutex_t m_mutex;
    pthread_cond_t m_cond;
    unsigned int m_count;
    unsigned int m_max;
    std::atomic<int> m_waiting{0};
};

/// Many readers or one writer. A reader may read again; a writer can't lock it once more.
class YATE_API RWLock : public Lockable {
public:
    explicit RWLock(const char* name = nullptr);
    ~RWLock() override;
    bool unlock() override;
    bool readLock(long maxWait = -1);
    bool writeLock(long maxWait = -1);
    bool lock(long maxWait = -1) override { return writeLock(maxWait); }
    bool locked() const override { return m_locks.load() > 0; }
    RWLock* lockableRWLock() override { return this; }

private:
    pthread_rwlock_t m_lock;
    std::atomic<int> m_locks{0};
};

/// Locks for the life of the object, or until drop().
class YATE_API Lock {
public:
    inline explicit Lock(Lockable& lock, long maxwait = -1, bool readLock = false) {
        acquire(&lock, maxwait, readLock);
    }
    inline explicit Lock(Lockable* lock, long maxwait = -1, bool readLock = false) {
        acquire(lock, maxwait, readLock);
    }
    inline ~Lock() { drop(); }
    inline Lockable* locked() const { return m_lock; }
    /// Lets go of what it holds and takes another; true at once if that is held already.
    bool acquire(Lockable* lock, long maxwait = -1, bool readLock = false);
    inline bool acquire(Lockable& lock, long maxwait = -1, bool readLock = false) {
        return acquire(&lock, maxwait, readLock);
    }
    inline void drop() {
        if (m_lock) {
            m_lock->unlock();
        }
        m_lock = nullptr;
    }
    YNOCOPY(Lock);

private:
    Lockable* m_lock = nullptr;
};

/// The common part of those that hold an RWLock: Take is the way that they do.
template <bool (RWLock::*Take)(long)> class RWHold {
public:
    inline explicit RWHold(RWLock& lock, long maxwait = -1) { acquire(lock, maxwait); }
    inline explicit RWHold(RWLock* lock, long maxwait = -1) {
        if (lock) {
            acquire(*lock, maxwait);
        }
    }
    inline ~RWHold() { drop(); }
    inline RWLock* locked() const { return m_lock; }
    inline bool acquire(RWLock& lock, long maxwait = -1) {
        if (&lock != m_lock) {
            drop();
            m_lock = (lock.*Take)(maxwait) ? &lock : nullptr;
        }
        return m_lock != nullptr;
    }
    inline void drop() {
        if (m_lock) {
            m_lock->unlock();
        }
        m_lock = nullptr;
    }
    YNOCOPY(RWHold);

private:
    RWLock* m_lock = nullptr;
};

/// Reads under an RWLock for the life of the object.
class YATE_API RLock : public RWHold<&RWLock::readLock> {
    using RWHold::RWHold;
};

/// Writes under an RWLock for the life of the object.
class YATE_API WLock : public RWHold<&RWLock::writeLock> {
    using RWHold::RWHold;
};

/// The code that a thread runs.
class YATE_API Runnable {
public:
    Runnable() = default;
    virtual ~Runnable() = default;
    virtual void run() = 0;
};

/// A thread with a 256 KiB stack and asynchronous cancellation that deletes itself at its end.
class YATE_API Thread : public Runnable {
    friend class ThreadPrivate;
    YNOCOPY(Thread);

public:
    enum Priority { Lowest, Low, Normal, High, Highest };
    /// Runs at the thread's end, on it, also after a hard cancel.
    virtual void cleanup() {}
    bool startup();
    /// The thread couldn't be made.
    bool error() const { return !m_private; }
    bool running() const;
    /// The name as given: the text isn't copied.
    const char* name() const;
    void cancel(bool hard = false);
    inline bool isCurrent() const { return current() == this; }

    static const char* currentName();
    /// Null on the main thread and on those that the engine didn't make.
    static Thread* current();
    static int count();
    static void yield(bool exitCheck = false);
    static void idle(bool exitCheck = false);
    static void sleep(unsigned int sec, bool exitCheck = false);
    static void msleep(unsigned long msec, bool exitCheck = false);
    static void usleep(unsigned long usec, bool exitCheck = false);
    /// The time that idle() sleeps: 5 s until an engine runs, 5 ms from then on.
    static unsigned long idleUsec();
    static unsigned long idleMsec();
    static void idleMsec(unsigned long msec);
    /// Whether the current thread was cancelled; ends it then, if so asked.
    static bool check(bool exitNow = true);
    static void exit();
    /// Cancels all threads, softly first and hard after about 15 ms.
    static void killall();

protected:
    explicit Thread(const char* name = nullptr, Priority prio = Normal);
    Thread(const char* name, const char* prio);
    ~Thread() override;

private:
    class ThreadPrivate* m_private;
};

} // namespace TelEngine

#endif

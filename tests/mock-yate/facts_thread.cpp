// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of threads: the ways of locks, and the waits of threads for each other.

#include "facts.h"

#include <atomic>

using namespace TelEngine;

namespace {

/// Holds a message until it is let go.
class Gate {
public:
    void pass() {
        m_inside = true;
        while (!m_open) {
            Thread::msleep(1);
        }
        m_inside = false;
    }
    void waitInside() const {
        while (!m_inside) {
            Thread::msleep(1);
        }
    }
    std::atomic<bool> m_inside{false};
    std::atomic<bool> m_open{false};
};

class GateHandler : public MessageHandler {
public:
    explicit GateHandler(Gate& gate) : MessageHandler("gate", 10), m_gate(gate) {}
    bool received(Message&) override {
        m_gate.pass();
        return true;
    }

private:
    Gate& m_gate;
};

class GateReceiver : public MessageReceiver {
public:
    explicit GateReceiver(Gate& gate) : m_gate(gate) {}
    bool received(Message&, int id) override {
        m_id = id;
        m_gate.pass();
        return true;
    }
    int m_id = 0;

private:
    Gate& m_gate;
};

class Sender : public Thread {
public:
    explicit Sender(std::atomic<bool>& done) : Thread("sender"), m_done(done) {}
    void run() override {
        CHECK(Thread::current() == this);
        CHECK_TEXT(Thread::currentName(), "sender");
        Engine::dispatch("gate");
        m_done = true;
    }

private:
    std::atomic<bool>& m_done;
};

class Opener : public Thread {
public:
    explicit Opener(Gate& gate) : Thread("opener"), m_gate(gate) {}
    void run() override {
        Thread::msleep(50);
        m_gate.m_open = true;
    }

private:
    Gate& m_gate;
};

} // namespace

void facts::uninstalling() {
    CHECK(Thread::current() == nullptr);
    Gate gate;
    GateHandler handler(gate);
    Engine::install(&handler);
    std::atomic<bool> done{false};
    (new Sender(done))->startup();
    gate.waitInside();
    (new Opener(gate))->startup();
    // A handler isn't let go while a thread is in it ...
    CHECK(Engine::uninstall(&handler));
    CHECK(!gate.m_inside);
    while (!done) {
        Thread::msleep(1);
    }
    // ... but a relay is.
    Gate second;
    GateReceiver receiver(second);
    MessageRelay* relay = new MessageRelay("gate", &receiver, 7, 10);
    Engine::install(relay);
    done = false;
    (new Sender(done))->startup();
    second.waitInside();
    CHECK(Engine::uninstall(relay));
    CHECK(second.m_inside);
    CHECK(receiver.m_id == 7);
    relay->destruct();
    second.m_open = true;
    while (!done) {
        Thread::msleep(1);
    }
}

void facts::locks() {
    RWLock rw("rw");
    CHECK(rw.readLock(0));
    CHECK(rw.readLock(0));
    rw.unlock();
    rw.unlock();
    CHECK(rw.writeLock(0));
    CHECK(!rw.readLock(0));
    CHECK(!rw.writeLock(0));
    rw.unlock();
    Mutex recursive(true, "recursive");
    CHECK(recursive.lock());
    CHECK(recursive.lock());
    CHECK(recursive.unlock());
    CHECK(recursive.locked());
    CHECK(recursive.unlock());
    CHECK(!recursive.locked());
    Mutex plain(false, "plain");
    {
        Lock lock(plain);
        CHECK(lock.locked() == &plain);
        lock.drop();
        CHECK(lock.locked() == nullptr);
        CHECK(lock.acquire(plain));
        CHECK(!plain.lock(0));
        CHECK(!plain.lock(1000));
    }
    CHECK(!plain.locked());
    Semaphore semaphore(2, "semaphore", 1);
    CHECK(semaphore.lock(0));
    CHECK(!semaphore.lock(1000));
    CHECK(semaphore.unlock());
    CHECK(semaphore.lock(0));
    AtomicInt number(1);
    CHECK(number.inc() == 2);
    CHECK(number++ == 2);
    CHECK((int)number == 3);
}

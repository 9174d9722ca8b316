// SPDX-License-Identifier: GPL-2.0-or-later
//
// The parts that the facts of a running engine share: the caller, and the messages that pass.

#ifndef MOCK_YATE_FACTS_RUNNING_H
#define MOCK_YATE_FACTS_RUNNING_H

#include "facts.h"

#include <initializer_list>

namespace facts {

using namespace TelEngine;

/// The longest time that an event is waited for, in microseconds.
const uint64_t Patience = 20000000;

/// The SIP addresses of the node itself, and of one that isn't there.
extern String own;
extern String dead;

/// The call target of a user at an address.
String target(const char* user, const String& address);

/// Keeps the messages of a name that pass, if so wished only those with a parameter of some value.
class Seen : public MessageHandler {
public:
    explicit Seen(const char* name, const char* filter = nullptr, const char* value = nullptr)
        : MessageHandler(name, 25), m_lock(false, "Seen") {
        if (filter) {
            setFilter(filter, value);
        }
        Engine::install(this);
    }
    // Uninstalled while the members that a message inside needs are still there.
    ~Seen() override { Engine::uninstall(this); }
    bool received(Message& msg) override {
        const Lock lock(m_lock);
        auto* copy = new NamedList(msg);
        copy->setParam("thread", Thread::currentName());
        m_all.append(copy);
        return false;
    }
    // Waits for one whose parameter has the value; null if none comes.
    const NamedList* wait(const char* name, const char* value) {
        const uint64_t end = Time::now() + Patience;
        do {
            {
                const Lock lock(m_lock);
                for (ObjList* l = m_all.skipNull(); l; l = l->skipNext()) {
                    const auto* list = static_cast<const NamedList*>(l->get());
                    if ((*list)[name] == value) {
                        return list;
                    }
                }
            }
            Thread::msleep(5);
        } while (Time::now() < end);
        return nullptr;
    }
    YNOCOPY(Seen);

private:
    Mutex m_lock;
    ObjList m_all;
};

/// The caller of a call.
class Caller : public CallEndpoint {
public:
    Caller() : CallEndpoint("facts/1") {}
    // Calls the target; the message is as it was afterwards.
    bool call(Message& msg, const String& target) {
        msg.addParam("id", id());
        msg.addParam("billid", "facts-7");
        msg.addParam("caller", "alice");
        msg.addParam("called", "bob");
        msg.addParam("callto", target);
        msg.addParam("formats", "alaw");
        msg.userData(this);
        return Engine::dispatch(msg);
    }
    String error() {
        const Lock lock(m_lock);
        return m_error;
    }

protected:
    void disconnected(bool final, const char* reason) override {
        const Lock lock(m_lock);
        if (!final) {
            m_error = reason;
        }
    }

private:
    Mutex m_lock{false, "Caller"};
    String m_error;
};

/// Facts of requests outside of calls, and of instant messages.
void requests();
void messages();
/// Facts of calls: those that fail, their billids, and those to several targets.
void calls();
void billids();
void forks();

} // namespace facts

#endif

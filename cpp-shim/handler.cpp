// SPDX-License-Identifier: GPL-2.0-or-later

#include "handler.h"

#include "decisions.h"

#include <algorithm>

using namespace TelEngine;

namespace clustering {

namespace {

// How far ahead a handler's replacement is settled, in microseconds.
constexpr uint64_t HandOver = 2000;

// For how many seconds a handler that was replaced stays for the messages that were made before:
// longer than a call is routed. And how many of them stay, should reloads replace many.
constexpr unsigned Patience = 60;
constexpr unsigned MostReplaced = 64;

#ifdef CLUSTERING_FILTERS
// Asks whether a message is this handler's, and any business of the cluster's, before the engine so
// much as notes in it that it has met our handler.
class Filter : public MatchingItemCustom {
public:
    Filter(const Decisions& decisions, const Handler& handler)
        : MatchingItemCustom("clustering", "clustering"), m_decisions(decisions),
          m_handler(handler) {}

protected:
    bool runMatchListParam(const NamedList& list, MatchingParams*) const override {
        // A handler's filter is only ever asked about messages. It promises not to change what it
        // looks at, and doesn't; but what is found on the way the handler will change.
        Message& msg = const_cast<Message&>(static_cast<const Message&>(list));
        return m_handler.takes(msg) &&
               (!m_handler.filtered() || m_decisions.concerns(msg, m_handler.kind()));
    }
    MatchingItemBase* customCopyItem() const override { return new Filter(m_decisions, m_handler); }

private:
    const Decisions& m_decisions;
    const Handler& m_handler;
};
#endif

} // namespace

Handler::Handler(Decisions& decisions, uint32_t kind, unsigned priority)
    : MessageHandler(string(clustering_kind_name(kind)), priority, "clustering"),
      m_decisions(decisions), m_kind(kind) {
#ifdef CLUSTERING_FILTERS
    // Between filter and handler the engine writes one parameter: where the handlers are noted. If
    // that is one of ours, what the filter has read is no longer so.
    m_filtered = clustering_kind_filtered(kind) && !decisions.wants(Engine::trackParam(), kind);
    setFilter(new Filter(decisions, *this));
#endif
}

bool Handler::takes(const Message& msg) const {
    const uint64_t made = msg.msgTime().usec();
    const Moment* end = m_end;
    return (made >= *m_begin || made >= m_early) && !(end && made >= *end);
}

bool Handler::received(Message& msg) {
    return takes(msg) && m_decisions.decide(msg, m_kind, m_filtered);
}

void Handler::stop() {
    m_shared = std::make_shared<Moment>(Time::now());
    m_end = m_shared.get();
}

void Handler::begin() {
    *m_begin = Time::now();
}

void Handler::follow(Handler& old) {
    *m_begin = UINT64_MAX;
    old.m_shared = m_begin;
    old.m_end = m_begin.get();
}

void Handler::takeOver() {
    // A moment ahead, so that it is settled before the first message of that time; again, should
    // this thread have slept over it.
    uint64_t time = 0;
    do {
        time = Time::now() + HandOver;
        *m_begin = time;
    } while (Time::now() >= time);
}

void Handler::inherit(const Handler& old) {
    m_early = std::min(old.m_begin->load(), old.m_early.load());
}

void Handlers::adjust(const clustering_core* core) {
    bool replaced = false;
    for (uint32_t kind = 0; kind < CLUSTERING_KINDS; kind++) {
        const unsigned priority = clustering_priority(core, kind);
        const Lock lock(m_mutex);
        Handler* old = m_handlers[kind];
        if ((old ? old->priority() : 0) == priority) {
            continue;
        }
        m_handlers[kind] = replace(kind, priority);
        if (old) {
            replaced = replaced || priority;
            m_replaced.append(old)->setDelete(false);
        }
    }
    if (replaced) {
        // So that the new priorities are in force when the reload is done.
        Thread::usleep(HandOver);
    }
}

// Puts another handler in the place of one, or none. The new one first: messages that were made
// before it was there are the old one's to the end of their way, those made later the new one's, so
// that none meets both, or neither.
Handler* Handlers::replace(uint32_t kind, unsigned priority) {
    Handler* old = m_handlers[kind];
    if (!priority) {
        old->stop();
        return nullptr;
    }
    Handler* handler = new Handler(m_decisions, kind, priority);
    if (old) {
        handler->follow(*old);
    } else if (wasReplaced(kind)) {
        // Messages that were made before may have met a handler that is gone since. They are taken
        // once that is swept, so that a clock which is set back stops this one for no longer.
        handler->begin();
    }
    Engine::install(handler);
    if (old) {
        handler->takeOver();
    }
    return handler;
}

// Whether a handler of a kind still has to be uninstalled.
bool Handlers::wasReplaced(uint32_t kind) const {
    for (const ObjList* o = m_replaced.skipNull(); o; o = o->skipNext()) {
        if (static_cast<const Handler*>(o->get())->kind() == kind) {
            return true;
        }
    }
    return false;
}

// Seconds are counted because the clock may step.
void Handlers::grow() {
    const Lock lock(m_mutex);
    for (ObjList* o = m_replaced.skipNull(); o; o = o->skipNext()) {
        static_cast<Handler*>(o->get())->grow();
    }
}

void Handlers::sweep() {
    unsigned old = 0;
    {
        const Lock lock(m_mutex);
        for (ObjList* o = m_replaced.skipNull(); o; o = o->skipNext()) {
            old += static_cast<Handler*>(o->get())->age() >= Patience;
        }
        const unsigned count = m_replaced.count();
        old = std::max(old, count > MostReplaced ? count - MostReplaced : 0);
    }
    for (; old; old--) {
        uninstall(takeEldest());
    }
}

// Takes the eldest handler of those that were replaced, and has its heir take its messages.
Handler* Handlers::takeEldest() {
    const Lock lock(m_mutex);
    Handler* eldest = static_cast<Handler*>(m_replaced.remove(false));
    Handler* heir = eldest ? m_handlers[eldest->kind()] : nullptr;
    for (ObjList* o = m_replaced.skipNull(); eldest && o; o = o->skipNext()) {
        Handler* next = static_cast<Handler*>(o->get());
        if (next->kind() == eldest->kind()) {
            heir = next;
            break;
        }
    }
    if (heir) {
        heir->inherit(*eldest);
    }
    return eldest;
}

void Handlers::uninstall() {
    for (Handler*& current : m_handlers) {
        Handler* handler = nullptr;
        {
            const Lock lock(m_mutex);
            std::swap(handler, current);
        }
        uninstall(handler);
    }
    while (Handler* handler = takeEldest()) {
        uninstall(handler);
    }
}

void Handlers::uninstall(MessageHandler* handler) {
    if (handler) {
        Engine::uninstall(handler);
        TelEngine::destruct(handler);
    }
}

} // namespace clustering

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Handlers, and the way of messages to them.

#include "hold.h"

#include <yatengine.h>

#include <algorithm>
#include <ctime>
#include <string>

using namespace TelEngine;

namespace {

// Equal priorities are ordered by address, as the engine does.
bool isBefore(const MessageHandler* a, const MessageHandler* b) {
    return a->priority() != b->priority() ? a->priority() < b->priority() : a < b;
}

} // namespace

MessageHandler::MessageHandler(const char* name, unsigned priority, const char* trackName,
                               bool addPriority)
    : String(name), m_trackName(trackName), m_trackNameOnly(trackName), m_priority(priority) {
    if (addPriority && m_trackName) {
        m_trackName << ":" << priority;
    }
}

MessageHandler::~MessageHandler() {
    cleanup();
}

void MessageHandler::cleanup() {
    if (MessageDispatcher* dispatcher = m_dispatcher) {
        dispatcher->uninstall(this);
    }
    clearFilter();
}

void MessageHandler::destruct() {
    cleanup();
    String::destruct();
}

void MessageHandler::trackName(const char* name) {
    if (m_dispatcher.load()) {
        return;
    }
    m_trackName = name;
    const String suffix = String(":") + String(m_priority);
    m_trackNameOnly = m_trackName.endsWith(suffix)
                          ? m_trackName.substr(0, static_cast<int>(m_trackName.length()) -
                                                      static_cast<int>(suffix.length()))
                          : m_trackName;
}

void MessageHandler::safeNowInternal() {
    // The handler may be deleted as soon as this is done.
    --m_unsafe;
}

bool MessageHandler::receivedInternal(Message& msg) {
    const bool ok = received(msg);
    safeNowInternal();
    return ok;
}

bool MessageRelay::receivedInternal(Message& msg) {
    MessageReceiver* receiver = m_receiver;
    const int id = m_id;
    safeNowInternal();
    return receiver && receiver->received(msg, id);
}

MessageDispatcher::MessageDispatcher(const char* trackParam) : m_trackParam(trackParam) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m_messagesCond, &attr);
    pthread_condattr_destroy(&attr);
}

MessageDispatcher::~MessageDispatcher() {
    clear();
    for (Message* msg : m_messages) {
        msg->destruct();
    }
    pthread_cond_destroy(&m_messagesCond);
}

void MessageDispatcher::clear() {
    std::vector<MessageHandler*> handlers;
    {
        const WLock lock(m_handlersLock);
        handlers.swap(m_handlers);
        ++m_changes;
    }
    for (MessageHandler* handler : handlers) {
        handler->m_dispatcher = nullptr;
        handler->destruct();
    }
    const WLock lock(m_hooksLock);
    for (const auto& hook : m_hooks) {
        hook->deref();
    }
    m_hooks.clear();
    m_haveHooks = false;
}

bool MessageDispatcher::install(MessageHandler* handler) {
    if (!handler) {
        return false;
    }
    const WLock lock(m_handlersLock);
    const auto place = std::lower_bound(m_handlers.begin(), m_handlers.end(), handler, isBefore);
    if (place != m_handlers.end() && *place == handler) {
        return false;
    }
    m_handlers.insert(place, handler);
    ++m_changes;
    handler->m_dispatcher = this;
    return true;
}

bool MessageDispatcher::uninstall(MessageHandler* handler) {
    WLock lock(m_handlersLock);
    const auto place = std::find(m_handlers.begin(), m_handlers.end(), handler);
    if (place == m_handlers.end()) {
        return false;
    }
    m_handlers.erase(place);
    ++m_changes;
    while (handler->m_unsafe > 0) {
        lock.drop();
        Thread::yield();
        lock.acquire(m_handlersLock);
    }
    handler->m_dispatcher = nullptr;
    return true;
}

void MessageDispatcher::track(Message& msg, const MessageHandler& handler) const {
    if (m_trackParam.null() || handler.trackName().null()) {
        return;
    }
    if (NamedString* tracked = msg.getParam(m_trackParam)) {
        tracked->append(handler.trackName(), ",");
    } else {
        msg.addParam(m_trackParam, handler.trackName());
    }
}

bool MessageDispatcher::dispatch(Message& msg) {
    ++m_dispatchCount;
    const uint64_t started = m_warnTime ? Time::now() : 0;
    bool handled = false;
    RLock lock(m_handlersLock);
    for (size_t i = 0; i < m_handlers.size();) {
        MessageHandler* handler = m_handlers[i];
        // The name is looked at each time: a handler may have changed it.
        if (!(handler->null() || static_cast<const String&>(*handler) == msg) ||
            !handler->matchesList(msg)) {
            ++i;
            continue;
        }
        const unsigned int changes = m_changes;
        const unsigned priority = handler->priority();
        track(msg, *handler);
        ++handler->m_unsafe;
        lock.drop();
        const uint64_t entered = m_warnTime ? Time::now() : 0;
        handled = handler->receivedInternal(msg) || handled;
        if (m_warnTime && Time::now() - entered > m_warnTime) {
            Debug(DebugInfo, "Message '%s' [%p] passed through %p in " FMT64U " usec", msg.c_str(),
                  static_cast<void*>(&msg), static_cast<void*>(handler), Time::now() - entered);
        }
        if (handled && !msg.broadcast()) {
            break;
        }
        lock.acquire(m_handlersLock);
        if (changes == m_changes) {
            ++i;
            continue;
        }
        // The handler may be gone, so go on behind the place it had.
        const auto next =
            std::find_if(m_handlers.begin(), m_handlers.end(), [&](const MessageHandler* other) {
                return other->priority() > priority ||
                       (other->priority() == priority && other > handler);
            });
        i = static_cast<size_t>(next - m_handlers.begin());
    }
    lock.drop();
    msg.dispatched(handled);
    if (m_warnTime && Time::now() - started > m_warnTime) {
        warnSlow(msg, handled, Time::now() - started);
    }
    if (m_haveHooks) {
        runHooks(msg, handled);
    }
    return handled;
}

void MessageDispatcher::warnSlow(const Message& msg, bool handled, uint64_t usec) const {
    std::string text = "\r\n  retval='";
    text += msg.retValue().safe("(null)");
    text += "'";
    for (const ObjList* l = msg.paramList()->skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        text.append("\r\n  param['").append(param->name().safe()).append("'] = '");
        text.append(param->safe()).append("'");
    }
    Debug("Performance", DebugMild, "Message %p '%s' returned %s in " FMT64U " usec%s",
          static_cast<const void*>(&msg), msg.c_str(), String::boolText(handled), usec,
          text.c_str());
}

void MessageDispatcher::runHooks(const Message& msg, bool handled) {
    std::vector<RefPointer<MessagePostHook>> hooks;
    {
        const RLock lock(m_hooksLock);
        hooks = m_hooks;
    }
    for (const auto& hook : hooks) {
        if (hook && hook->matchesMsg(msg)) {
            hook->dispatched(msg, handled);
        }
    }
}

// The list takes the caller's reference over; a removed hook is given back with it.
bool MessageDispatcher::setHook(MessagePostHook* hook, bool remove) {
    if (!hook) {
        return false;
    }
    const WLock lock(m_hooksLock);
    const auto place = std::find(m_hooks.begin(), m_hooks.end(), hook);
    if ((place != m_hooks.end()) != remove) {
        return false;
    }
    if (remove) {
        m_hooks.erase(place);
    } else {
        m_hooks.emplace_back(hook);
    }
    m_haveHooks = !m_hooks.empty();
    return true;
}

bool MessageDispatcher::enqueue(Message* msg) {
    if (!msg) {
        return false;
    }
    const Hold hold(m_messagesLock);
    const bool known = std::find(m_messages.begin(), m_messages.end(), msg) != m_messages.end();
    if (!known) {
        m_messages.push_back(msg);
        ++m_enqueueCount;
        pthread_cond_signal(&m_messagesCond);
    }
    return !known;
}

bool MessageDispatcher::dequeueOne() {
    Message* msg = nullptr;
    {
        const Hold hold(m_messagesLock);
        if (m_messages.empty()) {
            return false;
        }
        msg = m_messages.front();
        m_messages.pop_front();
        ++m_dequeueCount;
    }
    dispatch(*msg);
    msg->destruct();
    return true;
}

void MessageDispatcher::dequeue() {
    while (dequeueOne()) {
    }
}

// Whether to stop is looked at under the lock, so that a thread that comes from a message just then
// doesn't wait beyond the engine's end.
bool MessageDispatcher::waitMessage(unsigned long maxUsec) {
    const timespec until = deadline(static_cast<long>(maxUsec), CLOCK_MONOTONIC);
    const UncancelledHold hold(m_messagesLock);
    if (m_messages.empty() && !m_stopped) {
        pthread_cond_timedwait(&m_messagesCond, &m_messagesLock, &until);
    }
    return !m_stopped;
}

void MessageDispatcher::stopWorkers() {
    const Hold hold(m_messagesLock);
    m_stopped = true;
    pthread_cond_broadcast(&m_messagesCond);
}

bool MessageDispatcher::hasMessages() {
    return messageCount() != 0;
}

unsigned int MessageDispatcher::messageCount() {
    const Hold hold(m_messagesLock);
    return static_cast<unsigned int>(m_messages.size());
}

unsigned int MessageDispatcher::handlerCount() {
    const RLock lock(m_handlersLock);
    return static_cast<unsigned int>(m_handlers.size());
}

unsigned int MessageDispatcher::postHookCount() {
    const RLock lock(m_hooksLock);
    return static_cast<unsigned int>(m_hooks.size());
}

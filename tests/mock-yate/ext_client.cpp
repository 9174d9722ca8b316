// SPDX-License-Identifier: GPL-2.0-or-later
//
// A client of the external module protocol. As in the engine, its thread only reads: the messages
// it sends are enqueued and dispatched by the engine's workers, so that it may answer a message
// while one of its own is on the way.

#include "ext_client.h"

#include "hold.h"

#include <algorithm>

using namespace TelEngine;

namespace {

constexpr int ReadMs = 50;
constexpr unsigned int DefaultPriority = 100;
// The longest time that a client may take for a message.
constexpr int TimeoutMs = 10000;

// The clients there are, to be ended when the engine stops.
pthread_mutex_t allLock = PTHREAD_MUTEX_INITIALIZER;
std::vector<ExtClient*>& clients() {
    static auto* all = new std::vector<ExtClient*>;
    return *all;
}

} // namespace

struct ExtClient::Waiting {
    Message* msg;
    String id;
    bool handled = false;
    bool answered = false;
};

void ExtClient::dieAll() {
    const Hold hold(allLock);
    for (ExtClient* client : clients()) {
        client->die();
    }
}

ExtClient::ExtClient(int fd) : Thread("ExtMod Receiver"), m_socket(fd) {
    const Hold hold(allLock);
    clients().push_back(this);
}

void ExtClient::die() {
    m_dead = true;
    m_socket.shut();
    const Hold hold(m_lock);
    pthread_cond_broadcast(&m_answered);
}

void ExtClient::run() {
    std::string line;
    while (!m_dead && !m_socket.closed() && !Thread::check(false)) {
        if (m_socket.readLine(line, ReadMs) && !line.empty()) {
            process(line.c_str());
        }
    }
    die();
    for (MessageRelay* relay : m_relays) {
        relay->destruct();
    }
    m_relays.clear();
    if (m_watcher) {
        m_watcher->leave();
        if (Engine::dispatcher() && Engine::self()->setHook(m_watcher, true)) {
            m_watcher->deref();
        }
    }
    // Neither relays nor own messages may find the client gone.
    while (m_uses > 0) {
        Thread::msleep(1);
    }
}

void ExtClient::cleanup() {
    const Hold hold(allLock);
    auto& all = clients();
    all.erase(std::remove(all.begin(), all.end(), this), all.end());
}

void ExtClient::process(const String& line) {
    String rest = line;
    if (rest.startsWith("%%<message:")) {
        answer(line);
    } else if (rest.startSkip("%%>install:", false)) {
        install(rest);
    } else if (rest.startSkip("%%>watch:", false)) {
        watch(rest);
    } else {
        send(line);
    }
}

void ExtClient::answer(const String& line) {
    const Hold hold(m_lock);
    for (auto it = m_waiting.begin(); it != m_waiting.end(); ++it) {
        Waiting& waiting = **it;
        if (waiting.msg->decode(line, waiting.handled, waiting.id) == -2) {
            waiting.answered = true;
            m_waiting.erase(it);
            pthread_cond_broadcast(&m_answered);
            return;
        }
    }
    Debug("ExtModule", DebugWarn, "Unmatched message: %s", line.c_str());
}

// [priority]:name
void ExtClient::install(String text) {
    int priority = DefaultPriority;
    text >> priority >> ":";
    const String& name = text;
    const bool known = std::any_of(m_relays.begin(), m_relays.end(),
                                   [&](const MessageRelay* r) { return name == r->c_str(); });
    const bool ok = name && !known;
    if (ok) {
        auto* relay = new MessageRelay(name, this, 0, priority);
        m_relays.push_back(relay);
        Engine::install(relay);
    }
    String result("%%<install:");
    write(result << priority << ":" << name << ":" << ok);
}

void ExtClient::watch(const String& name) {
    bool ok = false;
    {
        const Hold hold(m_lock);
        ok = std::find(m_watched.begin(), m_watched.end(), name) == m_watched.end();
        if (ok) {
            m_watched.push_back(name);
        }
    }
    if (ok && !m_watcher) {
        auto* watcher = new ExtWatcher(this);
        m_watcher = watcher;
        Engine::self()->setHook(watcher);
    }
    String result("%%<watch:");
    write(result << name << ":" << ok);
}

bool ExtClient::watches(const Message& msg) {
    const Hold hold(m_lock);
    return std::any_of(m_watched.begin(), m_watched.end(),
                       [&](const String& name) { return name.null() || msg == name.c_str(); });
}

void ExtClient::send(const String& line) {
    auto* msg = new ExtMessage;
    if (msg->decode(line, msg->m_id) != -2) {
        msg->destruct();
        Debug("ExtModule", DebugWarn, "Error: '%s'", line.c_str());
        write("Error in: " + line);
        return;
    }
    msg->sendFor(this);
}

bool ExtClient::received(Message& msg, int /*id*/) {
    const auto* own = YOBJECT(ExtMessage, &msg);
    if (m_dead || (own && own->client() == this)) {
        return false;
    }
    use();
    Waiting waiting{&msg, {}};
    // A prefix, so that it can't be taken for an id of the client's own.
    waiting.id << "mock." << ++m_serial;
    const timespec until = deadline(TimeoutMs * 1000L);
    const String line = msg.encode(waiting.id);
    {
        const Hold hold(m_lock);
        m_waiting.push_back(&waiting);
    }
    bool late = !m_socket.writeLine(line);
    {
        const Hold hold(m_lock);
        while (!waiting.answered && !m_dead && !late) {
            late = pthread_cond_timedwait(&m_answered, &m_lock, &until) == ETIMEDOUT;
        }
        m_waiting.erase(std::remove(m_waiting.begin(), m_waiting.end(), &waiting), m_waiting.end());
    }
    if (!waiting.answered && !m_dead) {
        Alarm("ExtModule", "performance", DebugWarn, "Message %p '%s' did not return in %d msec",
              static_cast<void*>(&msg), msg.c_str(), TimeoutMs);
    }
    unuse();
    return waiting.answered && waiting.handled;
}

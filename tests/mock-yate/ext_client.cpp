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

ExtClient::ExtClient(int fd, bool global)
    : Thread("ExtMod Receiver"), m_socket(fd), m_global(global) {
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
        if (m_socket.readLine(line, ReadMs) && !line.empty() && !process(line.c_str())) {
            break;
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

// False ends the connection.
bool ExtClient::process(const String& line) {
    if (!m_global) {
        return connect(line);
    }
    String rest = line;
    if (rest.startsWith("%%<message:")) {
        answer(line);
    } else if (rest.startSkip("%%>install:", false)) {
        install(rest);
    } else if (rest.startSkip("%%>uninstall:", false)) {
        uninstall(rest);
    } else if (rest.startSkip("%%>watch:", false)) {
        watch(rest, true);
    } else if (rest.startSkip("%%>unwatch:", false)) {
        watch(rest, false);
    } else if (rest.startSkip("%%>output:", false)) {
        Output("%s", rest.trimBlanks().safe());
    } else if (rest.startSkip("%%>debug:", false) && rest.find(':') > 0) {
        const int colon = rest.find(':');
        Debug(rest.substr(0, colon).toInteger(DebugAll, 0, DebugTest, DebugAll), "%s",
              rest.substr(colon + 1).msgUnescape().safe());
    } else if (rest.startSkip("%%>setlocal:", false) && rest.find(':') > 0) {
        const int colon = rest.find(':');
        setLocal(rest.substr(0, colon), rest.substr(colon + 1));
    } else if (rest == "%%>quit") {
        write("%%<quit");
        return false;
    } else {
        send(line);
    }
    return true;
}

bool ExtClient::connect(const String& line) {
    String role = line;
    if (role.startSkip("%%>connect:", false)) {
        role = role.substr(0, role.find(':'));
        if (role == "global") {
            m_global = true;
            return true;
        }
    }
    Debug("ExtModule", DebugWarn, "Expecting the connect of a global role, received '%s'",
          line.c_str());
    return false;
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

// [priority]:name[:filter-name[:filter-value]]
void ExtClient::install(String text) {
    int priority = DefaultPriority;
    text >> priority >> ":";
    String filter;
    String value;
    int colon = text.find(':');
    String name = text.substr(0, colon);
    if (colon >= 0) {
        filter = text.substr(colon + 1);
        colon = filter.find(':');
        if (colon >= 0) {
            value = filter.substr(colon + 1).msgUnescape();
            filter = filter.substr(0, colon);
        }
        filter = filter.msgUnescape();
    }
    const bool known = std::any_of(m_relays.begin(), m_relays.end(),
                                   [&](const MessageRelay* r) { return name == r->c_str(); });
    const bool ok = name && !known;
    if (ok) {
        auto* relay = new MessageRelay(name, this, 0, priority, m_trackName);
        if (filter) {
            relay->setFilter(filter, value);
        }
        m_relays.push_back(relay);
        Engine::install(relay);
    }
    String result("%%<install:");
    write(result << priority << ":" << name << ":" << ok);
}

void ExtClient::uninstall(const String& name) {
    unsigned int priority = 0;
    const auto place = std::find_if(m_relays.begin(), m_relays.end(),
                                    [&](const MessageRelay* r) { return name == r->c_str(); });
    const bool ok = place != m_relays.end();
    if (ok) {
        MessageRelay* relay = *place;
        priority = relay->priority();
        m_relays.erase(place);
        relay->destruct();
    }
    String result("%%<uninstall:");
    write(result << priority << ":" << name << ":" << ok);
}

void ExtClient::watch(const String& name, bool add) {
    bool ok = false;
    {
        const Hold hold(m_lock);
        const auto place = std::find(m_watched.begin(), m_watched.end(), name);
        ok = (place == m_watched.end()) == add;
        if (ok && add) {
            m_watched.push_back(name);
        } else if (ok) {
            m_watched.erase(place);
        }
    }
    if (ok && add && !m_watcher) {
        auto* watcher = new ExtWatcher(this);
        m_watcher = watcher;
        Engine::self()->setHook(watcher);
    }
    String result(add ? "%%<watch:" : "%%<unwatch:");
    write(result << name << ":" << ok);
}

bool ExtClient::watches(const Message& msg) {
    const Hold hold(m_lock);
    return std::any_of(m_watched.begin(), m_watched.end(),
                       [&](const String& name) { return name.null() || msg == name.c_str(); });
}

bool ExtClient::flag(bool& store, String& value) const {
    store = value.toBoolean(store);
    value = store;
    return true;
}

// Sets the value, or gets it if none is given; false if there is no such parameter.
bool ExtClient::local(const String& name, String& value) {
    const bool query = value.null();
    if (name == "trackparam") {
        if (query) {
            value = m_trackName;
        } else {
            m_trackName = value;
        }
        return true;
    }
    if (name == "timeout") {
        m_timeout = value.toInteger(m_timeout);
        value = m_timeout;
        return true;
    }
    if (name == "reenter") {
        return flag(m_reenter, value);
    }
    if (name == "selfwatch") {
        return flag(m_selfWatch, value);
    }
    if (name == "settime") {
        return flag(m_setTime, value);
    }
    if (name == "runid") {
        value = Engine::runId();
        return query;
    }
    if (name.startsWith("engine.")) {
        const NamedString* param = Engine::runParams().getParam(name.substr(7));
        value = param;
        return query && param;
    }
    if (name.startsWith("loaded.")) {
        value = Engine::self()->pluginLoaded(name.substr(7));
        return query;
    }
    if (name.startsWith("config.")) {
        const String key = name.substr(7);
        const int dot = key.find('.');
        if (dot <= 0) {
            return query && Engine::config().getSection(key);
        }
        const NamedString* param = Engine::config().getKey(key.substr(0, dot).trimBlanks(),
                                                           key.substr(dot + 1).trimBlanks());
        value = param;
        return query && param;
    }
    return false;
}

void ExtClient::setLocal(const String& name, String value) {
    value.trimBlanks();
    const bool ok = local(name, value);
    String result("%%<setlocal:");
    write(result << name << ":" << value << ":" << ok);
}

void ExtClient::send(const String& line) {
    auto* msg = new ExtMessage;
    if (msg->decode(line, msg->m_id) != -2) {
        msg->destruct();
        Debug("ExtModule", DebugWarn, "Error: '%s'", line.c_str());
        write("Error in: " + line);
        return;
    }
    if (m_setTime) {
        msg->msgTime() = Time::now();
    }
    msg->sendFor(this);
}

bool ExtClient::received(Message& msg, int /*id*/) {
    const auto* own = YOBJECT(ExtMessage, &msg);
    if (m_dead || (own && own->client() == this && !m_reenter)) {
        return false;
    }
    use();
    Waiting waiting{&msg, {}};
    // A prefix, so that it can't be taken for an id of the client's own.
    waiting.id << "mock." << ++m_serial;
    const timespec until = deadline(m_timeout * 1000L);
    const String line = msg.encode(waiting.id);
    {
        const Hold hold(m_lock);
        m_waiting.push_back(&waiting);
    }
    bool late = !m_socket.writeLine(line);
    {
        const Hold hold(m_lock);
        while (!waiting.answered && !m_dead && !late) {
            late = m_timeout > 0 ? pthread_cond_timedwait(&m_answered, &m_lock, &until) == ETIMEDOUT
                                 : pthread_cond_wait(&m_answered, &m_lock) != 0;
        }
        m_waiting.erase(std::remove(m_waiting.begin(), m_waiting.end(), &waiting), m_waiting.end());
    }
    if (!waiting.answered && !m_dead) {
        Alarm("ExtModule", "performance", DebugWarn, "Message %p '%s' did not return in %d msec",
              static_cast<void*>(&msg), msg.c_str(), m_timeout);
    }
    unuse();
    return waiting.answered && waiting.handled;
}

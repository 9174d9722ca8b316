// SPDX-License-Identifier: GPL-2.0-or-later
//
// The external module protocol. As in the engine, a client's thread only reads: the messages it
// sends are enqueued and dispatched by the engine's workers, so that a client may answer a message
// while one of its own is on the way.

#include "extmodule.h"

#include "socket.h"

#include <algorithm>
#include <ctime>

using namespace TelEngine;

namespace {

constexpr int ReadMs = 50;
constexpr int DefaultTimeoutMs = 10000;
constexpr unsigned int DefaultPriority = 100;

class ExtClient;

/// A message that a handler of a client waits to be answered.
struct Waiting {
    Message* msg;
    String id;
    bool handled = false;
    bool answered = false;
};

/// A message sent by a client, which gets the result.
class ExtMessage : public Message {
public:
    ExtMessage() : Message("") {}
    ~ExtMessage() override;
    void* getObject(const String& name) const override;
    void sendFor(ExtClient* client);
    const ExtClient* client() const { return m_client; }
    String m_id;

protected:
    void dispatched(bool accepted) override {
        m_accepted = accepted;
        Message::dispatched(accepted);
    }

private:
    ExtClient* m_client = nullptr;
    bool m_accepted = false;
};

/// Shows a client the messages it watches, after they were dispatched.
class ExtWatcher : public MessagePostHook {
public:
    explicit ExtWatcher(ExtClient* client) : m_client(client) {}
    void dispatched(const Message& msg, bool handled) override;
    /// The client is about to go.
    void leave();

private:
    Mutex m_lock;
    ExtClient* m_client;
};

/// One connection.
class ExtClient : public Thread, public MessageReceiver {
public:
    ExtClient(int fd, bool global);
    void run() override;
    void cleanup() override;
    bool received(Message& msg, int id) override;
    /// While used it isn't deleted.
    void use() { ++m_uses; }
    void unuse() { --m_uses; }
    bool watches(const Message& msg);
    bool selfWatch() const { return m_selfWatch; }
    void write(const String& line) { m_socket.writeLine(line.c_str()); }
    void die();

private:
    bool process(const String& line);
    bool connect(const String& line);
    void answer(const String& line);
    void install(String text);
    void uninstall(const String& name);
    void watch(const String& name, bool add);
    void setLocal(const String& name, String value);
    bool local(const String& name, String& value);
    void send(const String& line);
    bool flag(bool& store, String& value) const;

    LineSocket m_socket;
    bool m_global;
    bool m_reenter = false;
    bool m_selfWatch = false;
    bool m_setTime = false;
    int m_timeout = DefaultTimeoutMs;
    String m_trackName;
    std::atomic<bool> m_dead{false};
    std::atomic<int> m_uses{0};
    std::atomic<unsigned int> m_serial{0};
    std::vector<MessageRelay*> m_relays;
    std::vector<String> m_watched;
    RefPointer<ExtWatcher> m_watcher;
    std::vector<Waiting*> m_waiting;
    pthread_mutex_t m_lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t m_answered = PTHREAD_COND_INITIALIZER;
};

/// Makes a client of each connection.
class ExtListener : public ListenThread {
public:
    ExtListener(int fd, const char* path, bool global)
        : ListenThread("ExtMod Listener", fd, path), m_global(global) {}

protected:
    void accepted(int fd) override { (new ExtClient(fd, m_global))->startup(); }

private:
    bool m_global;
};

class Hold {
public:
    explicit Hold(pthread_mutex_t& mutex) : m_mutex(mutex) { pthread_mutex_lock(&m_mutex); }
    ~Hold() { pthread_mutex_unlock(&m_mutex); }
    YNOCOPY(Hold);

private:
    pthread_mutex_t& m_mutex;
};

// The clients and listeners there are, to be ended when the engine stops.
pthread_mutex_t allLock = PTHREAD_MUTEX_INITIALIZER;
std::vector<ExtClient*>& clients() {
    static auto* all = new std::vector<ExtClient*>;
    return *all;
}
std::vector<ExtListener*>& listeners() {
    static auto* all = new std::vector<ExtListener*>;
    return *all;
}

YCLASSIMP(ExtMessage, Message)

ExtMessage::~ExtMessage() {
    if (m_client) {
        m_client->write(encode(m_accepted, m_id));
        m_client->unuse();
    }
}

void ExtMessage::sendFor(ExtClient* client) {
    // A message without an id wants no answer.
    if (m_id) {
        m_client = client;
        client->use();
    }
    if (!Engine::enqueue(this)) {
        destruct();
    }
}

void ExtWatcher::dispatched(const Message& msg, bool handled) {
    const Lock lock(m_lock);
    if (!m_client || !m_client->watches(msg)) {
        return;
    }
    const auto* own = YOBJECT(ExtMessage, &msg);
    if (!own || own->client() != m_client || m_client->selfWatch()) {
        m_client->write(msg.encode(handled, ""));
    }
}

void ExtWatcher::leave() {
    const Lock lock(m_lock);
    m_client = nullptr;
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
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += m_timeout / 1000;
    until.tv_nsec += (m_timeout % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        ++until.tv_sec;
    }
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

} // namespace

void TelEngine::extmoduleStart() {
    const Configuration config(Engine::configFile("extmodule"), false);
    for (unsigned int i = 0; i < config.sections(); ++i) {
        const NamedList* section = config.getSection(i);
        if (!section || !section->startsWith("listener ")) {
            continue;
        }
        const char* path = section->getValue("path");
        if ((*section)["type"] != "unix" || TelEngine::null(path)) {
            Debug("ExtModule", DebugConf, "Section '%s' isn't of a unix socket", section->c_str());
            continue;
        }
        const int fd = ListenThread::listen(path);
        if (fd < 0) {
            continue;
        }
        auto* listener = new ExtListener(fd, path, (*section)["role"] == "global");
        listeners().push_back(listener);
        listener->startup();
    }
}

void TelEngine::extmoduleStop() {
    for (ExtListener* listener : listeners()) {
        listener->cancel();
    }
    listeners().clear();
    const Hold hold(allLock);
    for (ExtClient* client : clients()) {
        client->die();
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

#include "module.h"

#include <sys/random.h>
#include <unistd.h>
#include <vector>

using namespace TelEngine;

namespace clustering {

namespace {

// How long an unload waits for calls that wait for their node, in milliseconds.
constexpr unsigned UnloadWait = 500;

// How far ahead a handler's replacement is settled, in microseconds.
constexpr uint64_t HandOver = 2000;

// How long a handler that was replaced stays for the messages that were made before, in
// microseconds: longer than a call is routed. And how many of them stay, should reloads replace
// many.
constexpr uint64_t Patience = 60000000;
constexpr unsigned MostReplaced = 64;

// A random number for this process. Without a source of them the time does: it need not be secret.
uint64_t processNumber() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        number = Time::now() ^ static_cast<uint64_t>(::getpid()) << 48;
    }
    return number;
}

// A file of settings, as the core takes it. It borrows from the configuration.
std::vector<clustering_setting> settings(const Configuration& file) {
    std::vector<clustering_setting> list;
    for (unsigned i = 0; i < file.sections(); i++) {
        const NamedList* section = file.getSection(i);
        if (!section) {
            continue;
        }
        for (const ObjList* o = section->paramList()->skipNull(); o; o = o->skipNext()) {
            const NamedString* entry = static_cast<const NamedString*>(o->get());
            list.push_back({bytes(*section), bytes(entry->name()), bytes(*entry)});
        }
    }
    return list;
}

// What a filter has read last on this thread, of a message that it let through: the engine hands
// that message to the filter's handler next. Plain data, because a thread-local with a destructor
// would keep the library in memory after its unload.
thread_local Reading s_read;

#ifdef CLUSTERING_FILTERS
// Asks whether a message is any business of the cluster's, and of this handler's, before the engine
// so much as notes in it that it has met our handler.
class Filter : public MatchingItemBase {
public:
    Filter(const ClusteringModule& module, const Handler& handler, int kind)
        : MatchingItemBase(TypeCustom, "clustering"), m_module(module), m_handler(handler),
          m_kind(kind) {}

protected:
    bool runMatchListParam(const NamedList& list, MatchingParams*) const override {
        // A handler's filter is only ever asked about messages. It promises not to change what it
        // looks at, and doesn't; but what is found on the way the handler will change.
        Message& msg = const_cast<Message&>(static_cast<const Message&>(list));
        return m_handler.takes(msg) && m_module.concerns(msg, m_kind);
    }
    MatchingItemBase* copyItem() const override { return new Filter(m_module, m_handler, m_kind); }

private:
    const ClusteringModule& m_module;
    const Handler& m_handler;
    int m_kind;
};
#endif

} // namespace

Handler::Handler(ClusteringModule& module, Method method, int id, const char* name,
                 unsigned priority)
    : MessageHandler(name, priority, "clustering"), m_module(module), m_method(method), m_id(id) {}

bool Handler::takes(const Message& msg) const {
    const uint64_t made = msg.msgTime().usec();
    return made >= m_from && made < m_until;
}

bool Handler::received(Message& msg) {
    return takes(msg) && (m_module.*m_method)(msg, m_id);
}

void Handler::inherit(const Handler& old) {
    m_from = old.m_from.load();
}

void Handler::stop() {
    m_until = Time::now();
}

void Handler::begin() {
    m_from = Time::now();
}

void Handler::follow(Handler& old) {
    // A moment ahead, so that it is settled for both handlers before the first message of that
    // time.
    const uint64_t time = Time::now() + HandOver;
    old.m_until = time;
    m_from = time;
}

ClusteringModule::ClusteringModule()
    : Module("clustering", "misc", true),
      m_core(clustering_new(bytes(Engine::nodeName()), processNumber())) {
    Output("Loaded module Clustering");
}

ClusteringModule::~ClusteringModule() {
    Output("Unloading module Clustering");
    // After an unload there are no handlers any more; at the engine's end it has deleted them.
    clustering_free(m_core);
}

void ClusteringModule::initialize() {
    // Whoever finds the module at work leaves the reload to that thread, and so nobody waits here:
    // this thread may be one that the other is itself waiting for.
    if (m_errands++ == 0) {
        Output("Initializing module Clustering");
        reload();
    }
}

// Reads the settings, again for each reload that was asked for meanwhile.
void ClusteringModule::reload() {
    unsigned errands = 0;
    do {
        errands = m_errands;
        installServices();
        if (load()) {
            installHandlers();
        }
    } while (!m_errands.compare_exchange_strong(errands, 0));
}

// Ends an errand that was none of reload's; reloads that were asked for meanwhile are carried out.
void ClusteringModule::endErrand() {
    unsigned errands = 1;
    if (!m_errands.compare_exchange_strong(errands, 0)) {
        reload();
    }
}

bool ClusteringModule::unload() {
    bool busy = true;
    for (unsigned waited = 0; busy && waited < UnloadWait; waited += 10) {
        unsigned idle = 0;
        if (m_locating || !m_errands.compare_exchange_strong(idle, 1)) {
            Thread::msleep(10);
            continue;
        }
        // From here on no call begins to wait; should one have begun just now, it goes first.
        m_leaving = true;
        busy = m_locating != 0;
        if (busy) {
            m_leaving = false;
            endErrand();
        }
    }
    if (busy) {
        Debug(this, DebugWarn,
              "Not unloading: %u calls wait for their node, %u reloads are under way",
              m_locating.load(), m_errands.load());
        return false;
    }
    // The errand is never ended: reloads that come from now on find the module at work.
    for (Handler* handler : m_handlers) {
        uninstall(handler);
    }
    for (Handler* handler : m_services) {
        uninstall(handler);
    }
    while (GenObject* handler = m_replaced.remove(false)) {
        uninstall(static_cast<Handler*>(handler));
    }
    return true;
}

bool ClusteringModule::concerns(NamedList& list, int kind) const {
    Reading& reading = s_read;
    reading.read(list, m_names);
    clustering_bytes known[CLUSTERING_NAMES];
    const clustering_message message = reading.message(known, 0);
    if (clustering_concerns(m_core, static_cast<uint32_t>(kind), &message)) {
        return true;
    }
    reading.list = nullptr;
    return false;
}

// Decides one message. Nothing is locked while other modules are asked.
bool ClusteringModule::decide(Message& msg, int kind) {
    Reading& reading = s_read;
    // What the handler's filter has read on this thread just now need not be read again.
    if (reading.list != &msg) {
        reading.read(msg, m_names);
    }
    Parameters params(msg, reading, m_names, msg.msgTime().usec());
    reading.list = nullptr;
    Verdict verdict;
    clustering_decide(m_core, static_cast<uint32_t>(kind), params.message(), verdict.out());
    if (verdict->action == CLUSTERING_NEED_ALL) {
        params.complete();
        clustering_decide(m_core, static_cast<uint32_t>(kind), params.message(), verdict.out());
    }
    return verdict->action == CLUSTERING_LOCATE ? locate(verdict, msg)
                                                : write(verdict, params, msg);
}

// Asks for the node of a call, and decides the call by the answer.
bool ClusteringModule::locate(const Verdict& begun, Message& msg) {
    Message asked(string(begun->retval));
    Reading reading;
    reading.read(asked, m_names);
    Parameters(asked, reading, m_names, 0).apply(*begun);
    m_locating++;
    if (m_leaving) {
        // As if the module had gone a moment earlier.
        m_locating--;
        return false;
    }
    const bool handled = Engine::dispatch(asked);
    m_locating--;
    const NamedString* error = asked.getParam("error");
    const clustering_answer answer = {handled, bytes(asked.retValue()), error != nullptr,
                                      error ? bytes(*error) : clustering_bytes{nullptr, 0},
                                      bytes(asked["reason"])};
    // Read anew, should somebody have changed the call meanwhile.
    reading.read(msg, m_names);
    Parameters params(msg, reading, m_names, Time::now());
    params.complete();
    Verdict verdict;
    clustering_located(m_core, &*begun, params.message(), &answer, verdict.out());
    return write(verdict, params, msg);
}

// Carries out a verdict; `true` where the message is handled.
bool ClusteringModule::write(const Verdict& verdict, Parameters& params, Message& msg) {
    say(verdict);
    const bool handled = verdict->action == CLUSTERING_ANSWER;
    if (handled) {
        // First, since it may be the text of a parameter that is changed.
        msg.retValue().assign(chars(verdict->retval), static_cast<int>(verdict->retval.len));
    }
    params.apply(*verdict);
    return handled;
}

// Logs what a verdict has to say, if anybody listens at its level.
void ClusteringModule::say(const Verdict& verdict) {
    if (verdict->level && debugAt(verdict->level)) {
        const CoreText line(clustering_verdict_line(&*verdict));
        Debug(this, verdict->level, "%s", line.string().safe());
    }
}

bool ClusteringModule::serve(Message& msg, int id) {
    const bool handled = Module::received(msg, id);
    // Here, since msgTimer() is called with the module locked.
    unsigned idle = 0;
    if (id == Timer && m_errands.compare_exchange_strong(idle, 1)) {
        sweep(Time::now() - Patience);
        endErrand();
    }
    return handled;
}

void ClusteringModule::statusParams(String& str) {
    Module::statusParams(str);
    str.append(CoreText(clustering_status(m_core)).string(), ",");
}

// Puts the file's settings in force; `false` where they are refused and others stay.
bool ClusteringModule::load() {
    if (Engine::nodeName().null()) {
        Debug(this, DebugNote, "Node name is empty, clustering disabled.");
    }
    const char* stay = m_loaded ? "the settings in force stay" : "clustering stays disabled";
    const String path = Engine::configFile("clustering");
    Configuration file;
    file = path;
    const bool exists = ::access(path, F_OK) == 0;
    // A file that is gone, or that the engine finds incomplete, isn't a file without settings.
    if (!file.load(exists || !m_loaded) && (exists || m_loaded)) {
        Debug(this, DebugConf, "Could not read '%s', %s", path.c_str(), stay);
        return false;
    }
    const std::vector<clustering_setting> list = settings(file);
    CoreText errors;
    if (clustering_load(m_core, bytes(path), list.data(), list.size(), errors.out()) !=
        CLUSTERING_OK) {
        ObjList* lines = errors.string().split('\n', false);
        for (ObjList* o = lines->skipNull(); o; o = o->skipNext()) {
            Debug(this, DebugConf, "%s", o->get()->toString().c_str());
        }
        TelEngine::destruct(lines);
        Debug(this, DebugConf, "Refused '%s', %s", path.c_str(), stay);
        return false;
    }
    m_loaded = exists;
    if (!clustering_enabled(m_core) && !Engine::nodeName().null()) {
        Debug(this, DebugNote,
              "Clustering is disabled: 'regexp' and 'callto' in [general] of '%s' are not both set,"
              " or 'enabled' says so",
              path.c_str());
    }
    return true;
}

// The handlers that any module has. Module::setup() would make relays of them.
void ClusteringModule::installServices() {
    static const struct {
        int id;
        const char* message;
        unsigned priority;
    } services[s_services] = {
        {Timer, "engine.timer", 90},
        {Status, "engine.status", 110},
        {Level, "engine.debug", 120},
        {Command, "engine.command", 120},
    };
    for (int i = 0; i < s_services && !m_services[i]; i++) {
        m_services[i] = new Handler(*this, &ClusteringModule::serve, services[i].id,
                                    services[i].message, services[i].priority);
        Engine::install(m_services[i]);
    }
}

// Makes the handlers be those that the settings ask for.
void ClusteringModule::installHandlers() {
    bool replaced = false;
    for (int kind = 0; kind < s_kinds; kind++) {
        const uint32_t which = static_cast<uint32_t>(kind);
        const unsigned priority = clustering_priority(m_core, which);
        Handler*& handler = m_handlers[kind];
        if ((handler ? handler->priority() : 0) == priority) {
            continue;
        }
        // The new one first. Messages that were made before it was there are the old one's to the
        // end of their way, those made later the new one's: none meets both, or neither.
        Handler* old = handler;
        handler = nullptr;
        if (priority) {
            handler = new Handler(*this, &ClusteringModule::decide, kind,
                                  string(clustering_kind_name(which)), priority);
#ifdef CLUSTERING_FILTERS
            handler->setFilter(new Filter(*this, *handler, kind));
#endif
            if (old) {
                handler->await();
            } else if (m_replaced.skipNull()) {
                // Messages that were made before may have met a handler that is gone since.
                handler->begin();
            }
            Engine::install(handler);
        }
        if (old) {
            if (handler) {
                handler->follow(*old);
                replaced = true;
            } else {
                old->stop();
            }
            m_replaced.append(old)->setDelete(false);
        }
    }
    if (replaced) {
        // So that the new priorities are in force when the reload is done.
        Thread::usleep(HandOver);
    }
    sweep(Time::now() - Patience);
}

// Uninstalls handlers that were replaced before some time, and the eldest of too many, whose
// messages its heir then takes. The engine waits for the messages inside of a handler, so this is
// put off while a call waits for its node: whoever locates it might be waiting for this thread.
void ClusteringModule::sweep(uint64_t before) {
    while (!m_locating) {
        ObjList* first = m_replaced.skipNull();
        Handler* eldest = first ? static_cast<Handler*>(first->get()) : nullptr;
        if (!eldest || (eldest->until() >= before && m_replaced.count() <= MostReplaced)) {
            break;
        }
        m_replaced.remove(false);
        Handler* heir = m_handlers[eldest->id()];
        for (ObjList* o = m_replaced.skipNull(); o; o = o->skipNext()) {
            Handler* next = static_cast<Handler*>(o->get());
            if (next->id() == eldest->id()) {
                heir = next;
                break;
            }
        }
        if (heir) {
            heir->inherit(*eldest);
        }
        uninstall(eldest);
    }
}

// Uninstalls a handler, once no message is inside of it, and deletes it.
void ClusteringModule::uninstall(Handler* handler) {
    if (handler) {
        Engine::uninstall(handler);
        TelEngine::destruct(handler);
    }
}

} // namespace clustering

INIT_PLUGIN(clustering::ClusteringModule);

UNLOAD_PLUGIN(unloadNow) {
    return !unloadNow || __plugin.unload();
}

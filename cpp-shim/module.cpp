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

// Whether a kind of message meets its handler only after the filter has said that it shall.
bool isFiltered(int kind) {
#ifdef CLUSTERING_FILTERS
    return kind == CLUSTERING_ROUTE || kind == CLUSTERING_EXECUTE;
#else
    return false;
#endif
}

// What a filter has read last on this thread, of a message that it let through: the engine hands
// that message to the filter's handler next. Plain data, because a thread-local with a destructor
// would keep the library in memory after its unload.
thread_local Reading s_read;

#ifdef CLUSTERING_FILTERS
// Asks whether a message is any business of the cluster's, before the engine so much as notes in it
// that it has met our handler. It owns nothing and lives as long as the handler.
class Filter : public MatchingItemBase {
public:
    Filter(const ClusteringModule& module, int kind)
        : MatchingItemBase(TypeCustom, "clustering"), m_module(module), m_kind(kind) {}

protected:
    bool runMatchListParam(const NamedList& list, MatchingParams*) const override {
        // The engine has a filter promise not to change what it looks at, and it doesn't; but what
        // is found on the way will be changed by the handler, if it comes to that.
        return m_module.concerns(const_cast<NamedList&>(list), m_kind);
    }
    MatchingItemBase* copyItem() const override { return new Filter(m_module, m_kind); }

private:
    const ClusteringModule& m_module;
    int m_kind;
};
#endif

} // namespace

Handler::Handler(ClusteringModule& module, Method method, int id, const char* name,
                 unsigned priority)
    : MessageHandler(name, priority, "clustering"), m_module(module), m_method(method), m_id(id) {}

bool Handler::received(Message& msg) {
    return !m_retired.load(std::memory_order_relaxed) && (m_module.*m_method)(msg, m_id);
}

ClusteringModule::ClusteringModule()
    : Module("clustering", "misc", true), m_core(clustering_new(bytes(Engine::nodeName()), processNumber())) {
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

bool ClusteringModule::unload() {
    unsigned idle = 0;
    for (unsigned waited = 0; waited < UnloadWait; waited += 10) {
        if (!m_locating && m_errands.compare_exchange_strong(idle, 1)) {
            break;
        }
        idle = 1;
        Thread::msleep(10);
    }
    if (idle) {
        Debug(this, DebugWarn, "Not unloading: %u calls wait for their node to be located",
              m_locating.load());
        return false;
    }
    // The errand is never ended: reloads that come from now on find the module at work.
    for (Handler* handler : m_handlers) {
        uninstall(handler);
    }
    for (Handler* handler : m_services) {
        uninstall(handler);
    }
    while (GenObject* handler = m_retired.remove(false)) {
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
    if (!isFiltered(kind) || reading.list != &msg) {
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
    params.apply(*verdict);
    if (verdict->action != CLUSTERING_ANSWER) {
        return false;
    }
    msg.retValue().assign(chars(verdict->retval), static_cast<int>(verdict->retval.len));
    return true;
}

// Logs what a verdict has to say, if anybody listens at its level.
void ClusteringModule::say(const Verdict& verdict) {
    if (verdict->level && debugAt(verdict->level)) {
        const CoreText line(clustering_verdict_line(&*verdict));
        Debug(this, verdict->level, "%s", line.string().safe());
    }
}

bool ClusteringModule::serve(Message& msg, int id) {
    return Module::received(msg, id);
}

void ClusteringModule::statusParams(String& str) {
    Module::statusParams(str);
    str.append(CoreText(clustering_status(m_core)).string(), ",");
}

void ClusteringModule::msgTimer(Message& msg) {
    Module::msgTimer(msg);
    unsigned errands = 0;
    if (m_retired.skipNull() && m_errands.compare_exchange_strong(errands, 1)) {
        sweep();
        errands = 1;
        if (!m_errands.compare_exchange_strong(errands, 0)) {
            reload();
        }
    }
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
    if (!file.load(!m_loaded) && m_loaded) {
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
    m_loaded = true;
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
    for (int kind = 0; kind < s_kinds; kind++) {
        const uint32_t which = static_cast<uint32_t>(kind);
        const unsigned priority = clustering_priority(m_core, which);
        Handler*& handler = m_handlers[kind];
        if ((handler ? handler->priority() : 0) == priority) {
            continue;
        }
        // The new one first, so that no message meets neither. One that is on its way may meet
        // both: what the first has changed is no matter of the cluster's to the second.
        Handler* old = handler;
        handler = nullptr;
        if (priority) {
            handler = new Handler(*this, &ClusteringModule::decide, kind,
                                  string(clustering_kind_name(which)), priority);
#ifdef CLUSTERING_FILTERS
            if (isFiltered(kind)) {
                handler->setFilter(new Filter(*this, kind));
            }
#endif
            Engine::install(handler);
        }
        if (old) {
            m_retired.append(old)->setDelete(false);
        }
    }
    sweep();
}

// Uninstalls handlers that were replaced. The engine waits for the messages inside of them, so this
// is put off while a call waits for its node: whoever locates it might be the one that reloads us.
void ClusteringModule::sweep() {
    for (ObjList* o = m_retired.skipNull(); o; o = o->skipNext()) {
        static_cast<Handler*>(o->get())->retire();
    }
    if (m_locating) {
        return;
    }
    while (GenObject* handler = m_retired.remove(false)) {
        uninstall(static_cast<Handler*>(handler));
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

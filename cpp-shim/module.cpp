// SPDX-License-Identifier: GPL-2.0-or-later

#include "module.h"

#include "channel_count.h"
#include "clock.h"
#include "db_query.h"
#include "host.h"
#include "probe.h"
#include "resolver.h"
#include "state_file.h"
#include "worker.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <sys/random.h>
#include <unistd.h>
#include <vector>

using namespace TelEngine;

namespace clustering {

namespace {

// The time that an unload waits for probes and queries that wait for an answer, in milliseconds: a
// bit longer than the engine waits for one at most, as a rule. Then the time for calls that wait
// for their node, and for their queries.
constexpr unsigned ProbeWait = 8000;
constexpr unsigned UnloadWait = 500;

// A random number for this process; the time where there is no source of them. It need not be
// secret.
uint64_t processNumber() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
        number = Time::now() ^ static_cast<uint64_t>(::getpid()) << 48;
    }
    return number;
}

// Waits so many milliseconds at most until no node is probed, and no database asked, any more; not
// so long where calls wait without a pause, for which the unload is refused.
bool workersGone(const Decisions& decisions, unsigned patience) {
    unsigned busy = 0;
    for (unsigned waited = 0; !Worker::allGone(); waited += 10) {
        busy = decisions.waiting() ? busy + 10 : 0;
        if (waited >= patience || busy >= UnloadWait) {
            return false;
        }
        Thread::msleep(10);
    }
    return true;
}

// Does something with each line of a text.
template <typename Use> void eachLine(const String& text, Use use) {
    ObjList* lines = text.split('\n', false);
    for (const ObjList* o = lines->skipNull(); o; o = o->skipNext()) {
        use(o->get()->toString());
    }
    TelEngine::destruct(lines);
}

// Appends lines as the engine's console has them.
void appendLines(String& to, const String& text) {
    eachLine(text, [&to](const String& line) { to << line << "\r\n"; });
}

// Tells all modules of a change of a node's state. Whoever handles that is not waited for.
void announce(const String& params) {
    auto* msg = new Message("cluster.node");
    msg->addParam("nodename", Engine::nodeName());
    eachLine(params, [msg](const String& line) {
        const int at = line.find('=');
        if (at > 0) {
            msg->addParam(line.substr(0, at), line.substr(at + 1));
        }
    });
    Engine::enqueue(msg);
}

// Hands the messages that any module answers to the module. Not a relay: the engine waits for a
// handler that it uninstalls, but a relay may still be at work in a library that is gone.
class Service : public MessageHandler {
public:
    Service(ClusteringModule& module, int id, const char* name, unsigned priority)
        : MessageHandler(name, priority, "clustering"), m_module(module), m_id(id) {}

    bool received(Message& msg) override { return m_module.serve(msg, m_id); }

private:
    ClusteringModule& m_module;
    int m_id;
};

// A file of settings, as the core takes it. It borrows from the configuration.
std::vector<clustering_setting> settings(const Configuration& file) {
    std::vector<clustering_setting> list;
    for (unsigned i = 0; i < file.sections(); i++) {
        const NamedList* section = file.getSection(i);
        if (!section) {
            continue;
        }
        if (!section->paramList()->skipNull()) {
            // A section without entries still names a node.
            list.push_back({borrowed(*section), {}, {}});
        }
        for (const ObjList* o = section->paramList()->skipNull(); o; o = o->skipNext()) {
            const NamedString* entry = static_cast<const NamedString*>(o->get());
            list.push_back({borrowed(*section), borrowed(entry->name()), borrowed(*entry)});
        }
    }
    return list;
}

// The text of a file that the engine has just read: empty where it can't be read again.
std::vector<char> textOf(const String& path) {
    std::vector<char> text;
    readFile(path, text);
    return text;
}

} // namespace

ClusteringModule::ClusteringModule()
    : Module("clustering", "misc", true),
      m_core(clustering_new(borrowed(Engine::nodeName()), processNumber())),
      m_decisions(m_core, *this) {
    // So that the list of threads is there before this, and goes after it.
    Worker::allGone();
}

ClusteringModule::~ClusteringModule() {
    m_ticker.stop();
    Output("Unloading module Clustering");
    // After an unload there are no handlers any more; at the engine's end it has deleted them.
    clustering_free(&m_core);
}

void ClusteringModule::initialize() {
    // A thread that finds the module at work leaves the reload to the thread at work. So nobody
    // waits here: this thread may be one that the other is itself waiting for.
    if (m_pendingReloads++ == 0) {
        Output("Initializing module Clustering");
        reload();
    }
}

// Reads the settings, again for each reload that was asked for meanwhile.
void ClusteringModule::reload() {
    unsigned pending = 0;
    do {
        pending = m_pendingReloads;
        installServices();
        restore();
        if (load()) {
            m_handlers.install(m_core);
        }
        runTasks();
    } while (!m_pendingReloads.compare_exchange_strong(pending, 0));
}

// Lets reloads begin again; those that were asked for meanwhile are carried out.
void ClusteringModule::endReload() {
    unsigned pending = 1;
    if (!m_pendingReloads.compare_exchange_strong(pending, 0)) {
        reload();
    }
}

bool ClusteringModule::unload() {
    // No node is probed from now on. The last probes may take seconds, and the unload be refused in
    // the end: so calls are served meanwhile.
    m_probes = false;
    workersGone(m_decisions, ProbeWait);
    if (!blockReloads()) {
        m_probes = true;
        return false;
    }
    // Only long probes are under way now, and the queries of calls that were given up. No new ones
    // begin.
    if (!workersGone(m_decisions, UnloadWait)) {
        m_decisions.stay();
        endReload();
        m_probes = true;
        Debug(this, DebugWarn,
              "Unload refused: a node, a database or a name server has not answered yet");
        return false;
    }
    // Reloads that come from now on find the module at work, and so are never carried out.
    m_handlers.uninstall();
    for (MessageHandler* service : m_services) {
        Handlers::uninstall(service);
    }
    m_ticker.stop();
    // The last tick may have sent a probe.
    while (!Worker::allGone()) {
        Thread::msleep(10);
    }
    saveConnections();
    return true;
}

// Lets no call begin to wait any more, and no reload begin, once none does; `false` where that
// takes too long.
bool ClusteringModule::blockReloads() {
    for (unsigned waited = 0; waited < UnloadWait; waited += 10) {
        unsigned pending = 0;
        if (m_decisions.waiting() || !m_pendingReloads.compare_exchange_strong(pending, 1)) {
            Thread::msleep(10);
            continue;
        }
        // A call that has begun to wait just now goes first.
        if (m_decisions.leave()) {
            return true;
        }
        endReload();
    }
    Debug(this, DebugWarn,
          "Unload refused: %u calls or messages wait for other modules, %u reloads are in progress",
          m_decisions.waiting(), m_pendingReloads.load());
    return false;
}

bool ClusteringModule::serve(Message& msg, int id) {
    if (id == Help) {
        return help(msg);
    }
    if (id == Command && msg[YSTRING("line")]) {
        return command(msg);
    }
    const bool handled = Module::received(msg, id);
    // The first tick comes when all modules are loaded. Here, since msgTimer() is called with the
    // module locked.
    if (id == Timer && !m_ticker.start()) {
        tick();
    }
    return handled;
}

// Has the core look after the nodes.
void ClusteringModule::tick() {
    if (m_probes) {
        clustering_tick(m_core, steadyTime());
    }
    runTasks();
    // Asked often, so that no other thread gets the number of one that is gone before that is
    // noticed.
    Worker::allGone();
}

// Carries out the core's tasks.
void ClusteringModule::runTasks() {
    for (Task task; task.next(m_core);) {
        switch (task->kind) {
        case CLUSTERING_TASK_KIND_LOG:
            Debug(this, engineLevel(task->level), "%s", string(borrowed(task->text)).safe());
            break;
        case CLUSTERING_TASK_KIND_PROBE:
            Probe::send(m_core, *task);
            break;
        case CLUSTERING_TASK_KIND_QUERY:
            TaskQuery::send(m_core, *task);
            break;
        case CLUSTERING_TASK_KIND_COUNT:
            ChannelCount::start(m_core);
            break;
        case CLUSTERING_TASK_KIND_SAVE:
            save();
            break;
        case CLUSTERING_TASK_KIND_EVENT:
            announce(string(borrowed(task->text)));
            break;
        }
    }
    if (m_probes) {
        Resolver::start(m_core);
    }
}

// The place where the engine's modules keep their files.
static String statePath() {
    return Engine::configFile("clustering_state");
}

// Restores the admin states from before the engine's last stop.
void ClusteringModule::restore() {
    if (m_restored) {
        return;
    }
    m_restored = true;
    restoreConnections();
    const String path = statePath();
    std::vector<char> state;
    String reason;
    switch (readFile(path, state)) {
    case FileRead::Missing:
        return;
    case FileRead::Failed:
        reason = ::strerror(errno);
        break;
    case FileRead::Done: {
        OwnedText error;
        if (clustering_restore(m_core, borrowed(state), error.out()) == CLUSTERING_RESULT_OK) {
            return;
        }
        reason = error.string();
        break;
    }
    }
    Debug(this, DebugWarn, "Could not use '%s', so no node is drained or disabled: %s",
          path.c_str(), reason.safe());
}

// The file that keeps the connections of registrations from an unload to the next load.
static String connectionsPath() {
    return Engine::configFile("clustering_connections");
}

// The number that tells this run of the engine from others, whose connections are gone.
static String run() {
    return String(Engine::runId());
}

// Takes over the connections that phones had when the module was unloaded.
void ClusteringModule::restoreConnections() {
    const String path = connectionsPath();
    std::vector<char> connections;
    String reason;
    const FileRead read = readFile(path, connections);
    if (read == FileRead::Failed) {
        reason = ::strerror(errno);
    }
    OwnedText error;
    if (clustering_restore_connections(m_core, borrowed(connections), borrowed(run()), steadyTime(),
                                       error.out()) != CLUSTERING_RESULT_OK) {
        reason = error.string();
    }
    if (reason) {
        Debug(this, DebugWarn,
              "Could not use '%s', so phones on TCP may not be reached for a while: %s",
              path.c_str(), reason.c_str());
    }
    if (read == FileRead::Done) {
        // The file is of use only once: later on other connections have taken the place of these.
        ::unlink(path);
    }
}

void ClusteringModule::saveConnections() {
    const String path = connectionsPath();
    const OwnedText text(clustering_connections(m_core, borrowed(run())));
    const clustering_borrowed_text connections = text.bytes();
    if (connections.len && !replaceFile(path, connections.ptr, connections.len)) {
        Debug(this, DebugWarn,
              "Could not write '%s', so phones on TCP may not be reached for a while: %s",
              path.c_str(), ::strerror(errno));
    }
}

void ClusteringModule::save() {
    // The last state is written last.
    const Lock lock(m_saving);
    const String path = statePath();
    const OwnedText text(clustering_state(m_core));
    const clustering_borrowed_text state = text.bytes();
    // No text at all means that the core has failed, and has logged that.
    if (state.len && !replaceFile(path, state.ptr, state.len)) {
        Debug(this, DebugWarn, "Could not write '%s'; this change will be lost on restart: %s",
              path.c_str(), ::strerror(errno));
    }
}

// A line with this module's word in front: the rest of it.
static bool isCommand(String& line) {
    return line.startSkip("clustering");
}

// Carries out a command of an operator; `false` where it is another module's. Not by
// commandExecute(), which isn't told by whom it is given.
bool ClusteringModule::command(Message& msg) {
    String rest = msg[YSTRING("line")];
    if (!isCommand(rest)) {
        return false;
    }
    String& retVal = msg.retValue();
    if (rest.trimBlanks() == YSTRING("check")) {
        const String path = Engine::configFile("clustering");
        Configuration file;
        file = path;
        if (!file.load(false)) {
            retVal << path << ": the file or a required part of it is missing\r\n";
            return true;
        }
        const std::vector<clustering_setting> list = settings(file);
        const std::vector<char> text = textOf(path);
        const OwnedText answer(
            clustering_check(m_core, borrowed(path), borrowed(text), list.data(), list.size()));
        appendLines(retVal, answer.string());
        return true;
    }
    clustering_command_line command = {};
    command.line = borrowed(rest);
    command.from = borrowed(msg[YSTRING("cmd_address")]);
    command.now = Time::now();
    OwnedText answer;
    bool taken = false;
    m_decisions.query(command, [&] { taken = clustering_command(m_core, &command, answer.out()); });
    if (!taken) {
        return false;
    }
    runTasks();
    appendLines(retVal, answer.string());
    return true;
}

bool ClusteringModule::commandComplete(Message& msg, const String& partLine,
                                       const String& partWord) {
    String rest = partLine;
    if (partLine.null() || partLine == YSTRING("help")) {
        itemComplete(msg.retValue(), name(), partWord);
    } else if (isCommand(rest)) {
        const OwnedText words(clustering_complete(m_core, borrowed(rest)));
        eachLine(words.string(),
                 [&](const String& word) { itemComplete(msg.retValue(), word, partWord); });
    }
    return Module::commandComplete(msg, partLine, partWord);
}

// A line of help for all modules, or all that there is on this one.
bool ClusteringModule::help(Message& msg) const {
    const String& line = msg[YSTRING("line")];
    const bool asked = line == name();
    if (line.null() || asked) {
        const OwnedText text(clustering_help());
        appendLines(msg.retValue(), text.string());
    }
    return asked;
}

void ClusteringModule::statusModule(String& str) {
    Module::statusModule(str);
    str.append(string(clustering_status_format()), ",");
}

void ClusteringModule::statusParams(String& str) {
    Module::statusParams(str);
    str.append(OwnedText(clustering_status(m_core)).string(), ",");
}

void ClusteringModule::statusDetail(String& str) {
    Module::statusDetail(str);
    str.append(OwnedText(clustering_status_nodes(m_core)).string(), ",");
}

// Puts the file's settings in force; `false` where they are refused and the old ones stay.
bool ClusteringModule::load() {
    if (Engine::nodeName().null()) {
        Debug(this, DebugNote, "Node name is empty, so clustering is disabled");
    }
    const char* stay =
        m_loaded ? "the current settings stay in force" : "clustering stays disabled";
    const String path = Engine::configFile("clustering");
    Configuration file;
    file = path;
    const bool exists = ::access(path, F_OK) == 0;
    // A file that is gone, or that the engine finds incomplete, isn't a file without settings.
    if (!file.load(exists || !m_loaded) && (exists || m_loaded)) {
        clustering_not_loaded(m_core);
        Debug(this, DebugConf, "Could not read '%s', %s", path.c_str(), stay);
        return false;
    }
    const std::vector<clustering_setting> list = settings(file);
    const std::vector<char> text = textOf(path);
    OwnedText errors;
    if (clustering_load(m_core, borrowed(path), borrowed(text), list.data(), list.size(),
                        errors.out()) != CLUSTERING_RESULT_OK) {
        eachLine(errors.string(),
                 [this](const String& line) { Debug(this, DebugConf, "%s", line.c_str()); });
        Debug(this, DebugConf, "File '%s' was refused, %s", path.c_str(), stay);
        return false;
    }
    m_loaded = exists;
    if (!clustering_enabled(m_core) && !Engine::nodeName().null()) {
        if (exists) {
            Debug(this, DebugNote,
                  "Clustering is disabled: '%s' has neither 'regexp' and 'callto' in [general] nor"
                  " a section [node NAME], or 'enabled' is no",
                  path.c_str());
        } else {
            Debug(this, DebugNote, "Clustering is disabled: there is no '%s'", path.c_str());
        }
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
        {Timer, "engine.timer", 90},  {Status, "engine.status", 110},
        {Level, "engine.debug", 120}, {Command, "engine.command", 120},
        {Help, "engine.help", 100},
    };
    for (int i = 0; i < s_services && !m_services[i]; i++) {
        m_services[i] =
            new Service(*this, services[i].id, services[i].message, services[i].priority);
        Engine::install(m_services[i]);
    }
}

} // namespace clustering

// Not INIT_PLUGIN: in an engine that it wasn't built for the module must not even be constructed.
static const std::unique_ptr<clustering::ClusteringModule>
    s_module(clustering::matchesEngine() ? new clustering::ClusteringModule : nullptr);

UNLOAD_PLUGIN(unloadNow) {
    return !unloadNow || !s_module || s_module->unload();
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The engine's life: start, main loop, stop; and its static functions.

#include "database.h"
#include "engine_state.h"
#include "extmodule.h"
#include "registrar.h"
#include "wire.h"
#include "wire_host.h"

#include <csignal>
#include <cstdlib>

using namespace TelEngine;

namespace {

constexpr int MaxStopRounds = 5;
// The time that the main loop sleeps at once, so that a reload or halt takes effect soon.
constexpr unsigned long LoopSleep = 5000;
constexpr unsigned long WorkerSleep = 500000;

/// Dispatches the messages that were enqueued.
class Worker : public Thread {
public:
    Worker() : Thread("Engine Worker") { ++engineState().workers; }
    void cleanup() override { --engineState().workers; }
    void run() override {
        MessageDispatcher* dispatcher = Engine::dispatcher();
        do {
            engineState().makeWorkers = false;
            dispatcher->dequeue();
        } while (dispatcher->waitMessage(WorkerSleep) && !Thread::check(false));
    }
};

void makeWorkers(EngineState& state) {
    const int room = state.maxWorkers - state.workers;
    // Somebody came back for more work since the last time, so there are enough.
    if (!state.makeWorkers.exchange(true) || room <= 0) {
        return;
    }
    int count = state.minWorkers;
    if (state.workers) {
        count = room < state.addWorkers ? room : state.addWorkers;
        Alarm("engine", "performance", state.workers > state.minWorkers + 3 ? DebugWarn : DebugMild,
              "Creating new %d message dispatching threads (%d running)", count,
              state.workers.load());
    }
    while (count-- > 0) {
        (new Worker)->startup();
    }
}

void runCommands(std::vector<String>& commands) {
    for (const String& line : commands) {
        Message msg("engine.command");
        msg.addParam("line", line);
        if (Engine::dispatch(msg)) {
            Output("%s", msg.retValue().trimSpaces().safe());
        } else {
            Debug(DebugWarn, "Unrecognized command '%s'", line.c_str());
        }
    }
    commands.clear();
}

} // namespace

EngineState& TelEngine::engineState() {
    static auto* state = new EngineState;
    return *state;
}

int Engine::main(int argc, const char** argv, const char** /*env*/, RunMode mode) {
    EngineState& state = engineState();
    state.haltCode = -1;
    state.started = false;
    state.node.clear();
    state.params.clearParams();
    state.debugInit.clearParams();
    state.extraPaths.clear();
    state.commands.clear();
    state.debugPending = true;
    state.makeWorkers = true;
    if (!parseOptions(state, argc, argv)) {
        return EINVAL;
    }
    state.mode = mode;
    Engine* engine = self();
    engine->start();
    engine->run();
    engine->cleanup();
    state.mode = Stopped;
    state.started = false;
    return state.haltCode & 0xff;
}

void Engine::start() {
    EngineState& state = engineState();
    signal(SIGPIPE, SIG_IGN);
    state.config = configFile(state.configName);
    state.config.load();
    String track = state.config.getValue("general", "trackparam");
    if (track.null() || track.toBoolean(false)) {
        track = "handlers";
    } else if (!track.toBoolean(true)) {
        track.clear();
    }
    m_dispatcher.trackParam(track);
    Thread::idleMsec(
        static_cast<unsigned long>(state.config.getIntValue("general", "idlemsec", 0)));
    state.runId = Time::secNow();
    configure(state);
    if (track) {
        state.params.addParam("trackparam", track);
    }
    m_dispatcher.warnTime(1000 *
                          static_cast<uint64_t>(state.config.getIntValue("general", "warntime")));
    installEngineHandlers();
    loadPlugins();
    databaseStart();
    initPlugins();
    if (!exiting()) {
        extmoduleStart();
        wireStart();
        registrarStart(wireSettings().directory);
    }
    dispatch("engine.start", true);
    state.started = true;
    Output("Yate mock engine is initialized and starting up%s%s", state.node.null() ? "" : " on ",
           state.node.safe());
}

// One round of the main loop: what is due now, then a sleep to the next full second.
void Engine::tick() {
    EngineState& state = engineState();
    runCommands(state.commands);
    if (state.debugPending) {
        state.debugPending = false;
        for (const ObjList* l = state.debugInit.paramList()->skipNull(); l; l = l->skipNext()) {
            const auto* level = static_cast<const NamedString*>(l->get());
            auto* msg = new Message("engine.debug");
            msg->addParam("module", level->name());
            msg->addParam("line", *level);
            enqueue(msg);
        }
    }
    if (state.exitAfterInit) {
        state.exitAfterInit = false;
        halt(0);
    }
    makeWorkers(state);
    const bool stopping = exiting();
    uint64_t left = 1000000 - Time::now() % 1000000;
    if (left < 250000) {
        left += 1000000;
    }
    const uint64_t until = Time::now() + left;
    while (Time::now() < until && exiting() == stopping) {
        if (state.initPending.exchange(false)) {
            state.config.load();
            initPlugins();
        }
        Thread::usleep(LoopSleep);
    }
    auto* msg = new Message("engine.timer", nullptr, true);
    msg->addParam("time", msg->msgTime().sec());
    if (nodeName()) {
        msg->addParam("nodename", nodeName());
    }
    enqueue(msg);
}

void Engine::run() {
    int stops = MaxStopRounds;
    while (!exiting() || (--stops >= 0 && dispatch("engine.stop", true))) {
        tick();
    }
}

void Engine::cleanup() {
    EngineState& state = engineState();
    Output("Yate mock engine is shutting down with code %d", state.haltCode.load());
    dispatch("engine.halt", true);
    wireStop();
    extmoduleStop();
    Thread::msleep(200);
    m_dispatcher.dequeue();
    m_dispatcher.stopWorkers();
    Thread::killall();
    m_dispatcher.dequeue();
    m_dispatcher.clear();
    while (!state.libraries.empty()) {
        state.removeLibrary(state.libraries.front());
    }
    state.engine = nullptr;
    delete this;
    if (const size_t left = state.pluginList().size()) {
        Debug(DebugWarn, "Exiting with %u plugins loaded!", static_cast<unsigned int>(left));
    }
}

void Engine::initPlugins() {
    if (exiting()) {
        return;
    }
    EngineState& state = engineState();
    Output("Initializing plugins");
    dispatch("engine.init", true);
    for (Plugin* plugin : state.pluginList()) {
        if (!state.hasPlugin(plugin)) {
            continue;
        }
        if (state.debugPending) {
            plugin->debugSet(state.debugInit[plugin->toString()]);
        }
        plugin->initialize();
        if (exiting()) {
            Output("Initialization aborted, exiting...");
            return;
        }
    }
    Output("Initialization complete");
}

Engine* Engine::self() {
    EngineState& state = engineState();
    if (!state.engine) {
        state.engine = new Engine;
    }
    return state.engine;
}

void Engine::init() {
    engineState().initPending = true;
}

bool Engine::init(const String& name) {
    EngineState& state = engineState();
    if (exiting() || !state.engine) {
        return false;
    }
    if (name.null() || name == "*" || name == "all") {
        init();
        return true;
    }
    Output("Initializing plugin '%s'", name.c_str());
    Message msg("engine.init", nullptr, true);
    msg.addParam("plugin", name);
    if (nodeName()) {
        msg.addParam("nodename", nodeName());
    }
    const bool handled = dispatch(msg);
    Plugin* plugin = state.plugin(name);
    if (plugin) {
        plugin->initialize();
    }
    return handled || plugin;
}

void Engine::halt(unsigned int code) {
    int running = -1;
    engineState().haltCode.compare_exchange_strong(running, static_cast<int>(code));
}

bool Engine::started() {
    return engineState().started;
}

bool Engine::exiting() {
    return engineState().haltCode != -1;
}

Engine::RunMode Engine::mode() {
    return engineState().mode;
}

const String& Engine::nodeName() {
    return engineState().node;
}

const String& Engine::configPath(bool /*user*/) {
    return engineState().configPath;
}

String Engine::configFile(const char* name, bool /*user*/) {
    const EngineState& state = engineState();
    String path = state.configPath;
    return path << (path.endsWith("/") ? "" : "/") << name << state.configSuffix;
}

const String& Engine::configSuffix() {
    return engineState().configSuffix;
}

const String& Engine::modulePath() {
    return engineState().modulePath;
}

const String& Engine::moduleSuffix() {
    return engineState().moduleSuffix;
}

const Configuration& Engine::config() {
    return engineState().config;
}

unsigned int Engine::runId() {
    return engineState().runId;
}

const NamedList& Engine::runParams() {
    return engineState().params;
}

MessageDispatcher* Engine::dispatcher() {
    Engine* engine = engineState().engine;
    return engine ? &engine->m_dispatcher : nullptr;
}

const String& Engine::trackParam() {
    const MessageDispatcher* d = dispatcher();
    return d ? d->trackParam() : String::empty();
}

bool Engine::install(MessageHandler* handler) {
    MessageDispatcher* d = dispatcher();
    return d && d->install(handler);
}

bool Engine::uninstall(MessageHandler* handler) {
    MessageDispatcher* d = dispatcher();
    return d && d->uninstall(handler);
}

bool Engine::enqueue(Message* msg, bool /*skipHooks*/) {
    MessageDispatcher* d = dispatcher();
    return d && d->enqueue(msg);
}

bool Engine::enqueue(const char* name, bool broadcast) {
    if (TelEngine::null(name)) {
        return false;
    }
    auto* msg = new Message(name, nullptr, broadcast);
    if (enqueue(msg)) {
        return true;
    }
    msg->destruct();
    return false;
}

bool Engine::dispatch(Message& msg) {
    MessageDispatcher* d = dispatcher();
    return d && d->dispatch(msg);
}

bool Engine::dispatch(Message* msg) {
    return msg && dispatch(*msg);
}

bool Engine::dispatch(const char* name, bool broadcast) {
    if (TelEngine::null(name)) {
        return false;
    }
    Message msg(name, nullptr, broadcast);
    return dispatch(msg);
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The engine's own handlers: engine.status, engine.command and engine.help.

#include "engine_state.h"

namespace TelEngine {

/// Answers about the engine itself.
class EngineStatus : public MessageHandler {
public:
    EngineStatus() : MessageHandler("engine.status", 90, "engine") {}
    bool received(Message& msg) override {
        const String& module = msg[YSTRING("module")];
        if (module && module != "engine") {
            return false;
        }
        MessageDispatcher* d = Engine::dispatcher();
        msg.retValue() << "name=engine,type=system,version="
                       << Engine::runParams()[YSTRING("version")]
                       << ",nodename=" << Engine::nodeName()
                       << ";plugins=" << static_cast<uint64_t>(engineState().pluginList().size())
                       << ",inuse=" << Engine::self()->usedPlugins()
                       << ",handlers=" << d->handlerCount() << ",hooks=" << d->postHookCount()
                       << ",messages=" << d->messageCount() << ",enqueued=" << d->enqueueCount()
                       << ",dequeued=" << d->dequeueCount() << ",dispatched=" << d->dispatchCount()
                       << ",threads=" << Thread::count()
                       << ",workers=" << engineState().workers.load() << "\r\n";
        return module;
    }
};

/// Handles "module ..." as the engine does, and "status", "debug", "reload" and "stop", which in
/// the engine its remote manager handles before it sends engine.command.
class EngineCommand : public MessageHandler {
public:
    EngineCommand() : MessageHandler("engine.command", 100, "engine") {}
    bool received(Message& msg) override;

private:
    static void complete(Message& msg);
    static void module(const String& line, String& answer);
    static bool load(const String& file, bool reload, String& answer);
    static void unload(const String& name, String& answer);
    static void list(String& answer);
    static bool manage(String line, String& answer);
};

/// Lists and explains the commands.
class EngineHelp : public MessageHandler {
public:
    EngineHelp() : MessageHandler("engine.help", 100, "engine") {}
    bool received(Message& msg) override {
        const String& line = msg[YSTRING("line")];
        const char* usage = "  module {{load|reload} modulefile|unload modulename|list}\r\n";
        if (line.null()) {
            msg.retValue() << usage;
            return false;
        }
        if (line != "module") {
            return false;
        }
        msg.retValue() << usage << "Controls the modules loaded in the engine\r\n";
        return true;
    }
};

namespace {

void completeOne(String& answer, const char* item, const String& partWord) {
    if (partWord.null() || String(item).startsWith(partWord)) {
        answer.append(item, "\t");
    }
}

} // namespace

bool EngineCommand::received(Message& msg) {
    String line = msg[YSTRING("line")];
    if (line.null()) {
        complete(msg);
        return false;
    }
    if (line.startSkip("module")) {
        module(line, msg.retValue());
        return true;
    }
    return manage(line, msg.retValue());
}

void EngineCommand::complete(Message& msg) {
    const String& line = msg[YSTRING("partline")];
    const String& word = msg[YSTRING("partword")];
    String& answer = msg.retValue();
    if (line.null() || line == "help") {
        completeOne(answer, "module", word);
    } else if (line == "status") {
        completeOne(answer, "engine", word);
    } else if (line == "module") {
        for (const char* verb : {"load", "unload", "reload", "list"}) {
            completeOne(answer, verb, word);
        }
    } else if (line == "module unload" || line == "module reload") {
        for (const Library* library : engineState().libraries) {
            if (library->unload(false)) {
                completeOne(answer, library->name(), word);
            }
        }
    } else if (line == "reload") {
        for (const Plugin* plugin : engineState().pluginList()) {
            completeOne(answer, plugin->name(), word);
        }
    }
}

void EngineCommand::module(const String& line, String& answer) {
    if (line == "list") {
        list(answer);
        return;
    }
    const int space = line.find(' ');
    const String verb = line.substr(0, space);
    const String name = space > 0 ? line.substr(space + 1).trimBlanks() : String();
    if (name && verb == "unload") {
        unload(name, answer);
        return;
    }
    const bool known = name && (verb == "load" || verb == "reload");
    if (!known || !load(name, verb == "reload", answer)) {
        answer = "Module operation failed: " + line + "\r\n";
    }
}

bool EngineCommand::load(const String& file, bool reload, String& answer) {
    const String name = moduleBase(file);
    if (Library* library = engineState().library(name)) {
        if (!reload) {
            answer = "Module is already loaded: " + name + "\r\n";
            return true;
        }
        if (!library->unload(true)) {
            answer = "Module not unloaded: " + file + "\r\n";
            return true;
        }
        engineState().removeLibrary(library);
    }
    if (!Engine::self()->loadPlugin(Engine::modulePath() + "/" + file)) {
        return false;
    }
    // Not only the new one: the engine initializes all of them.
    Engine::self()->initPlugins();
    return true;
}

void EngineCommand::unload(const String& name, String& answer) {
    Library* library = engineState().library(name);
    if (!library) {
        answer = "Module not loaded: " + name + "\r\n";
    } else if (library->unload(true)) {
        engineState().removeLibrary(library);
        answer = "Unloaded module: " + name + "\r\n";
    } else {
        answer = "Could not unload module: " + name + "\r\n";
    }
}

void EngineCommand::list(String& answer) {
    answer.clear();
    for (const Library* library : engineState().libraries) {
        answer.append(library->name(), "\t");
        if (library->unload(false)) {
            answer << "*";
        }
    }
    answer << "\r\n";
}

bool EngineCommand::manage(String line, String& answer) {
    if (line.startSkip("status")) {
        Message status("engine.status", nullptr, true);
        if (line.startSkip("overview")) {
            status.addParam("details", false);
        }
        if (line) {
            status.addParam("module", line);
        }
        Engine::dispatch(status);
        answer = status.retValue();
        return true;
    }
    if (line.startSkip("debug")) {
        const int space = line.find(' ');
        Message level("engine.debug");
        level.addParam("module", line.substr(0, space));
        level.addParam("line", space > 0 ? line.substr(space + 1).c_str() : nullptr);
        const bool ok = Engine::dispatch(level);
        answer = level.retValue();
        return ok;
    }
    if (line == "reload" || line.startSkip("reload")) {
        // The remote manager answers before anything is done, so it never tells how it went.
        answer = "Reinitializing...\r\n";
        if (line.null() || line == "reload") {
            Engine::init();
        } else {
            Engine::init(line);
        }
        return true;
    }
    if (line == "stop" || line.startSkip("stop")) {
        Engine::halt(static_cast<unsigned int>(line.toInteger(0, 10, 0, 255)));
        answer = "Engine shutting down - bye!\r\n";
        return true;
    }
    return false;
}

void installEngineHandlers() {
    Engine::install(new EngineStatus);
    Engine::install(new EngineCommand);
    Engine::install(new EngineHelp);
}

} // namespace TelEngine

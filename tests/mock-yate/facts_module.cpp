// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of the base class of modules: status, commands, relays, and the log.

#include "facts.h"

using namespace TelEngine;
using facts::trace;

namespace {

const char* const Null = nullptr;

/// A module, with what is protected in the base made public.
class TestModule : public Module {
public:
    enum { Own = Private, Second = Private << 1 };
    TestModule() : Module("factsmod", "misc") {}
    void initialize() override {}
    using Module::installRelay;
    using Module::messageName;
    using Module::relayId;
    using Module::relayInstalled;
    using Module::setup;
    using Module::uninstallRelay;
    using Module::uninstallRelays;
    enum { StatusId = Status, TimerId = Timer, CommandId = Command, RouteId = Route };
    bool received(Message& msg, int id) override {
        if (id == Own || id == Second) {
            trace << (id == Own ? "1" : "2");
            return id == Second;
        }
        return Module::received(msg, id);
    }
    void statusParams(String& str) override { str.append("count=3", ","); }
    void statusDetail(String& str) override { str.append("x=1", ","); }
    bool commandExecute(String& retVal, const String& line) override {
        if (line != "facts") {
            return false;
        }
        retVal = "done\r\n";
        return true;
    }
};

String command(const char* name, const char* param, const char* value, bool& handled) {
    Message msg(name);
    msg.addParam(param, value);
    handled = Engine::dispatch(msg);
    return msg.retValue();
}

} // namespace

void facts::modules() {
    // Not on the stack: the engine may still know the plugin when this is over.
    TestModule& module = *new TestModule;
    bool handled = false;
    CHECK_TEXT(module.debugName(), "factsmod");
    CHECK(module.name() == "factsmod");
    CHECK_TEXT(TestModule::messageName(TestModule::RouteId), "call.route");
    CHECK(TestModule::messageName(TestModule::Own) == nullptr);
    CHECK(TestModule::relayId("call.execute") == 0x100);
    CHECK(TestModule::relayId("user.register") == 0);
    CHECK(!module.relayInstalled(TestModule::StatusId));
    module.setup();
    CHECK(module.relayInstalled(TestModule::StatusId));
    CHECK(module.relayInstalled(TestModule::TimerId));
    CHECK(!module.relayInstalled(TestModule::RouteId));
    CHECK_TEXT(command("engine.status", "module", "factsmod", handled),
               "name=factsmod,type=misc;count=3;x=1\r\n");
    CHECK(handled);
    CHECK_TEXT(command("engine.status", "module", "misc", handled),
               "name=factsmod,type=misc;count=3;x=1\r\n");
    CHECK(!handled);
    CHECK_TEXT(command("engine.status", "module", "factsmod x", handled), Null);
    Message overview("engine.status");
    overview.addParam("module", "factsmod");
    overview.addParam("details", "false");
    CHECK(Engine::dispatch(overview));
    CHECK_TEXT(overview.retValue(), "name=factsmod,type=misc;count=3\r\n");
    CHECK_TEXT(command("engine.command", "line", "facts", handled), "done\r\n");
    CHECK(handled);
    command("engine.command", "line", "other facts", handled);
    CHECK(!handled);
    CHECK_TEXT(command("engine.command", "partline", "status", handled), "factsmod");
    CHECK(!handled);
    Message level("engine.debug");
    level.addParam("module", "factsmod");
    level.addParam("line", "level 9");
    CHECK(Engine::dispatch(level));
    CHECK_TEXT(level.retValue(), "Module factsmod debug on level 9 objects off\r\n");
    CHECK(module.debugAt(DebugInfo));
    CHECK(!module.debugAt(DebugAll));
    module.debugSet("level 1");
    CHECK(module.debugLevel() == DebugConf);
    module.debugSet("level 5+");
    CHECK(module.debugLevel() == DebugWarn);
    module.debugSet("level 4+");
    CHECK(module.debugLevel() == DebugWarn);
    module.debugSet("reset");
    CHECK(module.debugLevel() == TelEngine::debugLevel());

    CHECK(module.installRelay(TestModule::Own, "own.message", 50));
    CHECK(module.installRelay(TestModule::Second, "own.message", 40));
    CHECK_TEXT(route("own.message"), "2+");
    CHECK(!module.installRelay(TestModule::Own << 2, "own.message", 0));
    CHECK(!module.installRelay("own.message", 50));
    CHECK(!module.installRelay(TestModule::Own << 2, 50));
    CHECK(module.installRelay(TestModule::Own, "own.message", 30));
    CHECK_TEXT(route("own.message", true), "21+");
    CHECK(!module.uninstallRelay(TestModule::Own));
    CHECK(!module.relayInstalled(TestModule::Own));
    CHECK(module.installRelay(TestModule::Own, "own.message", 30));
    CHECK_TEXT(route("own.message", true), "12+");
    CHECK(module.uninstallRelays());
    CHECK(!module.relayInstalled(TestModule::CommandId));
    CHECK_TEXT(route("own.message", true), "-");
    module.setup();
    CHECK(!module.relayInstalled(TestModule::CommandId));
    String items("one");
    CHECK(Module::itemComplete(items, "two", ""));
    CHECK(Module::itemComplete(items, "three", "th"));
    CHECK(!Module::itemComplete(items, "four", "x"));
    CHECK_TEXT(items, "one\ttwo\tthree");
    delete &module;
}

namespace {

String lastLine;

void keepLine(const char* line, int) {
    lastLine = line;
}

} // namespace

void facts::logging() {
    Debugger::setOutput(keepLine);
    Debug(DebugNote, "note %d", 1);
    CHECK_TEXT(lastLine, "<NOTE> note 1\n");
    lastLine.clear();
    Debug(DebugInfo, "info");
    CHECK(lastLine.null());
    Debug("facility", DebugWarn, "warn");
    CHECK_TEXT(lastLine, "<facility:WARN> warn\n");
    Alarm("component", DebugInfo, "alarm");
    CHECK_TEXT(lastLine, "<component:INFO> alarm\n");
    Output("plain %s", "text");
    CHECK_TEXT(lastLine, "plain text\n");
    const int level = debugLevel();
    CHECK(level == DebugNote);
    CHECK(debugLevel(99) == DebugAll);
    CHECK(debugLevel(-1) == DebugConf);
    debugLevel(level);
    CHECK(debugAt(DebugNote));
    CHECK(!debugAt(DebugInfo));
}

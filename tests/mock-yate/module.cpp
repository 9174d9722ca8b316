// SPDX-License-Identifier: GPL-2.0-or-later
//
// The module base class.

#include <yatephone.h>

using namespace TelEngine;

namespace {

constexpr int RelayCount = 21;
// In the order of the bits of the relay ids.
const char* const RelayNames[RelayCount] = {
    "engine.status", "engine.timer",    "engine.debug", "engine.command", "engine.help",
    "engine.halt",   "call.route",      "engine.stop",  "call.execute",   "call.drop",
    "chan.locate",   "chan.masquerade", "call.ringing", "call.answered",  "chan.dtmf",
    "chan.text",     "call.progress",   "call.update",  "chan.transfer",  "chan.control",
    "msg.execute",
};

std::atomic<unsigned int> updateSeconds{5};

} // namespace

Module::Module(const char* name, const char* type, bool earlyInit)
    : Plugin(name, earlyInit), Mutex(true, "Module"), m_type(type) {
    // The engine deletes relays that are still installed when it stops.
    m_relayList.setDelete(false);
}

Module::~Module() = default;

void* Module::getObject(const String& name) const {
    if (name == YATOM("Module")) {
        return const_cast<Module*>(this);
    }
    void* found = Plugin::getObject(name);
    return found ? found : MessageReceiver::getObject(name);
}

const char* Module::messageName(int id) {
    for (int bit = 0; bit < RelayCount; ++bit) {
        if (id == 1 << bit) {
            return RelayNames[bit];
        }
    }
    return nullptr;
}

int Module::relayId(const char* name) {
    const String wanted(name);
    for (int bit = 0; bit < RelayCount; ++bit) {
        if (wanted == RelayNames[bit]) {
            return 1 << bit;
        }
    }
    return 0;
}

void Module::initialize() {
    setup();
}

void Module::setup() {
    if (m_init) {
        return;
    }
    m_init = true;
    installRelay(Timer, 90);
    installRelay(Status, 110);
    installRelay(Level, 120);
    installRelay(Command, 120);
}

bool Module::installRelay(int id, const char* name, unsigned priority, NamedString* filter) {
    if (!id || !name || !priority) {
        TelEngine::destruct(filter);
        return false;
    }
    const Lock lock(this);
    if (relayInstalled(id)) {
        TelEngine::destruct(filter);
        return true;
    }
    m_relays |= id;
    auto* relay = new MessageRelay(name, this, id, static_cast<int>(priority), Plugin::name());
    if (filter) {
        relay->setFilter(filter);
    }
    m_relayList.append(relay);
    Engine::install(relay);
    return true;
}

bool Module::installRelay(int id, unsigned priority, NamedString* filter) {
    return installRelay(id, messageName(id), priority, filter);
}

bool Module::installRelay(const char* name, unsigned priority, NamedString* filter) {
    return installRelay(relayId(name), name, priority, filter);
}

bool Module::installRelay(MessageRelay* relay) {
    if (!relay || relayInstalled(relay->id()) || m_relayList.find(relay)) {
        return false;
    }
    m_relays |= relay->id();
    m_relayList.append(relay);
    Engine::install(relay);
    return true;
}

bool Module::uninstallRelay(MessageRelay* relay, bool delRelay) {
    if (!relay || !relayInstalled(relay->id()) || !m_relayList.remove(relay, false)) {
        return false;
    }
    Engine::uninstall(relay);
    m_relays &= ~relay->id();
    if (delRelay) {
        TelEngine::destruct(relay);
    }
    return true;
}

bool Module::uninstallRelay(int id, bool delRelay) {
    for (const ObjList* l = relayInstalled(id) ? m_relayList.skipNull() : nullptr; l;
         l = l->skipNext()) {
        auto* relay = static_cast<MessageRelay*>(l->get());
        if (relay->id() == id) {
            uninstallRelay(relay, delRelay);
            break;
        }
    }
    return false;
}

bool Module::uninstallRelays() {
    while (auto* relay = static_cast<MessageRelay*>(m_relayList.remove(false))) {
        Engine::uninstall(relay);
        m_relays &= ~relay->id();
        relay->destruct();
    }
    return m_relays == 0 && m_relayList.count() == 0;
}

bool Module::received(Message& msg, int id) {
    if (name().null()) {
        return false;
    }
    if (id == Timer) {
        const Lock lock(this);
        msgTimer(msg);
        return false;
    }
    if (id == Route) {
        return msgRoute(msg);
    }
    const String dest = msg.getValue(YSTRING("module"));
    switch (id) {
    case Status:
        if (dest == name()) {
            msgStatus(msg);
            return true;
        }
        if (dest.null() || dest == m_type) {
            msgStatus(msg);
        }
        return false;
    case Level:
        return setDebug(msg, dest);
    case Command:
        return msgCommand(msg);
    default:
        return false;
    }
}

void Module::changed() {
    if (updateSeconds && !m_changed) {
        m_changed = Time::now() + updateSeconds * UINT64_C(1000000);
    }
}

unsigned int Module::updateDelay() {
    return updateSeconds;
}

void Module::updateDelay(unsigned int delay) {
    updateSeconds = delay;
}

void Module::genUpdate(Message& /*msg*/) {}

void Module::msgTimer(Message& msg) {
    if (!m_changed || msg.msgTime() <= m_changed) {
        return;
    }
    auto* update = new Message("module.update");
    update->addParam("module", name());
    m_changed = 0;
    genUpdate(*update);
    Engine::enqueue(update);
}

void Module::msgStatus(Message& msg) {
    String module;
    String params;
    String detail;
    lock();
    statusModule(module);
    statusParams(params);
    if (msg.getBoolValue(YSTRING("details"), true)) {
        statusDetail(detail);
    }
    unlock();
    msg.retValue() << module << ";" << params;
    if (detail) {
        msg.retValue() << ";" << detail;
    }
    msg.retValue() << "\r\n";
}

void Module::statusModule(String& str) {
    str.append("name=", ",") << name();
    if (m_type) {
        str << ",type=" << m_type;
    }
}

void Module::statusParams(String& /*str*/) {}

void Module::statusDetail(String& /*str*/) {}

bool Module::msgRoute(Message& /*msg*/) {
    return false;
}

bool Module::msgCommand(Message& msg) {
    if (const NamedString* line = msg.getParam(YSTRING("line"))) {
        return commandExecute(msg.retValue(), *line);
    }
    if (msg.getParam(YSTRING("partline")) || msg.getParam(YSTRING("partword"))) {
        return commandComplete(msg, msg.getValue(YSTRING("partline")),
                               msg.getValue(YSTRING("partword")));
    }
    return false;
}

bool Module::commandExecute(String& /*retVal*/, const String& /*line*/) {
    return false;
}

bool Module::commandComplete(Message& msg, const String& partLine, const String& partWord) {
    if (partLine == "debug" || partLine == "status") {
        itemComplete(msg.retValue(), name(), partWord);
    }
    return false;
}

bool Module::itemComplete(String& itemList, const String& item, const String& partWord) {
    if (partWord && !item.startsWith(partWord)) {
        return false;
    }
    itemList.append(item, "\t");
    return true;
}

bool Module::setDebug(Message& msg, const String& target) {
    if (target != name()) {
        return false;
    }
    String line = msg[YSTRING("line")];
    debugSet(line);
    if (line.startSkip("filter")) {
        m_filter = line.c_str();
    } else if (!line.startSkip("level") && line != "reset" && !line.startSkip("objects")) {
        bool on = debugEnabled();
        line >> on;
        debugEnabled(on);
    }
    msg.retValue() << "Module " << name() << " debug " << (debugEnabled() ? "on" : "off")
                   << " level " << debugLevel() << " objects off";
    if (m_filter) {
        msg.retValue() << " filter: " << m_filter;
    }
    msg.retValue() << "\r\n";
    return true;
}

bool Module::filterDebug(const String& item) const {
    return m_filter.null() ? debugEnabled() : m_filter.matches(item);
}

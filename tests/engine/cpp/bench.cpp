// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine-bridge/cpp/bench.h"

#include "engine-bridge/src/ffi.rs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

using namespace TelEngine;

namespace engine_bridge {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* s_track = "clustering";
constexpr char s_prefix[] = "cluster/";
constexpr char s_local[] = "node1/";
constexpr char s_own[] = "cluster/node1/";
constexpr char s_dest[] = "sip/sip:cluster/4021@node2.example.net:5060";
constexpr int s_prefixLength = sizeof(s_prefix) - 1;
constexpr int s_localLength = sizeof(s_local) - 1;
// Small enough that the messages of a batch stay in a core's own cache.
constexpr std::size_t s_batch = 4;

bool begins(const String& text, const char* with, int length) {
    return text.c_str() && !std::strncmp(text.c_str(), with, static_cast<std::size_t>(length));
}

class NoopHandler : public MessageHandler {
public:
    NoopHandler(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& /*msg*/) override { return false; }
};

class IdealRoute : public MessageHandler {
public:
    IdealRoute(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        const String& called = msg[YSTRING("called")];
        if (!begins(called, s_prefix, s_prefixLength)) {
            return false;
        }
        const String& callto = msg[YSTRING("sip_x-callto")];
        if (called.length() > s_prefixLength || callto.null()) {
            msg.setParam("called", called.substr(s_prefixLength));
            return false;
        }
        msg.setParam("called", nullptr);
        msg.retValue() = callto;
        const String& billid = msg[YSTRING("sip_x-billid")];
        if (billid) {
            msg.setParam("billid", billid);
        }
        return true;
    }
};

class IdealExecute : public MessageHandler {
public:
    IdealExecute(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        const String& callto = msg[YSTRING("callto")];
        if (!begins(callto, s_prefix, s_prefixLength)) {
            return false;
        }
        const char* node = callto.c_str() + s_prefixLength;
        if (!std::strncmp(node, s_local, s_localLength)) {
            msg.setParam("callto", callto.substr(s_prefixLength + s_localLength));
            return false;
        }
        const char* end = std::strchr(node, '/');
        if (!end) {
            return false;
        }
        msg.setParam("osip_x-callto", end + 1);
        msg.setParam("callto", s_dest);
        msg.setParam("osip_x-billid", msg.getValue(YSTRING("billid")));
        msg.setParam("osip_x-nodename", Engine::nodeName());
        msg.setParam("osip_x-username", msg.getValue(YSTRING("username")));
        return false;
    }
};

class IdealRegister : public MessageHandler {
public:
    IdealRegister(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        const String& data = msg[YSTRING("data")];
        if (data && !begins(data, s_prefix, s_prefixLength)) {
            msg.setParam("data", s_own + data);
        }
        return false;
    }
};

class IdealCdr : public MessageHandler {
public:
    IdealCdr(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        if (!msg.getParam(YSTRING("nodename"))) {
            msg.addParam("nodename", Engine::nodeName());
        }
        if (!msg.getParam(YSTRING("nodeprefix"))) {
            msg.addParam("nodeprefix", s_own);
        }
        return false;
    }
};

// Writes what the module writes, and looks only for the parameters that it changes.
class FloorRoute : public MessageHandler {
public:
    FloorRoute(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        NamedString* called = msg.getParam(m_called);
        if (!called || !begins(*called, s_prefix, s_prefixLength)) {
            return false;
        }
        called->clear();
        msg.retValue() = msg[m_callto];
        return true;
    }

private:
    const String m_called{"called"};
    const String m_callto{"sip_x-callto"};
};

class FloorExecute : public MessageHandler {
public:
    FloorExecute(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        NamedString* callto = msg.getParam(m_callto);
        if (!callto || !begins(*callto, s_prefix, s_prefixLength)) {
            return false;
        }
        const char* node = callto->c_str() + s_prefixLength;
        if (!std::strncmp(node, s_local, s_localLength)) {
            // It copies before it frees.
            callto->assign(node + s_localLength);
            return false;
        }
        msg.addParam("osip_x-callto", std::strchr(node, '/') + 1);
        msg.addParam("osip_x-billid", msg.getValue(m_billid));
        msg.addParam("osip_x-nodename", Engine::nodeName());
        msg.addParam("osip_x-username", msg.getValue(m_username));
        callto->assign(s_dest);
        return false;
    }

private:
    const String m_callto{"callto"};
    const String m_billid{"billid"};
    const String m_username{"username"};
};

class FloorRegister : public MessageHandler {
public:
    FloorRegister(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        if (NamedString* data = msg.getParam(m_data)) {
            data->insert(0, s_own);
        }
        return false;
    }

private:
    const String m_data{"data"};
};

class FloorCdr : public MessageHandler {
public:
    FloorCdr(const char* name, unsigned priority) : MessageHandler(name, priority, s_track) {}
    bool received(Message& msg) override {
        msg.addParam("nodename", Engine::nodeName());
        msg.addParam("nodeprefix", s_own);
        return false;
    }
};

#ifdef ENGINE_FILTERS
// Asks whether a message has a target of the cluster's.
class LateFilter : public TelEngine::MatchingItemCustom {
public:
    LateFilter() : MatchingItemCustom("late", "late") {}

protected:
    bool runMatchListParam(const NamedList& list, TelEngine::MatchingParams*) const override {
        const NamedString* callto = list.getParam(m_callto);
        return callto && begins(*callto, s_prefix, s_prefixLength);
    }
    TelEngine::MatchingItemBase* customCopyItem() const override { return new LateFilter; }

private:
    const String m_callto{"callto"};
};
#endif

// The handlers of a module that are not for the messages that are measured, and the second look at
// a call's target.
std::vector<MessageHandler*> others() {
    std::vector<MessageHandler*> handlers;
    static const struct {
        const char* message;
        unsigned priority;
    } names[] = {
        {"call.preroute", 25},       {"user.unregister", 49}, {"msg.execute", 50},
        {"msg.execute", 80},         {"chan.startup", 1},     {"chan.hangup", 1},
        {"chan.disconnected", 1000}, {"cluster.locate", 200}, {"engine.timer", 90},
        {"engine.status", 110},      {"engine.debug", 120},   {"engine.command", 120},
        {"engine.help", 100},
    };
    for (const auto& name : names) {
        handlers.push_back(new NoopHandler(name.message, name.priority));
    }
#ifdef ENGINE_FILTERS
    auto* late = new NoopHandler("call.execute", 80);
    late->setFilter(new LateFilter);
    handlers.push_back(late);
#endif
    return handlers;
}

double median(std::vector<double>& values) {
    if (values.empty()) {
        return 0;
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

double nanoseconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double, std::nano>(to - from).count() / s_batch;
}

struct Samples {
    std::vector<double> dispatch;
    std::vector<double> whole;
};

void dispatch_until(const Message& model, Clock::time_point end, Samples& samples) {
    std::vector<Message*> batch(s_batch);
    for (auto begin = Clock::now(); begin < end; begin = Clock::now()) {
        for (auto*& message : batch) {
            message = new Message(model);
        }
        const auto built = Clock::now();
        for (auto* message : batch) {
            Engine::dispatch(*message);
        }
        const auto dispatched = Clock::now();
        for (auto*& message : batch) {
            TelEngine::destruct(message);
        }
        samples.dispatch.push_back(nanoseconds(built, dispatched));
        samples.whole.push_back(nanoseconds(begin, Clock::now()));
    }
}

} // namespace

Contestant::Contestant(Kind kind) {
    switch (kind) {
    case Kind::Noop:
        m_handlers = {new NoopHandler("call.route", 49), new NoopHandler("call.execute", 50),
                      new NoopHandler("user.register", 49), new NoopHandler("call.cdr", 25)};
        break;
    case Kind::Floor:
        m_handlers = {new FloorRoute("call.route", 49), new FloorExecute("call.execute", 50),
                      new FloorRegister("user.register", 49), new FloorCdr("call.cdr", 25)};
        break;
    case Kind::Full:
        m_handlers = others();
        [[fallthrough]];
    case Kind::Ideal:
        m_handlers.push_back(new IdealRoute("call.route", 49));
        m_handlers.push_back(new IdealExecute("call.execute", 50));
        m_handlers.push_back(new IdealRegister("user.register", 49));
        m_handlers.push_back(new IdealCdr("call.cdr", 25));
        break;
    }
    for (auto* handler : m_handlers) {
        Engine::install(handler);
    }
}

Contestant::~Contestant() {
    for (auto* handler : m_handlers) {
        Engine::uninstall(handler);
        TelEngine::destruct(handler);
    }
}

std::unique_ptr<Contestant> noop() {
    return std::make_unique<Contestant>(Contestant::Kind::Noop);
}

std::unique_ptr<Contestant> floor() {
    return std::make_unique<Contestant>(Contestant::Kind::Floor);
}

std::unique_ptr<Contestant> ideal() {
    return std::make_unique<Contestant>(Contestant::Kind::Ideal);
}

std::unique_ptr<Contestant> full() {
    return std::make_unique<Contestant>(Contestant::Kind::Full);
}

Timing measure(const Packet& packet, std::uint32_t threads, std::uint32_t milliseconds) {
    const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
    std::vector<Samples> samples(threads);
    std::vector<std::thread> workers;
    workers.reserve(threads);
    for (auto& own : samples) {
        workers.emplace_back([&packet, end, &own] {
            const std::unique_ptr<Message> model(message_of(packet));
            dispatch_until(*model, end, own);
        });
    }
    Samples all;
    for (std::uint32_t i = 0; i < threads; i++) {
        workers[i].join();
        const Samples& own = samples[i];
        all.dispatch.insert(all.dispatch.end(), own.dispatch.begin(), own.dispatch.end());
        all.whole.insert(all.whole.end(), own.whole.begin(), own.whole.end());
    }
    return Timing{median(all.dispatch), median(all.whole)};
}

} // namespace engine_bridge

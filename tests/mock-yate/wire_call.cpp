// SPDX-License-Identifier: GPL-2.0-or-later
//
// Call legs, and the routing of incoming calls.

#include "wire_call.h"

#include "sip_code.h"

#include <algorithm>
#include <cstdio>

using namespace TelEngine;

namespace {

constexpr int RequestTerminated = 487;
constexpr int ServerError = 500;

std::atomic<unsigned int> legCount{0};
std::atomic<unsigned int> callCount{0};

Mutex& legsLock() {
    static auto* mutex = new Mutex(false, "WireLegs");
    return *mutex;
}

std::vector<WireLeg*>& legs() {
    static auto* all = new std::vector<WireLeg*>;
    return *all;
}

String seconds(uint64_t usec) {
    char text[32];
    snprintf(text, sizeof(text), "%u.%03u", static_cast<unsigned int>(usec / 1000000),
             static_cast<unsigned int>(usec / 1000 % 1000));
    return text;
}

void enqueue(Message* msg) {
    if (!Engine::enqueue(msg)) {
        msg->destruct();
    }
}

bool isRefusal(const String& target) {
    return target == "-" || target == "error";
}

// The message goes on under another name, as if new.
void rename(Message& msg, const char* name) {
    msg = name;
    msg.retValue().clear();
    msg.clearParam(Engine::trackParam());
    msg.msgTime() = Time::now();
}

} // namespace

WireLeg::WireLeg(const char* module, bool outgoing, const String& address, const char* billid)
    : m_lock(true, "WireLeg"), m_billid(billid), m_module(module), m_outgoing(outgoing),
      m_address(address), m_status(outgoing ? "outgoing" : "incoming") {
    String id(module);
    setId(id << "/" << ++legCount);
    const Lock lock(legsLock());
    legs().push_back(this);
}

WireLeg::~WireLeg() {
    const Lock lock(legsLock());
    auto& all = legs();
    all.erase(std::remove(all.begin(), all.end(), this), all.end());
}

RefPointer<WireLeg> WireLeg::find(const String& id) {
    const Lock lock(legsLock());
    for (WireLeg* leg : legs()) {
        if (id == leg->id()) {
            return leg;
        }
    }
    return {};
}

String WireLeg::billid() const {
    const Lock lock(m_lock);
    return m_billid;
}

void WireLeg::status(const char* value) {
    const Lock lock(m_lock);
    m_status = value;
}

void WireLeg::complete(Message& msg) const {
    String peer;
    String lastPeer;
    getPeerId(peer);
    getLastPeerId(lastPeer);
    const Lock lock(m_lock);
    msg.setParam("id", id());
    msg.setParam("module", m_module);
    if (msg == "chan.hangup") {
        msg.copyParams(m_parameters);
    }
    msg.setParam("status", m_status);
    for (const auto& [name, value] : {std::pair<const char*, const String&>{"address", m_address},
                                      {"targetid", m_targetId},
                                      {"billid", m_billid},
                                      {"peerid", peer},
                                      {"lastpeerid", lastPeer}}) {
        if (value) {
            msg.setParam(name, value);
        }
    }
    msg.setParam("answered", m_answered != 0);
    msg.setParam("direction", m_outgoing ? "outgoing" : "incoming");
}

void WireLeg::startup(const NamedList& params, const char* names) {
    auto* msg = new Message("chan.startup");
    complete(*msg);
    msg->copyParams(params, names);
    {
        const Lock lock(m_lock);
        m_record.copyParams(*msg, "address,billid,caller,called,calledfull,username");
    }
    enqueue(msg);
}

void WireLeg::markAnswered() {
    const Lock lock(m_lock);
    m_status = "answered";
    m_answered = Time::now();
}

bool WireLeg::isAnswered() const {
    const Lock lock(m_lock);
    return m_answered != 0;
}

void WireLeg::reason(const char* error, int code, const char* text) {
    const Lock lock(m_lock);
    m_error = error;
    m_code = code;
    m_reason = text;
}

// A leg that was made without a billid has that of the other end.
void WireLeg::connected(const char* /*reason*/) {
    setLastPeerId();
    const auto* peer = YOBJECT(WireLeg, getPeer());
    if (peer && billid().null()) {
        const String other = peer->billid();
        const Lock lock(m_lock);
        m_billid = other;
    }
}

void WireLeg::setDisconnect(const NamedList* params) {
    const Lock lock(m_lock);
    m_parameters.clearParams();
    if (params) {
        m_parameters.copyParams(*params);
    }
}

// A handler of the message may connect the leg to another one; else the leg goes with the message.
void WireLeg::disconnected(bool final, const char* reason) {
    if (final || Engine::exiting()) {
        return;
    }
    const String error(reason);
    if (error) {
        const int code = sipCode(error, 0);
        this->reason(error, code ? code : RequestTerminated, sipPhrase(code, error));
    }
    auto* msg = new Message("chan.disconnected");
    {
        const Lock lock(m_lock);
        msg->copyParams(m_parameters);
    }
    complete(*msg);
    if (error) {
        msg->setParam("reason", error);
    }
    msg->userData(this);
    {
        const Lock lock(m_lock);
        m_targetId.clear();
        m_parameters.clearParams();
    }
    enqueue(msg);
}

void WireLeg::hangup() {
    auto* msg = new Message("chan.hangup");
    complete(*msg);
    String error;
    String reason;
    int code = 0;
    NamedList params("");
    {
        const Lock lock(m_lock);
        if (m_hungUp) {
            msg->destruct();
            return;
        }
        m_hungUp = true;
        error = m_error;
        reason = m_reason;
        code = m_code;
        params.copyParams(m_parameters);
    }
    if (reason) {
        msg->setParam("reason", reason);
    }
    enqueue(msg);
    writeRecord();
    ended(error, code, reason);
    disconnect(error, params);
}

void WireLeg::destroyed() {
    hangup();
    CallEndpoint::destroyed();
}

void WireLeg::writeRecord() {
    const uint64_t now = Time::now();
    const Lock lock(m_lock);
    const uint64_t answered = m_answered ? m_answered : now;
    auto* cdr = new Message("call.cdr", nullptr, true);
    cdr->addParam("time", seconds(m_start));
    cdr->addParam("chan", id());
    cdr->addParam("cdrid", id().substr(id().find('/') + 1));
    cdr->addParam("runid", Engine::runId());
    cdr->addParam("operation", "finalize");
    cdr->addParam("direction", m_outgoing ? "outgoing" : "incoming");
    cdr->addParam("duration", seconds(now - m_start));
    cdr->addParam("billtime", seconds(now - answered));
    cdr->addParam("ringtime", seconds(0));
    cdr->addParam("status", m_status);
    cdr->addParam("external", m_record.getValue(m_outgoing ? "called" : "caller"));
    cdr->addParam("cdrwrite", true);
    cdr->copyParams(false, m_record);
    // The one that a leg starts with may have been replaced since.
    if (m_billid) {
        cdr->setParam("billid", m_billid);
    }
    if (m_reason) {
        cdr->addParam("reason", m_reason);
    }
    enqueue(cdr);
}

IncomingLeg::IncomingLeg(const NamedList& request, const String& address)
    : WireLeg("sip", false, address, String(Engine::runId()) + "-" + String(++callCount)) {
    startup(request, "domain,caller,called");
}

void IncomingLeg::answered() {
    markAnswered();
    hangup();
}

void IncomingLeg::ended(const char* error, int code, const char* reason) {
    if (isAnswered()) {
        code = SipOk;
    } else if (!code) {
        code = RequestTerminated;
        error = sipError(code);
    }
    respond(error, code, TelEngine::null(reason) ? sipPhrase(code, error) : reason);
}

// The reason goes with the error; where the message has an error of its own, so it has its reason.
void IncomingLeg::reject(const Message& msg, const char* error, const char* reason) {
    status("rejected");
    const String* own = msg.getParam("error");
    const String text = own ? own->c_str() : error;
    this->reason(text, sipCode(text, ServerError), msg.getValue("reason", own ? nullptr : reason));
    m_headers.copySubParams(msg, String(msg.getValue("osip-prefix", "osip_")));
}

void IncomingLeg::route(const NamedList& request) {
    Message msg("call.preroute");
    complete(msg);
    msg.copyParams(false, request);
    msg.userData(this);

    // A target that preroute gives is of no use, only its refusal counts.
    if (Engine::dispatch(msg) && isRefusal(msg.retValue())) {
        reject(msg, "unknown");
        return;
    }
    status("prerouted");
    if (const String* billid = msg.getParam("billid")) {
        const Lock lock(m_lock);
        m_billid = *billid;
    }
    rename(msg, "call.route");
    const bool routed = Engine::dispatch(msg) && msg.retValue().trimSpaces();
    if (!routed) {
        reject(msg, "noroute", "No route to call target");
    } else if (isRefusal(msg.retValue())) {
        reject(msg, "unknown");
    } else if (msg.getIntValue("antiloop", 1) <= 0) {
        reject(msg, "looping", "Call is looping");
    } else {
        execute(msg);
    }
}

void IncomingLeg::execute(Message& msg) {
    status("routed");
    msg.userData(this);
    msg.setParam("callto", msg.retValue());
    msg.clearParam("error");
    rename(msg, "call.execute");
    if (Engine::dispatch(msg)) {
        status("accepted");
        {
            const Lock lock(m_lock);
            m_targetId = msg["targetid"];
        }
        // A target that nobody can answer for, a conference room, has answered.
        if (msg["targetid"].null()) {
            answered();
        }
        return;
    }
    const char* reason = msg.getParam("error") ? nullptr : "Could not connect to target";
    Message gone("chan.disconnected");
    complete(gone);
    gone.setParam("error", msg.getValue("error", "noconn"));
    gone.setParam("reason", msg.getValue("reason", reason));
    gone.setParam("reroute", true);
    gone.userData(this);
    if (!Engine::dispatch(gone)) {
        reject(msg, "noconn", reason);
    }
}

bool AnsweredHandler::received(Message& msg) {
    String id = msg["peerid"];
    if (!id.startsWith("sip/")) {
        id = msg["targetid"];
    }
    const RefPointer<WireLeg> leg = WireLeg::find(id);
    auto* incoming = YOBJECT(IncomingLeg, static_cast<WireLeg*>(leg));
    if (incoming) {
        incoming->answered();
    }
    return incoming != nullptr;
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Call legs, the routing of incoming calls, and how errors survive SIP.

#include "wire_call.h"

#include <cstdio>

using namespace TelEngine;

namespace {

// An error becomes the first code it has here, and a code the first error. So a meaning that shares
// its code with another one (offline, timeout) arrives as that one.
const TokenDict SipErrors[] = {
    {"incomplete", 484},
    {"noroute", 404},
    {"noroute", 604},
    {"noconn", 503},
    {"noconn", 408},
    {"noauth", 401},
    {"noautoauth", 401},
    {"nomedia", 415},
    {"nocall", 481},
    {"busy", 486},
    {"busy", 600},
    {"noanswer", 480},
    {"noanswer", 487},
    {"rejected", 406},
    {"rejected", 606},
    {"forbidden", 403},
    {"forbidden", 603},
    {"offline", 404},
    {"congestion", 480},
    {"unallocated", 410},
    {"moved", 410},
    {"failure", 500},
    {"pending", 491},
    {"looping", 483},
    {"timeout", 408},
    {"timeout", 504},
    {"postdialdelay", 504},
    {"service-not-implemented", 501},
    {"unimplemented", 501},
    {"service-unavailable", 503},
    {"unacceptable", 488},
    {"noresource", 503},
    {"interworking", 500},
    {"interworking", 400},
    {"invalid-message", 400},
    {"protocol-error", 400},
    {nullptr, 0},
};

std::atomic<unsigned int> legCount{0};
std::atomic<unsigned int> callCount{0};

String seconds(uint64_t usec) {
    char text[32];
    snprintf(text, sizeof(text), "%u.%03u", static_cast<unsigned int>(usec / 1000000),
             static_cast<unsigned int>(usec / 1000 % 1000));
    return text;
}

bool isRefusal(const String& target) {
    return target == "-" || target == "error";
}

WireResult failed(Message& msg, const char* error, const char* reason = nullptr) {
    WireResult result;
    result.error = msg.getValue(YSTRING("error"), error);
    result.reason = msg.getValue(YSTRING("reason"), reason);
    return result;
}

// The message goes on under another name, as if new.
void rename(Message& msg, const char* name) {
    msg = name;
    msg.retValue().clear();
    msg.clearParam(Engine::trackParam());
    msg.msgTime() = Time::now();
}

} // namespace

String TelEngine::errorOverSip(const String& error) {
    return lookup(error.toInteger(SipErrors, 500), SipErrors, "failure");
}

WireLeg::WireLeg(const char* prefix, bool incoming, const NamedList& params, const String& address)
    : m_incoming(incoming) {
    String id(prefix);
    setId(id << "/" << ++legCount);
    String billid = params[YSTRING("billid")];
    if (billid.null()) {
        billid << Engine::runId() << "-" << ++callCount;
    }
    m_record.addParam("billid", billid);
    m_record.addParam("reason", "");
    m_record.addParam("address", address);
    m_record.copyParams(params, "caller,called,calledfull,username");
}

void WireLeg::destroyed() {
    const uint64_t now = Time::now();
    const uint64_t answered = m_answered ? m_answered : now;
    auto* cdr = new Message("call.cdr", nullptr, true);
    cdr->addParam("time", seconds(m_start));
    cdr->addParam("chan", id());
    cdr->addParam("cdrid", id().substr(id().find('/') + 1));
    cdr->addParam("runid", Engine::runId());
    cdr->addParam("operation", "finalize");
    cdr->addParam("direction", m_incoming ? "incoming" : "outgoing");
    cdr->addParam("duration", seconds(now - m_start));
    cdr->addParam("billtime", seconds(now - answered));
    cdr->addParam("ringtime", seconds(0));
    cdr->addParam("status", m_answered ? "answered" : "rejected");
    cdr->addParam("external", m_record.getValue(m_incoming ? "caller" : "called"));
    cdr->addParam("cdrwrite", true);
    cdr->copyParams(false, m_record);
    if (!Engine::enqueue(cdr)) {
        cdr->destruct();
    }
    CallEndpoint::destroyed();
}

WireResult TelEngine::routeIncoming(const NamedList& request, const String& address) {
    auto* leg = new WireLeg("sip", true, request, address);
    Message msg("call.preroute");
    msg.addParam("id", leg->id());
    msg.addParam("module", "sip");
    msg.addParam("status", "incoming");
    msg.addParam("address", address);
    msg.addParam("billid", leg->billid());
    msg.addParam("answered", false);
    msg.addParam("direction", "incoming");
    msg.copyParams(false, request);
    msg.userData(leg);

    // A target that preroute gives is of no use, only its refusal counts.
    WireResult result;
    const bool prerouted = Engine::dispatch(msg);
    leg->billid(msg.getValue(YSTRING("billid"), leg->billid()));
    if (prerouted && isRefusal(msg.retValue())) {
        result = failed(msg, "unknown");
    } else {
        rename(msg, "call.route");
        const bool routed = Engine::dispatch(msg) && msg.retValue().trimSpaces();
        if (!routed) {
            result = failed(msg, "noroute", "No route to call target");
        } else if (isRefusal(msg.retValue())) {
            result = failed(msg, "unknown");
        } else if (msg.getIntValue(YSTRING("antiloop"), 1) <= 0) {
            result = failed(msg, "looping", "Call is looping");
        } else {
            msg.setParam("callto", msg.retValue());
            msg.clearParam(YSTRING("error"));
            rename(msg, "call.execute");
            result.accepted = Engine::dispatch(msg);
            if (!result.accepted) {
                result = failed(msg, "noconn", "Could not connect to target");
                Message gone("chan.disconnected");
                gone.addParam("id", leg->id());
                gone.addParam("module", "sip");
                gone.addParam("error", result.error);
                gone.addParam("reason", result.reason);
                gone.addParam("reroute", true);
                gone.userData(leg);
                Engine::dispatch(gone);
            }
        }
    }
    if (result.accepted) {
        leg->answered();
    } else {
        leg->reason(result.error);
    }
    msg.userData(nullptr);
    TelEngine::destruct(leg);
    return result;
}

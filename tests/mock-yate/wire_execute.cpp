// SPDX-License-Identifier: GPL-2.0-or-later
//
// Outgoing calls. As over UDP, a call is accepted as soon as it is sent; whether anybody hears it
// is told later, by the leg.

#include "wire_execute.h"

#include "sip_code.h"
#include "wire_call.h"
#include "wire_transaction.h"

using namespace TelEngine;

namespace {

constexpr int ServerError = 500;

/// A leg that calls out over the wire.
class OutgoingLeg : public WireLeg, public MessageNotifier {
    YNOCOPY(OutgoingLeg);

public:
    explicit OutgoingLeg(const SipUri& uri)
        : WireLeg("sip", true, uri.host + ":" + uri.port, nullptr) {}
    bool call(Message& msg, const SipUri& uri);
    void* getObject(const String& name) const override;
    /// Ends the call once it has been told that it is answered.
    void dispatched(const Message& msg, bool handled) override;

protected:
    void disconnected(bool final, const char* reason) override;

private:
    void finished(const SipAnswer& answer);
    std::atomic<unsigned int> m_transaction{0};
};

bool OutgoingLeg::call(Message& msg, const SipUri& uri) {
    m_targetId = msg["id"];
    const WireHost host(uri.host);
    if (!host.known) {
        reason(nullptr, ServerError, "Failed to create party");
        msg.setParam("error", "notransport");
        msg.setParam("reason", "Failed to create party");
        return false;
    }
    Message invite = wireRequest("INVITE", uri, msg, "osip_");
    invite.copyParams(msg, "caller,callername");
    String callid(static_cast<uint64_t>(Time::now()));
    invite.addParam("callid", callid << "-" << id() << "@" << wireSettings().address);
    NamedList params("");
    params.copyParams(msg, "caller,callername,called,billid,callto,username");
    params.setParam("calledfull", uri.user);
    startup(params, "caller,callername,called,billid,callto,username,calledfull");
    if (!connect(YOBJECT(CallEndpoint, msg.userData()), msg.getValue("reason"))) {
        return false;
    }
    msg.setParam("peerid", id());
    msg.setParam("targetid", id());
    const RefPointer<OutgoingLeg> self(this);
    m_transaction = wireSend(host, invite, wireTimeout(msg),
                             [self](const SipAnswer& answer) { self->finished(answer); });
    return true;
}

// On the thread of all transactions.
void OutgoingLeg::finished(const SipAnswer& answer) {
    if (answer.code == SipOk) {
        markAnswered();
        auto* msg = new Message("call.answered");
        complete(*msg);
        msg->userData(this);
        msg->setNotify();
        if (!Engine::enqueue(msg)) {
            msg->destruct();
        }
        return;
    }
    {
        const Lock lock(m_lock);
        m_parameters.clearParams();
        m_parameters.addParam("cause_sip", answer.code);
        m_parameters.addParam("reason_sip", answer.phrase, false);
        m_parameters.copyParams(false, answer.headers);
    }
    const char* phrase = answer.phrase ? answer.phrase.c_str() : sipPhrase(answer.code, nullptr);
    const char* error = sipError(answer.code);
    reason(error ? error : phrase, answer.code, phrase);
    hangup();
}

void* OutgoingLeg::getObject(const String& name) const {
    if (name == "MessageNotifier") {
        return static_cast<MessageNotifier*>(const_cast<OutgoingLeg*>(this));
    }
    return WireLeg::getObject(name);
}

void OutgoingLeg::dispatched(const Message& msg, bool /*handled*/) {
    if (msg == "call.answered") {
        hangup();
    }
}

void OutgoingLeg::disconnected(bool final, const char* reason) {
    WireLeg::disconnected(final, reason);
    wireForget(m_transaction);
}

/// The SIP channel's side of outgoing calls.
class SipExecute : public MessageHandler {
public:
    SipExecute() : MessageHandler("call.execute", 90, "sip") {}
    bool received(Message& msg) override {
        String target = msg["callto"];
        if (!target.startSkip("sip/", false)) {
            return false;
        }
        if (!YOBJECT(CallEndpoint, msg.userData())) {
            Debug("sip", DebugWarn, "SIP call found but no data channel!");
            return false;
        }
        const SipUri uri(target);
        auto* leg = new OutgoingLeg(uri);
        const bool ok = leg->call(msg, uri);
        leg->deref();
        return ok;
    }
};

/// A leg in a conference room.
class ConferenceLeg : public WireLeg {
    YNOCOPY(ConferenceLeg);

public:
    explicit ConferenceLeg(const String& room) : WireLeg("conf", true, room, nullptr) {}
    bool enter(Message& msg) {
        startup(msg, "caller,called,billid,username");
        markAnswered();
        return connect(YOBJECT(CallEndpoint, msg.userData()), msg.getValue("reason"));
    }
};

/// The conference driver: any room is there as soon as somebody wants it.
class ConfExecute : public MessageHandler {
public:
    ConfExecute() : MessageHandler("call.execute", 90, "conf") {}
    bool received(Message& msg) override {
        const String& target = msg["callto"];
        if (!target.startsWith("conf/") || !YOBJECT(CallEndpoint, msg.userData())) {
            return false;
        }
        auto* leg = new ConferenceLeg(target);
        const bool ok = leg->enter(msg);
        if (ok) {
            msg.setParam("peerid", leg->id());
            msg.setParam("room", target);
        }
        leg->deref();
        return ok;
    }
};

} // namespace

void TelEngine::wireExecuteStart() {
    Engine::install(new SipExecute);
    Engine::install(new ConfExecute);
}

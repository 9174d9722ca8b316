// SPDX-License-Identifier: GPL-2.0-or-later
//
// Instant messages: SIP's MESSAGE in both directions.

#include "sip_code.h"
#include "wire_request.h"
#include "wire_transaction.h"

using namespace TelEngine;

namespace {

constexpr int MethodNotAllowed = 405;
constexpr int TooManyHops = 483;

bool isFinal(int code) {
    return code >= SipOk && code < 700;
}

/// Sends an instant message to a SIP target.
class MessageExecute : public MessageHandler {
public:
    MessageExecute() : MessageHandler("msg.execute", 100, "sip") {}
    bool received(Message& msg) override {
        String target = msg["callto"];
        return target.startSkip("sip/", false) && sendRequest(msg, "MESSAGE", target);
    }
};

// The parameters that a SIP channel gives a MESSAGE, in its order.
void describe(Message& msg, const Message& wire) {
    const String& address = wire["address"];
    NamedList headers("");
    takeWireHeaders(headers, wire, "sip_", true);
    msg.addParam("module", "sip");
    msg.addParam("route_type", "msg");
    msg.addParam("called", wire["user"].uriUnescape());
    msg.addParam("caller", SipUri(headers["sip_from"]).user, false);
    msg.addParam("connection_id", "general");
    msg.addParam("connection_reliable", false);
    msg.addParam("antiloop", wire.getIntValue("hops", SipMaxForwards) - 1);
    msg.addParam("ip_host", address);
    msg.addParam("ip_port", SipPort);
    msg.addParam("ip_transport", "UDP");
    msg.addParam("address", address + ":" + SipPort);
    msg.addParam("sip_uri", "sip:" + wire["user"] + "@" + wire["host"]);
    msg.addParam("sip_callid", wire["callid"]);
    msg.addParam("xsip_dlgtag", wire["callid"]);
    msg.copyParams(false, headers);
    msg.addParam("xsip_type", wire["type"], false);
    msg.addParam("xsip_body", wire["body"], false);
}

// The code of a message that somebody took: the given one, or else success.
int acceptedCode(const Message& msg) {
    const String* said = msg.getParam("code");
    return (said ? *said : msg.retValue()).toInteger(sipCode(msg["reason"], SipOk));
}

// The code of one that nobody took. An error counts only as a number.
int refusedCode(const Message& msg, int code) {
    const int reason = sipCode(msg["reason"], code);
    code = msg.getIntValue("code", reason);
    if (!code && !reason) {
        code = msg.getIntValue("error");
    }
    return code < 300 ? 0 : code;
}

/// The command "message FROM TO TEXT": a phone sends an instant message, and the line tells the
/// final code.
class MessageCommand : public MessageHandler {
public:
    MessageCommand() : MessageHandler("engine.command", 90, "wire") {}
    bool received(Message& msg) override {
        String line = msg["line"];
        if (!line.startSkip("message")) {
            return false;
        }
        const int to = line.find(' ') + 1;
        const int text = line.find(' ', to) + 1;
        Message wire("wire.message");
        wire.addParam("user", line.substr(to, text - to - 1));
        wire.addParam("host", Engine::nodeName());
        wire.addParam("address", "192.0.2.1");
        wire.addParam("callid", String(static_cast<uint64_t>(Time::now())) + "@phone");
        wire.addParam("header.From", "<sip:" + line.substr(0, to - 1) + "@192.0.2.1>");
        wire.addParam("header.To", "<sip:" + wire["user"] + "@" + wire["host"] + ">");
        wire.addParam("type", "text/plain");
        wire.addParam("body", line.substr(text));
        NamedList headers("");
        const int code = incomingMessage(wire, headers);
        msg.retValue() << "code=" << code << "\r\n";
        return true;
    }
};

} // namespace

int TelEngine::incomingMessage(const Message& wire, NamedList& headers) {
    Message msg("call.route");
    describe(msg, wire);
    int code = 0;
    bool ok = Engine::dispatch(msg) && msg.retValue() && msg.retValue() != "-" &&
              msg.retValue() != "error";
    if (ok && msg.getIntValue("antiloop", 1) <= 0) {
        ok = false;
        code = TooManyHops;
    }
    if (ok) {
        msg = "msg.execute";
        msg.setParam("callto", msg.retValue());
        msg.clearParam("error");
        msg.clearParam("reason");
        msg.retValue().clear();
        ok = Engine::dispatch(msg);
    }
    code = ok ? acceptedCode(msg) : refusedCode(msg, code);
    headers.copySubParams(msg, String(msg.getValue("osip-prefix", "osip_")));
    return isFinal(code) ? code : MethodNotAllowed;
}

void TelEngine::wireMessageStart() {
    Engine::install(new MessageExecute);
    Engine::install(new MessageCommand);
}

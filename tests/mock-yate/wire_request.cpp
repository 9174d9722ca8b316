// SPDX-License-Identifier: GPL-2.0-or-later
//
// Requests outside of calls, and xsip.generate, which has any of them sent.

#include "wire_request.h"

#include "wire_transaction.h"

#include <memory>

using namespace TelEngine;

namespace {

bool fail(Message& msg, const char* error) {
    msg.setParam("error", error);
    return false;
}

// A request that a thread waits for.
struct Pending {
    std::atomic<bool> ended{false};
    SipAnswer answer;
};

class Generate : public MessageHandler {
public:
    Generate() : MessageHandler("xsip.generate", 110, "sip") {}
    bool received(Message& msg) override {
        const String& method = msg["method"];
        return method && sendRequest(msg, method, msg["uri"]);
    }
};

} // namespace

bool TelEngine::sendRequest(Message& msg, const char* method, const String& target) {
    if (target.null()) {
        return fail(msg, "failure");
    }
    if (msg.getIntValue("antiloop", SipMaxForwards) <= 0) {
        return fail(msg, "looping");
    }
    const SipUri uri(target);
    const WireHost host(msg.getValue("host", uri.host));
    if (!host.known) {
        return fail(msg, "notransport");
    }
    const Message wire = wireRequest(method, uri, msg, "sip_");
    if (!msg.getBoolValue("wait")) {
        wireSend(host, wire, wireTimeout(msg), nullptr);
        return true;
    }
    const auto pending = std::make_shared<Pending>();
    wireSend(host, wire, wireTimeout(msg), [pending](const SipAnswer& answer) {
        pending->answer = answer;
        pending->ended = true;
    });
    while (!pending->ended) {
        Thread::idle();
    }
    msg.setParam("code", pending->answer.code);
    msg.clearParam("sip", '_');
    msg.clearParam("xsip", '_');
    msg.copyParams(false, pending->answer.headers);
    return true;
}

void TelEngine::wireRequestStart() {
    if (wireSettings().generate) {
        Engine::install(new Generate);
    }
}

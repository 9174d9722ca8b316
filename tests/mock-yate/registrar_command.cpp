// SPDX-License-Identifier: GPL-2.0-or-later
//
// Commands by which phones register, and are gone:
//
//   register USER CONTACT [CONNECTION]     the contact is a SIP URI; a connection has a name, and
//                                          without one it is UDP
//   unregister USER CONTACT [CONNECTION]   always succeeds, as in the SIP channel
//   disconnect CONNECTION                  the connection breaks, and that is all that is told

#include "registrar.h"
#include "sip_code.h"
#include "wire_host.h"

using namespace TelEngine;

namespace {

constexpr int NotFound = 404;

// Takes the next word off a line.
String word(String& line) {
    const int space = line.find(' ');
    const String taken = line.substr(0, space);
    line = space >= 0 ? line.substr(space + 1) : String();
    return taken;
}

// The parameters that a SIP channel gives a REGISTER, in its order.
void describe(Message& msg, String line) {
    const bool registers = msg == "user.register";
    const String user = word(line);
    const String contact = word(line);
    const String connection = word(line);
    const SipUri uri(contact);
    msg.addParam("number", user);
    msg.addParam("sip_uri", "sip:" + Engine::nodeName());
    msg.addParam("sip_callid", user + "@" + uri.host);
    msg.addParam("expires", registers ? 600 : 0);
    msg.addParam("newcall", true);
    msg.addParam("domain", Engine::nodeName());
    msg.addParam("device", "yate-mock");
    msg.addParam("username", user);
    msg.addParam("driver", "sip");
    msg.addParam("data", "sip/" + contact);
    msg.addParam("ip_host", uri.host);
    msg.addParam("ip_port", uri.port);
    msg.addParam("ip_transport", connection ? "TCP" : "UDP");
    msg.addParam("address", uri.host + ":" + uri.port);
    msg.addParam("connection_id", connection.safe("general"));
    msg.addParam("connection_reliable", !connection.null());
    if (registers) {
        msg.addParam("route_params", "oconnection_id");
        msg.addParam("oconnection_id", connection.safe("general"));
        msg.addParam("sip_to", contact);
    }
}

class RegisterCommand : public MessageHandler {
public:
    RegisterCommand() : MessageHandler("engine.command", 90, "register") {}
    bool received(Message& msg) override {
        String line = msg["line"];
        if (line.startSkip("disconnect")) {
            auto* gone = new Message("user.unregister");
            gone->addParam("connection_id", line);
            if (!Engine::enqueue(gone)) {
                gone->destruct();
            }
            msg.retValue() = "disconnected\r\n";
            return true;
        }
        const bool registers = line.startSkip("register");
        if (!registers && !line.startSkip("unregister")) {
            return false;
        }
        Message request(registers ? "user.register" : "user.unregister");
        describe(request, line);
        const bool ok = Engine::dispatch(request) || !registers;
        int code = SipOk;
        if (!ok) {
            code = request.getIntValue("code", sipCode(request["reason"], NotFound));
        }
        msg.retValue() << "code=" << code << "\r\n";
        return true;
    }
};

} // namespace

void TelEngine::registrarCommandStart() {
    Engine::install(new RegisterCommand);
}

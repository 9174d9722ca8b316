// SPDX-License-Identifier: GPL-2.0-or-later
//
// The toy wire: the nodes of one host send each other calls and other requests over unix sockets,
// DIRECTORY/NODE.sock, and each sees them as its SIP channel would show them. A call is over as
// soon as it is answered. A node that isn't running keeps silent, as over UDP.
//
// yate-mock.conf:
//   [wire]
//   directory=/run/dir      the place of the sockets; without it there is no wire
//   address=127.0.0.1       this node's address, as the others see it
//   timeout=7500            the time that a request waits for an answer, in milliseconds;
//                           xsip_trans_count changes it as it does in the engine, whose default
//                           this is
//   generate=yes            have xsip.generate; ysipchan.conf has it in its section general
//   options=200             this node's answer to OPTIONS; "never" for no answer
//   [hosts]
//   sip.example.org=node2   the node of a SIP host; a host NODE or NODE.domain needs no line
//   [phones]
//   10.0.0.9=               a host that is a phone, which answers; with another code than 200, or
//   10.0.0.7=486            "never" for no answer. * stands for all that aren't nodes

#include "wire.h"

#include "sip_code.h"
#include "socket.h"
#include "wire_call.h"
#include "wire_execute.h"
#include "wire_request.h"
#include "wire_transaction.h"

#include <memory>

using namespace TelEngine;

namespace {

constexpr int RequestMs = 30000;
constexpr int MethodNotAllowed = 405;
constexpr int CallMs = 60000;

// The parameters that a SIP channel gives an INVITE, in its order.
NamedList inviteParams(const Message& invite) {
    const String& user = invite["user"];
    const String& host = invite["host"];
    const String& address = invite["address"];
    const String& caller = invite["caller"];
    const String uri = "sip:" + user + "@" + host;
    NamedList params("");
    params.addParam("callid", "sip/" + invite["callid"]);
    params.addParam("caller", caller);
    params.addParam("called", user.uriUnescape());
    params.addParam("callername", invite.getValue("callername"), false);
    params.addParam("antiloop", invite.getIntValue("hops", SipMaxForwards) - 1);
    params.addParam("ip_host", address);
    params.addParam("ip_port", SipPort);
    params.addParam("ip_transport", "UDP");
    params.addParam("connection_id", "general");
    params.addParam("connection_reliable", false);
    params.addParam("sip_uri", uri);
    params.addParam("sip_from", "sip:" + caller + "@" + address);
    params.addParam("sip_to", uri);
    params.addParam("sip_callid", invite["callid"]);
    params.addParam("device", "yate-mock");
    takeWireHeaders(params, invite, "sip_", false);
    params.addParam("newcall", true);
    params.addParam("domain", host);
    params.addParam("formats", "alaw,mulaw");
    return params;
}

/// The receiver of an answer: the connection that a request came in on.
class Requester {
public:
    explicit Requester(int fd) : m_socket(fd) {}
    bool receive(Message& wire) {
        std::string line;
        return m_socket.readLine(line, RequestMs) && wire.decode(line.c_str(), m_id) == -2;
    }
    void trying() { m_socket.writeLine(Message("wire.trying").encode(false, m_id)); }
    void answer(int code, const char* reason, const NamedList& headers) {
        Message answer("wire.answer");
        answer.addParam("node", Engine::nodeName());
        answer.addParam("code", code);
        answer.addParam("reason", reason, false);
        if (code != SipOk) {
            answer.addParam("error", sipError(code), false);
        }
        addWireHeaders(answer, headers, "");
        answer.addParam("header.Server", "yate-mock");
        m_socket.writeLine(answer.encode(code == SipOk, m_id));
    }

private:
    LineSocket m_socket;
    String m_id;
};

/// A call that comes in over the wire.
class WireCall : public IncomingLeg {
    YNOCOPY(WireCall);

public:
    WireCall(const NamedList& request, const String& address, std::unique_ptr<Requester> requester)
        : IncomingLeg(request, address), m_requester(std::move(requester)) {}

protected:
    void respond(const char* /*error*/, int code, const char* reason) override {
        m_requester->answer(code, reason, m_headers);
    }

private:
    std::unique_ptr<Requester> m_requester;
};

/// A request that came in; answered here, but for a call, which is answered by its leg.
class IncomingRequest : public Thread {
public:
    explicit IncomingRequest(int fd)
        : Thread("Call Router"), m_requester(std::make_unique<Requester>(fd)) {}
    void run() override;

private:
    std::unique_ptr<Requester> m_requester;
};

void IncomingRequest::run() {
    Message wire("");
    if (!m_requester->receive(wire)) {
        return;
    }
    if (wire == "wire.invite") {
        m_requester->trying();
        const NamedList params = inviteParams(wire);
        const String peer = wire["address"] + ":" + SipPort;
        auto* leg = new WireCall(params, peer, std::move(m_requester));
        leg->route(params);
        leg->deref();
        return;
    }
    NamedList headers("");
    int code = MethodNotAllowed;
    if (wire == "wire.options") {
        code = wireSettings().options;
    } else if (wire == "wire.message") {
        code = incomingMessage(wire, headers);
    }
    if (code) {
        m_requester->answer(code, sipPhrase(code, nullptr), headers);
    }
}

/// Takes each connection for a request.
class WireListener : public ListenThread {
public:
    WireListener(int fd, const String& path) : ListenThread("Wire Listener", fd, path, false) {}

protected:
    void accepted(int fd) override { (new IncomingRequest(fd))->startup(); }
};

/// The console's result of a call or a message that it was told to make.
struct ConsoleResult {
    std::atomic<bool> done{false};
    String text;
};

/// A call from the console, as if from a phone.
class ConsoleCall : public IncomingLeg {
    YNOCOPY(ConsoleCall);

public:
    ConsoleCall(const NamedList& request, const String& address,
                std::shared_ptr<ConsoleResult> result)
        : IncomingLeg(request, address), m_result(std::move(result)) {}

protected:
    void respond(const char* error, int code, const char* reason) override {
        if (code == SipOk) {
            m_result->text = "accepted\r\n";
        } else {
            m_result->text << "error=" << error << " reason='" << reason << "'\r\n";
        }
        m_result->done = true;
    }

private:
    std::shared_ptr<ConsoleResult> m_result;
};

/// The command "call FROM TO": a phone calls in, as if over SIP, and the line has the result.
class CallCommand : public MessageHandler {
public:
    CallCommand() : MessageHandler("engine.command", 90, "wire") {}
    bool received(Message& msg) override {
        String line = msg["line"];
        if (!line.startSkip("call")) {
            return false;
        }
        const int space = line.find(' ');
        Message invite("wire.invite");
        invite.addParam("caller", line.substr(0, space));
        invite.addParam("user", space > 0 ? line.substr(space + 1) : String());
        invite.addParam("host", Engine::nodeName());
        invite.addParam("address", "192.0.2.1");
        invite.addParam("callid", String(static_cast<uint64_t>(Time::now())) + "@phone");
        const NamedList params = inviteParams(invite);
        const auto result = std::make_shared<ConsoleResult>();
        auto* leg = new ConsoleCall(params, invite["address"] + ":" + SipPort, result);
        leg->route(params);
        leg->deref();
        // The call goes on by messages, and this may be the thread that brings them.
        const uint64_t end = Time::now() + uint64_t{CallMs} * 1000;
        while (!result->done && Time::now() < end) {
            Engine::dispatcher()->dequeue();
            Thread::idle();
        }
        msg.retValue() = result->done ? result->text : String("still calling\r\n");
        return true;
    }
};

WireListener* listener = nullptr;

} // namespace

void TelEngine::wireStart() {
    if (!wireConfigure()) {
        return;
    }
    const String path = wireSocket(Engine::nodeName());
    const int fd = ListenThread::listen(path);
    if (fd < 0) {
        return;
    }
    listener = new WireListener(fd, path);
    listener->startup();
    wireTransactionsStart();
    wireExecuteStart();
    wireRequestStart();
    wireMessageStart();
    Engine::install(new AnsweredHandler);
    Engine::install(new CallCommand);
}

void TelEngine::wireStop() {
    if (listener) {
        listener->cancel();
        listener = nullptr;
        wireTransactionsStop();
    }
}

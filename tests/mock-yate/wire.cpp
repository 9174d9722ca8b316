// SPDX-License-Identifier: GPL-2.0-or-later
//
// The toy wire: the nodes of one host send each other calls over unix sockets, DIRECTORY/NODE.sock,
// and each sees them as its SIP channel would show them. A call is over as soon as it is answered.
//
// yate-mock.conf:
//   [wire]
//   directory=/run/dir      where the sockets are; without it there is no wire
//   address=127.0.0.1       this node's address, as the others see it
//   [hosts]
//   sip.example.org=node2   the node of a SIP host; a host NODE or NODE.domain needs no line
//   [phones]
//   10.0.0.9=               a host that is a phone, which answers; * stands for all that aren't
//   nodes

#include "wire.h"

#include "registrar.h"
#include "socket.h"
#include "wire_call.h"

#include <algorithm>

using namespace TelEngine;

namespace {

constexpr int AnswerMs = 30000;
constexpr int MaxForwards = 20;
const char SipPort[] = "5060";
// Before the name of each header, so that it isn't taken for a parameter of the wire's own.
const char HeaderMark[] = "header.";

// Headers that a SIP channel keeps for itself.
const char* const OwnHeaders[] = {"from",           "to",      "via",
                                  "route",          "call-id", "record-route",
                                  "content-length", "cseq",    "max-forwards"};

struct Settings {
    String directory;
    String address;
    NamedList hosts{""};
    NamedList phones{""};
};

Settings& settings() {
    static auto* current = new Settings;
    return *current;
}

String socketPath(const String& node) {
    return settings().directory + "/" + node + ".sock";
}

/// A SIP URI taken apart, as far as a toy needs.
struct SipUri {
    explicit SipUri(String text) {
        text.startSkip("sip:", false);
        const int end = text.find(';');
        text = text.substr(0, end);
        const int at = text.rfind('@');
        user = at >= 0 ? text.substr(0, at) : String();
        host = text.substr(at + 1);
        const int colon = host.find(':');
        port = colon >= 0 ? host.substr(colon + 1) : String(SipPort);
        host = host.substr(0, colon);
    }
    String user;
    String host;
    String port;
};

// The node of a host, or null if it is none.
String nodeOf(const String& host) {
    const String& mapped = settings().hosts[host];
    if (mapped) {
        return mapped;
    }
    for (const String& name : {host, host.substr(0, host.find('.'))}) {
        // The socket of a node that isn't running stays there, so the node is still known.
        if (name && access(socketPath(name), F_OK) == 0) {
            return name;
        }
    }
    return {};
}

bool isPhone(const String& host) {
    const NamedList& phones = settings().phones;
    return phones.getParam(host) || phones.getParam("*");
}

bool fail(Message& msg, const char* error, const char* reason) {
    msg.setParam("error", error);
    msg.setParam("reason", reason);
    return false;
}

bool accept(Message& msg, WireLeg& leg) {
    leg.answered();
    msg.setParam("peerid", leg.id());
    msg.setParam("targetid", leg.id());
    return true;
}

/// The SIP channel's side of outgoing calls.
class SipExecute : public MessageHandler {
public:
    SipExecute() : MessageHandler("call.execute", 90, "sip") {}
    bool received(Message& msg) override;

private:
    static void addHeaders(Message& invite, const Message& msg);
    static bool forward(Message& msg, const SipUri& uri, const String& node, WireLeg& leg);
};

bool SipExecute::received(Message& msg) {
    String target = msg[YSTRING("callto")];
    if (!target.startSkip("sip/", false)) {
        return false;
    }
    const SipUri uri(target);
    const String node = nodeOf(uri.host);
    if (node.null() && !isPhone(uri.host)) {
        return fail(msg, "noconn", "Unknown host");
    }
    NamedList params("");
    params.copyParams(msg, "billid,caller,called,username");
    params.setParam("calledfull", uri.user);
    auto* leg = new WireLeg("sip", false, params, uri.host + ":" + uri.port);
    const bool ok = node ? forward(msg, uri, node, *leg) : accept(msg, *leg);
    leg->reason(ok ? nullptr : msg.getValue(YSTRING("error")));
    TelEngine::destruct(leg);
    return ok;
}

// A parameter without a value becomes an empty header, as in the SIP channel.
void SipExecute::addHeaders(Message& invite, const Message& msg) {
    const String prefix(String(msg.getValue(YSTRING("osip-prefix"))).safe("osip_"));
    for (const ObjList* l = msg.paramList()->skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        if (param->name().startsWith(prefix) && param->name().length() > prefix.length()) {
            invite.addParam(param->name().c_str() + prefix.length(), *param, true, HeaderMark);
        }
    }
}

bool SipExecute::forward(Message& msg, const SipUri& uri, const String& node, WireLeg& leg) {
    const int hops = msg.getIntValue(YSTRING("antiloop"), MaxForwards);
    if (hops <= 0) {
        return fail(msg, "looping", "Too many hops");
    }
    const int fd = LineSocket::connect(socketPath(node));
    if (fd < 0) {
        return fail(msg, "noconn", "Node is unreachable");
    }
    Message invite("wire.invite");
    invite.addParam("user", uri.user);
    invite.addParam("host", uri.host);
    invite.addParam("port", uri.port);
    invite.addParam("hops", hops);
    invite.addParam("address", settings().address);
    invite.addParam("origin", Engine::nodeName());
    invite.copyParams(msg, "caller,callername");
    invite.addParam("callid", leg.billid() + "@" + settings().address);
    addHeaders(invite, msg);
    LineSocket socket(fd);
    Message answer("");
    std::string line;
    bool accepted = false;
    if (!socket.writeLine(invite.encode("1")) || !socket.readLine(line, AnswerMs) ||
        answer.decode(line.c_str(), accepted, "1") != -2) {
        return fail(msg, "noconn", "Node did not answer");
    }
    if (!accepted) {
        return fail(msg, answer.getValue("error", "failure"), answer.getValue("reason"));
    }
    return accept(msg, leg);
}

/// The conference driver: any room is there as soon as somebody wants it.
class ConfExecute : public MessageHandler {
public:
    ConfExecute() : MessageHandler("call.execute", 100, "conf") {}
    bool received(Message& msg) override {
        const String& target = msg[YSTRING("callto")];
        if (!target.startsWith("conf/")) {
            return false;
        }
        NamedList params("");
        params.copyParams(msg, "billid,caller,called,username");
        auto* leg = new WireLeg("conf", false, params, target);
        msg.setParam("room", target);
        const bool ok = accept(msg, *leg);
        TelEngine::destruct(leg);
        return ok;
    }
};

// What a SIP channel tells of an INVITE, in its order.
NamedList inviteParams(const Message& invite) {
    const String& user = invite[YSTRING("user")];
    const String& host = invite[YSTRING("host")];
    const String& address = invite[YSTRING("address")];
    const String& caller = invite[YSTRING("caller")];
    const String uri = "sip:" + user + "@" + host;
    NamedList params("");
    params.addParam("callid", "sip/" + invite[YSTRING("callid")]);
    params.addParam("caller", caller);
    params.addParam("called", user.uriUnescape());
    params.addParam("callername", invite.getValue(YSTRING("callername")), false);
    params.addParam("antiloop", invite.getIntValue(YSTRING("hops"), MaxForwards) - 1);
    params.addParam("ip_host", address);
    params.addParam("ip_port", SipPort);
    params.addParam("ip_transport", "UDP");
    params.addParam("connection_id", "general");
    params.addParam("connection_reliable", false);
    params.addParam("sip_uri", uri);
    params.addParam("sip_from", "sip:" + caller + "@" + address);
    params.addParam("sip_to", uri);
    params.addParam("sip_callid", invite[YSTRING("callid")]);
    params.addParam("device", "yate-mock");
    const unsigned int markLength = sizeof(HeaderMark) - 1;
    for (const ObjList* l = invite.paramList()->skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        if (!param->name().startsWith(HeaderMark)) {
            continue;
        }
        String name = param->name().substr(static_cast<int>(markLength));
        name.toLower();
        const bool own = std::any_of(std::begin(OwnHeaders), std::end(OwnHeaders),
                                     [&](const char* header) { return name == header; });
        if (!own) {
            params.addParam(name, *param, true, "sip_");
        }
    }
    params.addParam("newcall", true);
    params.addParam("domain", host);
    params.addParam("formats", "alaw,mulaw");
    return params;
}

/// A call that came in; routes it and answers.
class IncomingCall : public Thread {
public:
    explicit IncomingCall(int fd) : Thread("Call Router"), m_socket(fd) {}
    void run() override {
        std::string line;
        Message invite("");
        String id;
        if (!m_socket.readLine(line, AnswerMs) || invite.decode(line.c_str(), id) != -2) {
            return;
        }
        const String peer = invite[YSTRING("address")] + ":" + SipPort;
        const WireResult result = routeIncoming(inviteParams(invite), peer);
        Message answer("wire.answer");
        answer.addParam("node", Engine::nodeName());
        if (!result.accepted) {
            answer.addParam("error", errorOverSip(result.error));
            answer.addParam("reason", result.reason, false);
        }
        m_socket.writeLine(answer.encode(result.accepted, id));
    }

private:
    LineSocket m_socket;
};

/// Makes a call of each connection.
class WireListener : public ListenThread {
public:
    WireListener(int fd, const String& path) : ListenThread("Wire Listener", fd, path, false) {}

protected:
    void accepted(int fd) override { (new IncomingCall(fd))->startup(); }
};

/// The command "call FROM TO": a phone calls in, as if over SIP, and the line tells what came of
/// it.
class CallCommand : public MessageHandler {
public:
    CallCommand() : MessageHandler("engine.command", 90, "wire") {}
    bool received(Message& msg) override {
        String line = msg[YSTRING("line")];
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
        const String peer = invite[YSTRING("address")] + ":" + SipPort;
        const WireResult result = routeIncoming(inviteParams(invite), peer);
        if (result.accepted) {
            msg.retValue() = "accepted\r\n";
        } else {
            msg.retValue() = "error=" + result.error + " reason='" + result.reason + "'\r\n";
        }
        return true;
    }
};

WireListener* listener = nullptr;

} // namespace

void TelEngine::wireStart() {
    const Configuration config(Engine::configFile("yate-mock"), false);
    const NamedList* wire = config.getSection("wire");
    if (!wire || wire->getParam("directory") == nullptr) {
        return;
    }
    Settings& current = settings();
    current.directory = (*wire)["directory"];
    current.address = wire->getValue("address", "127.0.0.1");
    const NamedList* hosts = config.getSection("hosts");
    const NamedList* phones = config.getSection("phones");
    current.hosts = hosts ? *hosts : NamedList::empty();
    current.phones = phones ? *phones : NamedList::empty();
    const String path = socketPath(Engine::nodeName());
    const int fd = ListenThread::listen(path);
    if (fd < 0) {
        return;
    }
    listener = new WireListener(fd, path);
    listener->startup();
    Engine::install(new SipExecute);
    Engine::install(new ConfExecute);
    Engine::install(new CallCommand);
    registrarStart(current.directory);
}

void TelEngine::wireStop() {
    if (listener) {
        listener->cancel();
        listener = nullptr;
    }
}

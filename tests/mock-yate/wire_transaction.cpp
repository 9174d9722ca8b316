// SPDX-License-Identifier: GPL-2.0-or-later
//
// Requests over the toy wire and their answers.

#include "wire_transaction.h"

#include "sip_code.h"
#include "socket.h"

#include <algorithm>
#include <memory>

using namespace TelEngine;

namespace {

// The longest time for the final answer after a provisional one.
constexpr int ProceedingMs = 30000;
constexpr unsigned long PollMs = 2;
// The number of times that a request is sent by default, and its bounds.
constexpr int DefaultCount = 4;
constexpr int LeastCount = 2;
constexpr int MostCount = 10;
// Before the name of each header, so that it isn't taken for a parameter of the wire's own.
const char HeaderMark[] = "header.";
const char RequestId[] = "1";

const char* const OwnHeaders[] = {
    "via", "route", "call-id", "record-route", "content-length", "cseq", "max-forwards"};

struct Transaction {
    unsigned int id = 0;
    std::unique_ptr<LineSocket> socket;
    uint64_t deadline = 0;
    /// A phone's answer, which needs no wire.
    int code = 0;
    SipAnswered answered;
};

class Endpoint : public Thread {
public:
    Endpoint() : Thread("YSIP EndPoint") {}
    void run() override;
};

Mutex& lock() {
    static auto* mutex = new Mutex(false, "Wire");
    return *mutex;
}

// All that are under way. Guarded by lock(), which isn't held while a waiting thread is told.
std::vector<Transaction>& transactions() {
    static auto* all = new std::vector<Transaction>;
    return *all;
}

Endpoint* endpoint = nullptr;

// Reads what the other side has sent; true if that ends the transaction.
bool receive(Transaction& t, SipAnswer& answer) {
    std::string line;
    while (t.socket && t.socket->readLine(line, 0)) {
        Message wire("");
        bool accepted = false;
        if (wire.decode(line.c_str(), accepted, RequestId) != -2) {
            continue;
        }
        if (wire == "wire.trying") {
            t.deadline = Time::now() + uint64_t{ProceedingMs} * 1000;
            continue;
        }
        answer.code = wire.getIntValue("code", SipOk);
        answer.phrase = wire.getValue("reason", sipPhrase(answer.code, ""));
        takeWireHeaders(answer.headers, wire, "sip_", false);
        return true;
    }
    return false;
}

bool ended(Transaction& t, SipAnswer& answer) {
    if (t.code) {
        answer.code = t.code;
        answer.phrase = sipPhrase(t.code, "");
        answer.headers.addParam("sip_server", "phone");
        return true;
    }
    if (receive(t, answer)) {
        return true;
    }
    if (Time::now() < t.deadline) {
        return false;
    }
    answer.code = SipTimeout;
    return true;
}

void Endpoint::run() {
    while (!Thread::check(false)) {
        SipAnswered answered;
        SipAnswer answer;
        {
            const Lock hold(lock());
            auto& all = transactions();
            for (auto t = all.begin(); t != all.end(); ++t) {
                if (ended(*t, answer)) {
                    answered = std::move(t->answered);
                    all.erase(t);
                    break;
                }
            }
        }
        if (answered) {
            answered(answer);
        } else {
            Thread::msleep(PollMs);
        }
    }
}

} // namespace

void TelEngine::wireTransactionsStart() {
    endpoint = new Endpoint;
    endpoint->startup();
}

void TelEngine::wireTransactionsStop() {
    if (endpoint) {
        endpoint->cancel();
        endpoint = nullptr;
    }
}

int TelEngine::wireTimeout(const NamedList& params) {
    const int count = params.getIntValue("xsip_trans_count", DefaultCount, 0);
    const int sent = std::clamp(count, LeastCount, MostCount);
    // Each transmission waits twice as long as the one before it.
    return static_cast<int>(int64_t{wireSettings().timeout} * ((1 << sent) - 1) /
                            ((1 << DefaultCount) - 1));
}

unsigned int TelEngine::wireSend(const WireHost& host, const Message& request, int timeoutMs,
                                 SipAnswered answered) {
    static unsigned int last = 0;
    Transaction t;
    t.code = host.code;
    t.answered = std::move(answered);
    t.deadline = Time::now() + static_cast<uint64_t>(timeoutMs) * 1000;
    if (host.node) {
        // Where nobody listens nobody hears it, and no error comes: that is how UDP is.
        const int fd = LineSocket::connect(wireSocket(host.node));
        if (fd >= 0) {
            t.socket = std::make_unique<LineSocket>(fd);
            t.socket->writeLine(request.encode(RequestId));
        }
    }
    const Lock hold(lock());
    t.id = ++last;
    transactions().push_back(std::move(t));
    return last;
}

void TelEngine::wireForget(unsigned int transaction) {
    SipAnswered forgotten;
    const Lock hold(lock());
    auto& all = transactions();
    const auto place = std::find_if(all.begin(), all.end(),
                                    [&](const Transaction& t) { return t.id == transaction; });
    if (place != all.end()) {
        forgotten = std::move(place->answered);
        all.erase(place);
    }
}

Message TelEngine::wireRequest(const char* method, const SipUri& uri, const NamedList& msg,
                               const char* defaultPrefix) {
    Message wire(String("wire.") + String(method).toLower());
    wire.addParam("method", method);
    wire.addParam("user", uri.user);
    wire.addParam("host", uri.host);
    wire.addParam("port", uri.port);
    wire.addParam("hops", msg.getIntValue("antiloop", SipMaxForwards));
    wire.addParam("address", wireSettings().address);
    wire.addParam("origin", Engine::nodeName());
    wire.addParam("callid",
                  String(static_cast<uint64_t>(Time::now())) + "@" + wireSettings().address);
    wire.addParam("type", msg.getValue("xsip_type"), false);
    wire.addParam("body", msg.getValue("xsip_body"), false);
    const String prefix = msg.getValue("osip-prefix", defaultPrefix);
    if (prefix) {
        addWireHeaders(wire, msg, prefix);
    }
    // Those that the channel writes itself unless the message has them.
    NamedList given("");
    takeWireHeaders(given, wire, "", true);
    const auto complete = [&](const char* name, const String& value) {
        if (value && !given.getParam(String(name).toLower())) {
            wire.addParam(name, value, true, HeaderMark);
        }
    };
    const String& user = msg["user"];
    complete("From",
             "<sip:" + (user ? user + "@" : user) + wireSettings().address + ":" + SipPort + ">");
    complete("To", "<sip:" + uri.user + "@" + uri.host + ">");
    complete("Content-Type", msg["xsip_type"]);
    return wire;
}

void TelEngine::addWireHeaders(Message& wire, const NamedList& from, const String& prefix) {
    for (const ObjList* l = from.paramList()->skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        String name = param->name();
        if (prefix && !name.startSkip(prefix, false)) {
            continue;
        }
        if (name.trimBlanks()) {
            wire.addParam(name, *param, true, HeaderMark);
        }
    }
}

void TelEngine::takeWireHeaders(NamedList& to, const Message& wire, const char* prefix,
                                bool fromAndTo) {
    for (const ObjList* l = wire.paramList()->skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        String name = param->name();
        if (!name.startSkip(HeaderMark, false)) {
            continue;
        }
        name.toLower();
        const bool own = std::any_of(std::begin(OwnHeaders), std::end(OwnHeaders),
                                     [&](const char* header) { return name == header; });
        if (!own && (fromAndTo || (name != "from" && name != "to"))) {
            to.addParam(name, *param, true, prefix);
        }
    }
}

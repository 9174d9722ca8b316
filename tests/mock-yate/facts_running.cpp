// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of an engine that runs: requests, calls and messages over SIP, and what becomes of them
// where nobody answers. The node calls itself: in a real engine over SIP, in the mock over its
// wire, which has 127.0.0.1 for its own address and 127.0.0.2 for a node that isn't there.

#include "facts.h"

#include <yatephone.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vector>

using namespace TelEngine;

namespace {

// How long a request of two transmissions waits, in microseconds; one more doubles it and more.
const uint64_t TwoSent = 300000;
const uint64_t ThreeSent = 700000;
const uint64_t Patience = 20000000;

String directory;
// The node itself, and one that isn't there.
String own("127.0.0.1:");
String dead("127.0.0.2:");

// A port that is free now.
int freePort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
    CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

// What a node leaves that was killed.
void leaveSocket(const char* name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory.c_str(), name);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    close(fd);
}

void configure() {
    facts::write(directory + "/yate.conf", "[general]\nmodload=no\n");
    const int port = freePort();
    own << port;
    dead << port;
    String sip("[general]\naddr=127.0.0.1\nt1=100\ngenerate=yes\n");
    sip << "port=" << port << "\n[message]\nenable=yes\nauth_required=no\n";
    facts::write(directory + "/ysipchan.conf", sip);
    String wire("[wire]\naddress=127.0.0.1\ntimeout=1500\ngenerate=yes\n");
    wire << "directory=" << directory << "\n[hosts]\n127.0.0.1=facts\n127.0.0.2=dead\n";
    facts::write(directory + "/yate-mock.conf", wire);
    leaveSocket("dead.sock");
    facts::configureDatabases(directory);
}

/// Keeps what passes of some messages.
class Seen : public MessageHandler {
public:
    explicit Seen(const char* name) : MessageHandler(name, 5), m_lock(false, "Seen") {
        Engine::install(this);
    }
    bool received(Message& msg) override {
        const Lock lock(m_lock);
        m_all.append(new NamedList(msg));
        return false;
    }
    // Waits for one whose parameter has the value; null if none comes.
    const NamedList* wait(const char* name, const char* value) {
        const uint64_t end = Time::now() + Patience;
        do {
            {
                const Lock lock(m_lock);
                for (ObjList* l = m_all.skipNull(); l; l = l->skipNext()) {
                    const auto* list = static_cast<const NamedList*>(l->get());
                    if ((*list)[name] == value) {
                        return list;
                    }
                }
            }
            Thread::msleep(5);
        } while (Time::now() < end);
        return nullptr;
    }

private:
    Mutex m_lock;
    ObjList m_all;
};

/// Routes the calls and messages that come in, by what they call.
class Routes : public MessageHandler {
public:
    Routes() : MessageHandler("call.route", 20) { Engine::install(this); }
    bool received(Message& msg) override;
};

bool Routes::received(Message& msg) {
    const String& called = msg["called"];
    if (called == "busy") {
        msg.setParam("error", "busy");
        msg.retValue() = "-";
    } else if (called == "why") {
        msg.setParam("error", "busy");
        msg.setParam("reason", "In a meeting");
        msg.retValue() = "-";
    } else if (called == "coded") {
        msg.setParam("code", "403");
        msg.retValue() = "-";
    } else if (called == "token") {
        msg.setParam("reason", "forbidden");
        msg.retValue() = "-";
    } else {
        msg.retValue() = "facts/" + called;
    }
    return true;
}

/// The target facts/NAME, which is there at once.
class Target : public MessageHandler {
public:
    explicit Target(const char* name) : MessageHandler(name, 30) { Engine::install(this); }
    bool received(Message& msg) override {
        const String& target = msg["callto"];
        if (target == "facts/fails") {
            msg.setParam("error", "offline");
        } else if (target == "facts/coded") {
            msg.setParam("code", "202");
        }
        return target.startsWith("facts/") && target != "facts/fails";
    }
};

/// Who makes a call.
class Caller : public CallEndpoint {
public:
    Caller() : CallEndpoint("facts/1") {}
    // Calls the target; the message is as it was afterwards.
    bool call(Message& msg, const String& target) {
        msg.addParam("id", id());
        msg.addParam("billid", "facts-7");
        msg.addParam("caller", "alice");
        msg.addParam("called", "bob");
        msg.addParam("callto", target);
        msg.addParam("formats", "alaw");
        msg.userData(this);
        return Engine::dispatch(msg);
    }
    String error() {
        const Lock lock(m_lock);
        return m_error;
    }

protected:
    void disconnected(bool final, const char* reason) override {
        const Lock lock(m_lock);
        if (!final) {
            m_error = reason;
        }
    }

private:
    Mutex m_lock{false, "Caller"};
    String m_error;
};

String target(const char* user, const char* address) {
    return String("sip/sip:") + user + "@" + address;
}

// Sends an OPTIONS and waits; how long it took in microseconds.
uint64_t options(Message& msg, const char* address, const char* count) {
    msg.addParam("method", "OPTIONS");
    msg.addParam("uri", String("sip:") + address);
    msg.addParam("wait", "true");
    msg.addParam("code", "7");
    msg.addParam("sip_X-Own", "1");
    msg.addParam("xsip_trans_count", count, false);
    const uint64_t start = Time::now();
    CHECK(Engine::dispatch(msg));
    return Time::now() - start;
}

void requests() {
    Message alive("xsip.generate");
    options(alive, own, "");
    CHECK_TEXT(alive["code"], "200");
    CHECK(!alive.getParam("sip_X-Own"));
    CHECK(alive.getParam("sip_server") != nullptr);
    CHECK(alive.getParam("uri") != nullptr);
    CHECK_TEXT(alive["handlers"], "sip:110");
    // There are no less than two transmissions.
    for (const char* count : {"1", "2"}) {
        Message silent("xsip.generate");
        CHECK(options(silent, dead, count) >= TwoSent);
        CHECK_TEXT(silent["code"], "408");
        CHECK(!silent.getParam("sip_X-Own"));
        CHECK(!silent.getParam("sip_server"));
        CHECK(!silent.getParam("xsip_trans_count"));
    }
    Message third("xsip.generate");
    CHECK(options(third, dead, "3") >= ThreeSent);

    Message unwaited("xsip.generate");
    unwaited.addParam("method", "OPTIONS");
    unwaited.addParam("uri", String("sip:") + dead);
    unwaited.addParam("sip_X-Own", "1");
    CHECK(Engine::dispatch(unwaited));
    CHECK(!unwaited.getParam("code"));
    CHECK(unwaited.getParam("sip_X-Own") != nullptr);
    unwaited.setParam("antiloop", "0");
    CHECK(!Engine::dispatch(unwaited));
    CHECK_TEXT(unwaited["error"], "looping");
    Message bad("xsip.generate");
    bad.addParam("uri", "sip:no.such.host.invalid");
    CHECK(!Engine::dispatch(bad));
    CHECK(!bad.getParam("error"));
    bad.addParam("method", "OPTIONS");
    CHECK(!Engine::dispatch(bad));
    CHECK_TEXT(bad["error"], "notransport");
    bad.clearParam("uri");
    CHECK(!Engine::dispatch(bad));
    CHECK_TEXT(bad["error"], "failure");
}

// A call that is accepted, and then fails as somebody answers it, or as nobody does.
void failingCall(Seen& startups, Seen& hangups, const char* to, const char* cause,
                 const char* phrase, const char* reason, const char* error) {
    auto* caller = new Caller;
    Message msg("call.execute");
    msg.addParam("xsip_trans_count", "2");
    const bool silent = TelEngine::null(phrase);
    const String& address = silent ? dead : own;
    CHECK(caller->call(msg, target(to, address)));
    msg.userData(nullptr);
    CHECK(msg["targetid"].startsWith("sip/"));
    CHECK_TEXT(msg["peerid"], msg["targetid"]);
    const NamedList* startup = startups.wait("id", msg["targetid"]);
    CHECK(startup != nullptr);
    if (startup) {
        CHECK_TEXT((*startup)["module"], "sip");
        CHECK_TEXT((*startup)["status"], "outgoing");
        CHECK_TEXT((*startup)["address"], address);
        CHECK_TEXT((*startup)["targetid"], "facts/1");
        CHECK_TEXT((*startup)["answered"], "false");
        CHECK_TEXT((*startup)["direction"], "outgoing");
        CHECK_TEXT((*startup)["billid"], "facts-7");
        CHECK_TEXT((*startup)["caller"], "alice");
        CHECK_TEXT((*startup)["called"], "bob");
        CHECK_TEXT((*startup)["calledfull"], to);
        CHECK_TEXT((*startup)["callto"], msg["callto"]);
    }
    const NamedList* hangup = hangups.wait("id", msg["targetid"]);
    CHECK(hangup != nullptr);
    if (hangup) {
        CHECK_TEXT((*hangup)["module"], "sip");
        CHECK_TEXT((*hangup)["cause_sip"], cause);
        CHECK_TEXT((*hangup)["reason_sip"], phrase);
        CHECK(!hangup->getParam("reason_sip") == silent);
        CHECK_TEXT((*hangup)["address"], address);
        CHECK_TEXT((*hangup)["targetid"], "facts/1");
        CHECK_TEXT((*hangup)["peerid"], "facts/1");
        CHECK_TEXT((*hangup)["lastpeerid"], "facts/1");
        // It would have it from a channel, but the caller here is none.
        CHECK(!hangup->getParam("billid"));
        CHECK_TEXT((*hangup)["answered"], "false");
        CHECK_TEXT((*hangup)["direction"], "outgoing");
        CHECK_TEXT((*hangup)["reason"], reason);
    }
    const uint64_t end = Time::now() + Patience;
    while (caller->error().null() && Time::now() < end) {
        Thread::msleep(5);
    }
    CHECK_TEXT(caller->error(), error);
    TelEngine::destruct(caller);
}

void calls() {
    Seen startups("chan.startup");
    Seen hangups("chan.hangup");
    failingCall(startups, hangups, "bob", "408", nullptr, "Request Timeout", "noconn");
    failingCall(startups, hangups, "busy", "486", "Busy Here", "Busy Here", "busy");
    failingCall(startups, hangups, "why", "486", "In a meeting", "In a meeting", "busy");

    auto* caller = new Caller;
    Message unknown("call.execute");
    CHECK(!caller->call(unknown, target("bob", "no.such.host.invalid")));
    CHECK_TEXT(unknown["error"], "notransport");
    CHECK_TEXT(unknown["reason"], "Failed to create party");
    CHECK(!unknown.getParam("targetid"));
    TelEngine::destruct(caller);
    Message alone("call.execute");
    alone.addParam("callto", target("bob", own));
    CHECK(!Engine::dispatch(alone));
    CHECK(!alone.getParam("error"));
}

void* run(void* arguments) {
    const auto& words = *static_cast<std::vector<String>*>(arguments);
    // The engine keeps pointers into it.
    static std::vector<const char*> argv(words.begin(), words.end());
    argv.push_back(nullptr);
    Engine::main(static_cast<int>(words.size()), argv.data(), nullptr);
    return nullptr;
}

void silence(const char*, int) {}

} // namespace

void facts::write(const String& file, const String& text) {
    FILE* out = fopen(file, "w");
    CHECK(out && fputs(text.safe(), out) >= 0 && fclose(out) == 0);
}

int facts::runningEngine() {
    char name[] = "/tmp/facts-XXXXXX";
    directory = mkdtemp(name);
    configure();
    static std::vector<String> words{"facts", "-c", directory, "-m", directory, "-N", "facts"};
    if (const char* modules = getenv("FACTS_MODULES")) {
        for (const char* module : {"ysipchan", "callfork", "server/sqlitedb", "server/pgsqldb"}) {
            words.emplace_back("-x");
            words.push_back(String(modules) + "/" + module + ".yate");
        }
    }
    if (!getenv("FACTS_LOG")) {
        Debugger::setOutput(silence);
    }
    pthread_t engine;
    pthread_create(&engine, nullptr, run, &words);
    while (!Engine::started()) {
        Thread::msleep(5);
    }
    // Deleted by the engine at its end.
    new Routes;
    new Target("call.execute");
    new Target("msg.execute");
    databases();
    requests();
    calls();
    Engine::halt(0);
    pthread_join(engine, nullptr);
    const String gone = "rm -rf " + directory;
    return system(gone) ? 1 : result();
}

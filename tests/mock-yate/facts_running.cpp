// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of an engine that runs: requests, calls and messages over SIP, and the result where nobody
// answers. The node calls itself: in a real engine over SIP, in the mock over its wire, which has
// 127.0.0.1 for its own address and 127.0.0.2 for a node that isn't there.

#include "facts_running.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vector>

using namespace facts;

namespace {

String directory;

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

// Leaves the socket of a node that was killed.
void leaveSocket(const char* name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory.c_str(), name);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    close(fd);
}

void configure() {
    write(directory + "/yate.conf", "[general]\nmodload=no\n");
    const int port = freePort();
    own << port;
    dead << port;
    String sip("[general]\naddr=127.0.0.1\nt1=100\ngenerate=yes\n");
    sip << "port=" << port << "\n[message]\nenable=yes\nauth_required=no\n";
    write(directory + "/ysipchan.conf", sip);
    String wire("[wire]\naddress=127.0.0.1\ntimeout=1500\ngenerate=yes\n");
    wire << "directory=" << directory << "\n[hosts]\n127.0.0.1=facts\n127.0.0.2=dead\n";
    write(directory + "/yate-mock.conf", wire);
    leaveSocket("dead.sock");
    configureDatabases(directory);
}

/// Routes the calls and messages that come in, by the called number.
class Routes : public MessageHandler {
public:
    Routes() : MessageHandler("call.route", 30) { Engine::install(this); }
    bool received(Message& msg) override;
};

bool Routes::received(Message& msg) {
    const String& called = msg["called"];
    if (called == "registered") {
        return false;
    }
    msg.retValue() = "-";
    if (called == "busy") {
        msg.setParam("error", "busy");
    } else if (called == "why") {
        msg.setParam("error", "busy");
        msg.setParam("reason", "In a meeting");
    } else if (called == "coded") {
        msg.setParam("code", "403");
    } else if (called == "token") {
        msg.setParam("reason", "forbidden");
    } else {
        if (called == "routed") {
            msg.setParam("billid", "facts-route");
        }
        msg.retValue() = "facts/" + called;
    }
    return true;
}

/// Gives some calls another billid.
class Preroutes : public MessageHandler {
public:
    Preroutes() : MessageHandler("call.preroute", 20) { Engine::install(this); }
    bool received(Message& msg) override {
        if (msg["called"] == "prerouted") {
            msg.setParam("billid", "facts-origin");
        }
        return false;
    }
};

/// The target facts/NAME, which is there at once.
class Target : public MessageHandler {
public:
    explicit Target(const char* name) : MessageHandler(name, 30) { Engine::install(this); }
    bool received(Message& msg) override {
        const String& target = msg["callto"];
        if (!target.startsWith("facts/")) {
            return false;
        }
        msg.setParam("osip_X-Back", "facts");
        if (target == "facts/fails") {
            msg.setParam("error", "offline");
        } else if (target == "facts/accepted") {
            msg.setParam("code", "202");
        }
        return target != "facts/fails";
    }
};

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

String facts::own("127.0.0.1:");
String facts::dead("127.0.0.2:");

void facts::write(const String& file, const String& text) {
    FILE* out = fopen(file, "w");
    CHECK(out && fputs(text.safe(), out) >= 0 && fclose(out) == 0);
}

String facts::target(const char* user, const String& address) {
    return String("sip/sip:") + user + "@" + address;
}

int facts::runningEngine() {
    char name[] = "/tmp/facts-XXXXXX";
    directory = mkdtemp(name);
    configure();
    static std::vector<String> words{"facts", "-c", directory, "-m", directory, "-N", "facts"};
    if (const char* modules = getenv("FACTS_MODULES")) {
        for (const char* module : {"ysipchan", "callfork", "cdrbuild", "server/sqlitedb",
                                   "server/pgsqldb", "server/register"}) {
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
    new Preroutes;
    new Routes;
    new Target("call.execute");
    new Target("msg.execute");
    // First, as it waits for a table that would not be made while another fact holds the lock.
    registrar();
    databases();
    requests();
    calls();
    messages();
    billids();
    // The mock has no forks.
    if (getenv("FACTS_MODULES")) {
        forks();
    }
    Engine::halt(0);
    pthread_join(engine, nullptr);
    const String gone = "rm -rf " + directory;
    return system(gone) ? 1 : result();
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of calls: the report of one that fails, the owner of a billid, and the ways of a fork.

#include "facts_running.h"

using namespace facts;

namespace {

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

// The record of a leg at its end.
String recordBillid(Seen& records, const String& leg) {
    const NamedList* record = records.wait("chan", leg);
    return record ? (*record)["billid"] : String();
}

} // namespace

void facts::calls() {
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

// Preroute may give a call another billid, for good; one that route gives is soon forgotten.
void facts::billids() {
    Seen routes("call.route");
    Seen executes("call.execute");
    Seen records("call.cdr", "operation", "finalize");
    for (const char* called : {"prerouted", "routed"}) {
        auto* caller = new Caller;
        Message msg("call.execute");
        CHECK(caller->call(msg, target(called, own)));
        msg.userData(nullptr);
        const NamedList* route = routes.wait("called", called);
        const NamedList* execute = executes.wait("callto", String("facts/") + called);
        CHECK(route && execute);
        const bool prerouted = (*execute)["called"] == "prerouted";
        if (route && execute) {
            CHECK(((*route)["billid"] == "facts-origin") == prerouted);
            CHECK_TEXT((*execute)["billid"], prerouted ? "facts-origin" : "facts-route");
        }
        TelEngine::destruct(caller);
        CHECK_TEXT(recordBillid(records, msg["targetid"]), "facts-7");
        const String billid = recordBillid(records, route ? (*route)["id"] : String());
        CHECK((billid == "facts-origin") == prerouted);
        CHECK(billid != "facts-route");
    }
}

void facts::forks() {
    Seen executes("call.execute");
    Seen answers("call.answered");
    auto* caller = new Caller;
    Message msg("call.execute");
    msg.addParam("xsip_trans_count", "2");
    const String silent = target("silent", dead);
    const String busy = target("busy", own);
    const String last = target("last", own);
    CHECK(caller->call(msg, "fork facts/fails " + busy + " " + silent + " | facts/none " + last));
    msg.userData(nullptr);
    const String master = msg["targetid"];
    CHECK(master.startsWith("fork/"));
    // A branch of its own each, dispatched here; what one has is not in the next.
    const String* targets[] = {nullptr, &busy, &silent};
    for (int i = 1; i <= 3; ++i) {
        const NamedList* branch = executes.wait("id", master + "/" + String(i));
        CHECK(branch != nullptr);
        if (branch) {
            CHECK_TEXT((*branch)["callto"],
                       targets[i - 1] ? targets[i - 1]->c_str() : "facts/fails");
            CHECK_TEXT((*branch)["fork.master"], master);
            CHECK_TEXT((*branch)["fork.origid"], "facts/1");
            CHECK_TEXT((*branch)["billid"], "facts-7");
            CHECK(!branch->getParam("osip_X-Back"));
            CHECK(!branch->getParam("error"));
            CHECK((*branch)["thread"].null());
        }
    }
    // The next group, when all of the first have failed, on the thread that brings SIP's answers.
    const NamedList* fifth = executes.wait("id", master + "/5");
    CHECK(fifth != nullptr);
    if (fifth) {
        CHECK_TEXT((*fifth)["callto"], last);
        CHECK_TEXT((*fifth)["fork.reason"], "noconn");
        CHECK_TEXT((*fifth)["thread"], "YSIP EndPoint");
    }
    const NamedList* answer = answers.wait("peerid", "facts/1");
    CHECK(answer != nullptr);
    if (answer) {
        CHECK_TEXT((*answer)["fork.master"], master);
    }
    TelEngine::destruct(caller);

    // A branch that is handled by nobody's channel has failed, too.
    caller = new Caller;
    Message failed("call.execute");
    CHECK(!caller->call(failed, "fork facts/fails facts/bob"));
    CHECK(!failed.getParam("targetid"));
    TelEngine::destruct(caller);
}

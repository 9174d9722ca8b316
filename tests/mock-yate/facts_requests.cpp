// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of requests outside of calls: xsip.generate, and SIP's MESSAGE in both directions.

#include "facts_running.h"

using namespace facts;

namespace {

// The time that a request of two transmissions waits, in microseconds; one more doubles it and
// more.
const uint64_t TwoSent = 300000;
const uint64_t ThreeSent = 700000;

// Sends an OPTIONS and waits; returns the time that it took in microseconds.
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

// Sends a message with a text to this node and waits for its final code.
Message message(const char* to, const char* headers = nullptr) {
    Message msg("msg.execute");
    msg.addParam("callto", target(to, own));
    msg.addParam("wait", "true");
    msg.addParam("caller", "alice");
    msg.addParam("called", "somebody");
    msg.addParam("sip_X-One", "1");
    msg.addParam("osip_X-Two", "2");
    msg.addParam("xsip_body", "Hello");
    msg.addParam("xsip_type", "text/plain");
    msg.addParam("osip-prefix", headers, false);
    if (headers) {
        msg.addParam("user", "carol");
    }
    CHECK(Engine::dispatch(msg));
    return msg;
}

} // namespace

void facts::requests() {
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

void facts::messages() {
    Seen routes("call.route");
    Seen executes("msg.execute");
    const Message sent = message("bob");
    CHECK_TEXT(sent["code"], "200");
    CHECK(!sent.getParam("sip_X-One"));
    CHECK(!sent.getParam("xsip_body"));
    CHECK(sent.getParam("osip_X-Two") != nullptr);
    // The headers of the other node's handler come back to the sender.
    CHECK_TEXT(sent["sip_x-back"], "facts");
    const NamedList* came = routes.wait("called", "bob");
    CHECK(came != nullptr);
    if (came) {
        CHECK_TEXT((*came)["route_type"], "msg");
        CHECK(!came->getParam("id"));
        CHECK_TEXT((*came)["module"], "sip");
        // The caller of the message is not the one of the request.
        CHECK(!came->getParam("caller"));
        CHECK_TEXT((*came)["antiloop"], "19");
        CHECK_TEXT((*came)["ip_host"], "127.0.0.1");
        CHECK_TEXT((*came)["sip_x-one"], "1");
        CHECK(!came->getParam("sip_x-two"));
        CHECK((*came)["sip_from"].startsWith("<sip:127.0.0.1:"));
        CHECK((*came)["sip_to"].startsWith("<sip:bob@127.0.0.1"));
        CHECK_TEXT((*came)["xsip_type"], "text/plain");
        CHECK_TEXT((*came)["xsip_body"], "Hello");
    }
    const NamedList* executed = executes.wait("callto", "facts/bob");
    CHECK(executed != nullptr);
    if (executed) {
        CHECK_TEXT((*executed)["sip_x-one"], "1");
        CHECK_TEXT((*executed)["xsip_body"], "Hello");
    }
    message("dan", "osip_");
    came = routes.wait("called", "dan");
    CHECK(came != nullptr);
    if (came) {
        CHECK_TEXT((*came)["caller"], "carol");
        CHECK_TEXT((*came)["sip_x-two"], "2");
        CHECK(!came->getParam("sip_x-one"));
    }
    CHECK_TEXT(message("coded")["code"], "403");
    CHECK_TEXT(message("token")["code"], "403");
    CHECK_TEXT(message("busy")["code"], "405");
    CHECK_TEXT(message("why")["code"], "405");
    CHECK_TEXT(message("fails")["code"], "405");
    CHECK_TEXT(message("accepted")["code"], "202");
    Message lost("msg.execute");
    lost.addParam("callto", target("bob", dead));
    CHECK(Engine::dispatch(lost));
    CHECK(!lost.getParam("code"));
    lost.addParam("wait", "true");
    lost.addParam("xsip_trans_count", "2");
    CHECK(Engine::dispatch(lost));
    CHECK_TEXT(lost["code"], "408");
}

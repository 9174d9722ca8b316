// SPDX-License-Identifier: GPL-2.0-or-later
//
// The settings of the wire, and the peer at the other end of it.

#include "wire_host.h"

#include "sip_code.h"

#include <unistd.h>

using namespace TelEngine;

namespace {

// Four transmissions of a request, the first of them half a second apart.
constexpr int DefaultTimeoutMs = 7500;

WireSettings& settings() {
    static auto* current = new WireSettings;
    return *current;
}

} // namespace

const WireSettings& TelEngine::wireSettings() {
    return settings();
}

bool TelEngine::wireConfigure() {
    const Configuration config(Engine::configFile("yate-mock"), false);
    WireSettings& current = settings();
    current.directory = config.getValue("wire", "directory");
    current.address = config.getValue("wire", "address", "127.0.0.1");
    current.timeout = config.getIntValue("wire", "timeout", DefaultTimeoutMs, 1);
    current.generate = config.getBoolValue("wire", "generate");
    current.options = wireCode(config.getValue("wire", "options"));
    const NamedList* hosts = config.getSection("hosts");
    const NamedList* phones = config.getSection("phones");
    current.hosts = hosts ? *hosts : NamedList::empty();
    current.phones = phones ? *phones : NamedList::empty();
    return !current.directory.null();
}

String TelEngine::wireSocket(const String& node) {
    return settings().directory + "/" + node + ".sock";
}

int TelEngine::wireCode(const String& text) {
    return text == "never" ? 0 : text.toInteger(SipOk);
}

SipUri::SipUri(String text) {
    const int open = text.find('<');
    if (open >= 0) {
        text = text.substr(open + 1, text.find('>') - open - 1);
    }
    text.startSkip("sip:", false);
    text = text.substr(0, text.find(';'));
    const int at = text.rfind('@');
    user = at >= 0 ? text.substr(0, at) : String();
    host = text.substr(at + 1);
    const int colon = host.find(':');
    port = colon >= 0 ? host.substr(colon + 1) : String(SipPort);
    host = host.substr(0, colon);
}

WireHost::WireHost(const String& host) {
    node = settings().hosts[host];
    for (const String& name : {host, host.substr(0, host.find('.'))}) {
        // The socket of a node that isn't running stays there, so the node is still known.
        if (node.null() && name && access(wireSocket(name), F_OK) == 0) {
            node = name;
        }
    }
    if (node) {
        known = true;
        return;
    }
    const NamedList& phones = settings().phones;
    const NamedString* phone = phones.getParam(host);
    if (!phone) {
        phone = phones.getParam("*");
    }
    if (phone) {
        known = true;
        code = wireCode(*phone);
    }
}

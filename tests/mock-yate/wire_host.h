// SPDX-License-Identifier: GPL-2.0-or-later
//
// The peer at the other end of the toy wire: the settings, and the meaning of a SIP URI.

#ifndef MOCK_YATE_WIRE_HOST_H
#define MOCK_YATE_WIRE_HOST_H

#include <yatengine.h>

namespace TelEngine {

/// The sections of yate-mock.conf; wire.cpp has their meaning.
struct WireSettings {
    String directory;
    String address;
    int timeout = 0;
    bool generate = false;
    int options = 0;
    NamedList hosts{""};
    NamedList phones{""};
};

const WireSettings& wireSettings();
/// Reads the settings; false if there is to be no wire.
bool wireConfigure();
/// The socket at which a node listens.
String wireSocket(const String& node);

constexpr int SipMaxForwards = 20;
constexpr char SipPort[] = "5060";

/// A SIP URI taken apart, as far as a toy needs. Angle brackets and what is around them are left
/// out.
struct SipUri {
    explicit SipUri(String text);
    String user;
    String host;
    String port;
};

/// The peer that answers at a host: a node, a phone, or nobody if it is unknown.
struct WireHost {
    explicit WireHost(const String& host);
    bool known = false;
    /// Null for a phone.
    String node;
    /// The code that a phone answers with; 0 if it never answers.
    int code = 0;
};

/// A code from the settings: a number, none for 200, or "never", which is 0.
int wireCode(const String& text);

} // namespace TelEngine

#endif

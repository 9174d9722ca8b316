// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one node does with a call of the toy wire: its legs, its routing and its records.

#ifndef MOCK_YATE_WIRE_CALL_H
#define MOCK_YATE_WIRE_CALL_H

#include <yatephone.h>

namespace TelEngine {

/// One leg of a call. It writes its call record when it goes.
class WireLeg : public CallEndpoint {
    YNOCOPY(WireLeg);

public:
    /// A leg on the channel prefix: sip/1, conf/2, ...
    WireLeg(const char* prefix, bool incoming, const NamedList& params, const String& address);
    const String& billid() const { return m_record[YSTRING("billid")]; }
    void billid(const char* value) { m_record.setParam("billid", value); }
    void answered() { m_answered = Time::now(); }
    void reason(const char* value) { m_record.setParam("reason", value); }

protected:
    void destroyed() override;

private:
    bool m_incoming;
    Time m_start;
    uint64_t m_answered = 0;
    NamedList m_record{""};
};

/// The result of a call, as a SIP answer carries it.
struct WireResult {
    bool accepted = false;
    String error;
    String reason;
};

/// Brings an incoming call from preroute to execute, as a channel's router does. The parameters
/// are those of the call request, without the ones that the leg itself adds.
WireResult routeIncoming(const NamedList& request, const String& address);

/// What an error is after it went to the other side as a SIP code.
String errorOverSip(const String& error);

} // namespace TelEngine

#endif

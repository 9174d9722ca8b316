// SPDX-License-Identifier: GPL-2.0-or-later
//
// One node's part of a call of the toy wire: its legs, its routing and its records.

#ifndef MOCK_YATE_WIRE_CALL_H
#define MOCK_YATE_WIRE_CALL_H

#include <yatephone.h>

namespace TelEngine {

/// One leg of a call, as a channel is one: it tells when it starts and when it is over, and writes
/// its call record. It lives as long as anybody holds it: its peer, or a message about it.
class WireLeg : public CallEndpoint {
    YCLASS(WireLeg, CallEndpoint)
    YNOCOPY(WireLeg);

public:
    /// The leg of an id; null if there is none.
    static RefPointer<WireLeg> find(const String& id);
    String billid() const;
    /// Adds the parameters that a channel has in any message.
    void complete(Message& msg) const;
    void status(const char* value);
    /// Ends the leg, once. The peer gets the error.
    void hangup();
    void destroyed() override;

protected:
    /// A leg on the channel prefix: sip/1, conf/2, ...
    WireLeg(const char* module, bool outgoing, const String& address, const char* billid);
    ~WireLeg() override;
    /// Notes the parameters for the call record, and tells that the leg is there.
    void startup(const NamedList& params, const char* names);
    void markAnswered();
    bool isAnswered() const;
    /// The reason why the leg ends: the error for the other end, its code in SIP, and a text.
    void reason(const char* error, int code, const char* text);
    void connected(const char* reason) override;
    void disconnected(bool final, const char* reason) override;
    void setDisconnect(const NamedList* params) override;
    /// Called once, when the leg is over.
    virtual void ended(const char* /*error*/, int /*code*/, const char* /*reason*/) {}
    /// Guards all of the leg but what never changes.
    mutable Mutex m_lock;
    /// The parameters of the other side when it ended the call.
    NamedList m_parameters{""};
    String m_targetId;
    String m_billid;

private:
    void writeRecord();
    String m_module;
    bool m_outgoing;
    String m_address;
    String m_status;
    String m_error;
    String m_reason;
    int m_code = 0;
    bool m_hungUp = false;
    Time m_start;
    uint64_t m_answered = 0;
    NamedList m_record{""};
};

/// A leg on which a call comes in. Its maker derefs it when it has been routed.
class IncomingLeg : public WireLeg {
    YCLASS(IncomingLeg, WireLeg)

public:
    /// The parameters are those of the call request, without the ones that the leg itself adds.
    IncomingLeg(const NamedList& request, const String& address);
    /// Brings the call from preroute to execute, as a channel's router does.
    void route(const NamedList& request);
    /// The other side has answered; a toy call is over then.
    void answered();

protected:
    /// Gives the final answer to the caller, once. The error is null if the code is 200.
    virtual void respond(const char* error, int code, const char* reason) = 0;
    void ended(const char* error, int code, const char* reason) override;
    /// The headers of a refusal, by name.
    NamedList m_headers{""};

private:
    void execute(Message& msg);
    void reject(const Message& msg, const char* error, const char* reason = nullptr);
};

/// Tells the incoming legs that their other side has answered.
class AnsweredHandler : public MessageHandler {
public:
    AnsweredHandler() : MessageHandler("call.answered", 100, "sip") {}
    bool received(Message& msg) override;
};

} // namespace TelEngine

#endif

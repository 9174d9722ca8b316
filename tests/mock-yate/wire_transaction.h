// SPDX-License-Identifier: GPL-2.0-or-later
//
// Requests over the toy wire. One thread, as in a SIP channel, brings all answers to the threads
// that wait for them; a handler that keeps it busy keeps everybody's answers waiting.

#ifndef MOCK_YATE_WIRE_TRANSACTION_H
#define MOCK_YATE_WIRE_TRANSACTION_H

#include "wire_host.h"

#include <functional>

namespace TelEngine {

/// The end of a request.
struct SipAnswer {
    /// 408 if nobody answered in time.
    int code = 0;
    /// The answer's phrase; null if nobody answered.
    String phrase;
    /// The answer's headers, as sip_NAME.
    NamedList headers{""};
};

using SipAnswered = std::function<void(const SipAnswer&)>;

void wireTransactionsStart();
void wireTransactionsStop();

/// The request, called wire.METHOD, that the parameters of a message make: the target, the sender,
/// and a header of each parameter that has the prefix.
Message wireRequest(const char* method, const SipUri& uri, const NamedList& msg,
                    const char* defaultPrefix);
/// Copies each parameter with the prefix to a header of the wire message; one without a value
/// becomes an empty header.
void addWireHeaders(Message& wire, const NamedList& from, const String& prefix);
/// Copies the headers of a wire message, each name after the prefix in lower case, without those
/// that a SIP channel keeps for itself. From and To are not copied unless asked for.
void takeWireHeaders(NamedList& to, const Message& wire, const char* prefix, bool fromAndTo);

/// The time that a request with these parameters waits for its answer, in milliseconds.
int wireTimeout(const NamedList& params);
/// Sends a request. Its end is told once, from the thread of all transactions, unless it is
/// forgotten first. Nobody need wait for it.
unsigned int wireSend(const WireHost& host, const Message& request, int timeoutMs,
                      SipAnswered answered);
/// Nobody waits for that request any more.
void wireForget(unsigned int transaction);

} // namespace TelEngine

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Requests outside of calls: OPTIONS, MESSAGE and whatever xsip.generate is asked for.

#ifndef MOCK_YATE_WIRE_REQUEST_H
#define MOCK_YATE_WIRE_REQUEST_H

#include "wire_host.h"

namespace TelEngine {

/// Installs xsip.generate, where the settings say so.
void wireRequestStart();
/// Sends a request with the message's parameters to a SIP URI; with `wait` the thread waits for the
/// answer, and only a hard cancel ends that. False, with an error, if it can't be sent.
bool sendRequest(Message& msg, const char* method, const String& target);

/// Installs msg.execute for SIP targets, and the command that sends a message.
void wireMessageStart();
/// Routes an instant message that came in. Returns the final code, and the answer's headers.
int incomingMessage(const Message& wire, NamedList& headers);

} // namespace TelEngine

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The drivers of the toy wire: they take call.execute. See wire_execute.cpp.

#ifndef MOCK_YATE_WIRE_EXECUTE_H
#define MOCK_YATE_WIRE_EXECUTE_H

namespace TelEngine {

/// Installs the SIP channel's and the conference's side of outgoing calls.
void wireExecuteStart();

} // namespace TelEngine

#endif

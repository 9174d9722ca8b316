// SPDX-License-Identifier: GPL-2.0-or-later
//
// The toy wire: carries calls between the nodes of one host. See wire.cpp.

#ifndef MOCK_YATE_WIRE_H
#define MOCK_YATE_WIRE_H

namespace TelEngine {

/// Starts the wire if yate-mock.conf has a [wire] section.
void wireStart();
void wireStop();

} // namespace TelEngine

#endif

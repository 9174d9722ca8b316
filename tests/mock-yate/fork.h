// SPDX-License-Identifier: GPL-2.0-or-later
//
// Calls to several targets. See fork.cpp.

#ifndef MOCK_YATE_FORK_H
#define MOCK_YATE_FORK_H

namespace TelEngine {

/// Installs the handlers of the target "fork".
void forkStart();

} // namespace TelEngine

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The external module protocol on unix sockets, as the engine's extmodule speaks it.

#ifndef MOCK_YATE_EXTMODULE_H
#define MOCK_YATE_EXTMODULE_H

namespace TelEngine {

/// Opens the listeners of extmodule.conf.
void extmoduleStart();
/// Lets go of all clients and closes the listeners.
void extmoduleStop();

} // namespace TelEngine

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The toy registrar, shared by all nodes of a wire. See registrar.cpp.

#ifndef MOCK_YATE_REGISTRAR_H
#define MOCK_YATE_REGISTRAR_H

namespace TelEngine {

/// Installs the registrar's handlers; registrations are kept in a file of the directory.
void registrarStart(const char* directory);

} // namespace TelEngine

#endif

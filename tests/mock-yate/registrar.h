// SPDX-License-Identifier: GPL-2.0-or-later
//
// The registrar, which knows the places of users: a toy for the nodes of a wire, and SQL. See
// registrar.cpp and registrar_sql.cpp.

#ifndef MOCK_YATE_REGISTRAR_H
#define MOCK_YATE_REGISTRAR_H

#include <yatengine.h>

namespace TelEngine {

/// Installs the registrar that register.conf wants; else the toy, with its registrations in a file
/// of the wire's directory, where there is a wire.
void registrarStart(const String& directory);
/// Installs the handlers of register.conf; false if there is none.
bool sqlRegistrarStart();
/// Installs the commands by which phones register.
void registrarCommandStart();

} // namespace TelEngine

#endif

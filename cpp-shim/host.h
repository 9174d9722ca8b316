// SPDX-License-Identifier: GPL-2.0-or-later

// The Yate that the module was built for, and the check that it is in that one.

#ifndef CLUSTERING_SHIM_HOST_H
#define CLUSTERING_SHIM_HOST_H

namespace clustering {

/// Whether the engine is the one that the module was built for; logs the reason if it isn't.
///
/// From one version of Yate to the next its classes change, so that a module of another one would
/// do damage at its first call. Nothing of the engine's may be used before this has been asked, but
/// for its log.
bool matchesEngine();

} // namespace clustering

#endif

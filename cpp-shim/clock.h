// SPDX-License-Identifier: GPL-2.0-or-later

// The clocks of the system that the engine doesn't offer.

#ifndef CLUSTERING_SHIM_CLOCK_H
#define CLUSTERING_SHIM_CLOCK_H

#include <cstdint>
#include <ctime>

namespace clustering {

/// Microseconds on one of the system's clocks.
inline uint64_t timeOn(clockid_t clock) {
    timespec now = {};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

/// Microseconds on a clock that never steps, unlike the engine's own.
inline uint64_t steadyTime() {
    return timeOn(CLOCK_MONOTONIC);
}

/// The time now, on the engine's clock, in microseconds: some milliseconds behind at most, for a
/// fifth of what Time::now() costs.
inline uint64_t roughlyNow() {
    return timeOn(CLOCK_REALTIME_COARSE);
}

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

#include "channel_count.h"

#include <atomic>
#include <cstdlib>

using namespace TelEngine;

namespace clustering {

// A count is under way.
static std::atomic<bool> s_counting{false};

void ChannelCount::start(clustering_core* core) {
    // As for a probe: nothing is asked of an engine that ends.
    if (Engine::exiting() || s_counting.exchange(true)) {
        return;
    }
    // Where there is no thread the next heartbeat has the count of before.
    if (!Worker::start(new ChannelCount(core))) {
        s_counting = false;
    }
}

// The channels in the text of a status: each module that has some says "chans=NUMBER" among the
// parameters of its line.
static uint64_t channels(const String& status) {
    static const String Key("chans=");
    uint64_t sum = 0;
    for (int at = status.find(Key); at >= 0; at = status.find(Key, at + 1)) {
        const bool isWhole = at > 0 && (status.at(at - 1) == ',' || status.at(at - 1) == ';');
        if (isWhole) {
            sum += std::strtoull(status.c_str() + at + Key.length(), nullptr, 10);
        }
    }
    return sum;
}

void ChannelCount::work() {
    Message status("engine.status");
    status.addParam("details", String::boolText(false));
    Engine::dispatch(status);
    clustering_counted(m_core, channels(status.retValue()));
    s_counting = false;
}

} // namespace clustering

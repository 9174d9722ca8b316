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

// The channels in the text of a status. The line of a driver has "routed=NUMBER,routing=NUMBER,
// total=NUMBER,chans=NUMBER" among its parameters. Other modules have channels of other kinds, such
// as those of RTP.
static uint64_t channels(const String& status) {
    static const String Driver(";routed=");
    static const String Key(",chans=");
    uint64_t sum = 0;
    for (int at = status.find(Driver); at >= 0; at = status.find(Driver, at + 1)) {
        const int end = status.find('\n', at);
        const int key = status.find(Key, at);
        if (key >= 0 && (end < 0 || key < end)) {
            sum += std::strtoull(status.c_str() + key + Key.length(), nullptr, 10);
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

// SPDX-License-Identifier: GPL-2.0-or-later

#include "resolver.h"

#include "clock.h"

#include <netdb.h>
#include <sys/socket.h>
#include <vector>

using namespace TelEngine;

namespace clustering {

namespace {

// The time between two looks whether an answer has come, in milliseconds.
constexpr unsigned Step = 5;

// Takes the core's next name; `false` where there is none.
bool next(const clustering_core* core, String& name) {
    OwnedText text;
    const bool found = clustering_next_lookup(core, text.out());
    name = text.string();
    return found;
}

// Hands the core the answer of the system's resolver.
void lookUp(clustering_core* core, const String& name) {
    addrinfo hints = {};
    // One entry for each address, of both families.
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
    std::vector<String> texts;
    for (const addrinfo* it = found; it; it = it->ai_next) {
        char text[NI_MAXHOST];
        if (::getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof(text), nullptr, 0,
                          NI_NUMERICHOST) == 0) {
            texts.emplace_back(text);
        }
    }
    if (found) {
        ::freeaddrinfo(found);
    }
    std::vector<clustering_borrowed_text> addresses;
    addresses.reserve(texts.size());
    for (const String& text : texts) {
        addresses.push_back(borrowed(text));
    }
    uint32_t outcome = CLUSTERING_LOOKUP_FAILED;
    if (!error) {
        outcome = CLUSTERING_LOOKUP_FOUND;
    } else if (error == EAI_NONAME
#ifdef EAI_NODATA
               || error == EAI_NODATA
#endif
    ) {
        outcome = CLUSTERING_LOOKUP_NO_NAME;
    }
    clustering_resolved(core, borrowed(name), outcome, addresses.data(), addresses.size(),
                        steadyTime());
}

} // namespace

Resolver::Resolver(clustering_core* core, const String& name)
    : Worker("Cluster Resolver"), m_core(core), m_name(name) {}

void Resolver::start(clustering_core* core) {
    // An engine that ends stops its threads and closes the libraries, with any new thread inside.
    String name;
    while (!Engine::exiting() && next(core, name)) {
        if (!Worker::start(new Resolver(core, name))) {
            clustering_resolved(core, borrowed(name), CLUSTERING_LOOKUP_FAILED, nullptr, 0,
                                steadyTime());
            return;
        }
    }
}

void Resolver::wait(const clustering_core* core, const clustering_borrowed_text& name,
                    unsigned timeout) {
    const uint64_t end = steadyTime() + static_cast<uint64_t>(timeout) * 1000;
    while (!Engine::exiting() && steadyTime() < end && clustering_resolving(core, name)) {
        Thread::msleep(Step);
    }
}

void Resolver::work() {
    do {
        lookUp(m_core, m_name);
    } while (!Engine::exiting() && next(m_core, m_name));
}

} // namespace clustering

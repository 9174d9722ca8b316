// SPDX-License-Identifier: GPL-2.0-or-later
//
// The external module protocol: the listener for clients.

#include "extmodule.h"

#include "ext_client.h"

using namespace TelEngine;

namespace {

/// Makes a client of each connection.
class ExtListener : public ListenThread {
public:
    ExtListener(int fd, const char* path) : ListenThread("ExtMod Listener", fd, path) {}

protected:
    void accepted(int fd) override { (new ExtClient(fd))->startup(); }
};

std::vector<ExtListener*>& listeners() {
    static auto* all = new std::vector<ExtListener*>;
    return *all;
}

} // namespace

void TelEngine::extmoduleStart() {
    const Configuration config(Engine::configFile("extmodule"), false);
    for (unsigned int i = 0; i < config.sections(); ++i) {
        const NamedList* section = config.getSection(i);
        if (!section || !section->startsWith("listener ")) {
            continue;
        }
        const char* path = section->getValue("path");
        if ((*section)["type"] != "unix" || (*section)["role"] != "global" ||
            TelEngine::null(path)) {
            Debug("ExtModule", DebugConf, "Section '%s' isn't of a unix socket with a global role",
                  section->c_str());
            continue;
        }
        const int fd = ListenThread::listen(path);
        if (fd < 0) {
            continue;
        }
        auto* listener = new ExtListener(fd, path);
        listeners().push_back(listener);
        listener->startup();
    }
}

void TelEngine::extmoduleStop() {
    for (ExtListener* listener : listeners()) {
        listener->cancel();
    }
    listeners().clear();
    ExtClient::dieAll();
}

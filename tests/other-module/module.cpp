// SPDX-License-Identifier: GPL-2.0-or-later

// A stranger's module: answers `other.count` and `other.panic` from Rust.

#include <yatephone.h>

#include <cstdint>
#include <initializer_list>

using namespace TelEngine;

extern "C" {
void other_start();
uint64_t other_count();
uint64_t other_panic();
uint32_t clustering_decide();
uint32_t clustering_load();
}

namespace {

// Kept by the linker, because the module names them.
uint32_t (*const volatile s_decoys[])() = {clustering_decide, clustering_load};

class Answer : public MessageHandler {
public:
    Answer(const char* name, uint64_t (*ask)()) : MessageHandler(name, 50, "other"), m_ask(ask) {}
    bool received(Message& msg) override {
        msg.retValue() = String(m_ask());
        return true;
    }

private:
    uint64_t (*m_ask)();
};

uint64_t count() {
    return s_decoys[0] ? other_count() : 0;
}

class Other : public Plugin {
public:
    Other() : Plugin("other") { other_start(); }
    void initialize() override {
        if (m_count) {
            return;
        }
        m_count = new Answer("other.count", count);
        m_panic = new Answer("other.panic", other_panic);
        Engine::install(m_count);
        Engine::install(m_panic);
    }
    bool unload() {
        for (MessageHandler* handler : {m_count, m_panic}) {
            Engine::uninstall(handler);
            TelEngine::destruct(handler);
        }
        return true;
    }

private:
    MessageHandler* m_count = nullptr;
    MessageHandler* m_panic = nullptr;
};

} // namespace

INIT_PLUGIN(Other);

UNLOAD_PLUGIN(unloadNow) {
    return !unloadNow || __plugin.unload();
}

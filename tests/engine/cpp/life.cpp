// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine-bridge/cpp/life.h"

#include "engine-bridge/src/ffi.rs.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <malloc.h>
#include <unistd.h>

using namespace TelEngine;

namespace engine_bridge {

namespace {

std::atomic<std::uint32_t> s_sleeping{0};

class Sleeper : public MessageHandler {
public:
    Sleeper(const char* name, unsigned priority, std::chrono::milliseconds time, bool heeds,
            std::shared_ptr<Installed::Slot> slot)
        : MessageHandler(name, priority, "sleeper"), m_time(time), m_heeds(heeds),
          m_slot(std::move(slot)) {}
    ~Sleeper() override {
        const std::lock_guard<std::mutex> lock(m_slot->mutex);
        m_slot->handler = nullptr;
    }
    bool received(Message& msg) override {
        s_sleeping++;
        const auto end = std::chrono::steady_clock::now() + m_time;
        while (std::chrono::steady_clock::now() < end) {
            if (m_heeds && Thread::check(false)) {
                break;
            }
            Thread::usleep(1000);
        }
        s_sleeping--;
        msg.retValue() = "node2";
        return true;
    }

private:
    std::chrono::milliseconds m_time;
    bool m_heeds;
    std::shared_ptr<Installed::Slot> m_slot;
};

} // namespace

Memory memory() {
    unsigned long resident = 0;
    if (FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%*u %lu", &resident) != 1) {
            resident = 0;
        }
        std::fclose(file);
    }
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const auto heap = mallinfo2();
    return Memory{resident * page, heap.uordblks + heap.hblkhd};
}

std::unique_ptr<Installed> install_sleeper(Bytes name, std::uint32_t priority,
                                           std::uint32_t milliseconds, bool heeds) {
    auto slot = std::make_shared<Installed::Slot>();
    slot->handler =
        new Sleeper(text_of(name), priority, std::chrono::milliseconds(milliseconds), heeds, slot);
    Engine::install(slot->handler);
    return std::make_unique<Installed>(slot);
}

std::uint32_t sleeping() {
    return s_sleeping;
}

} // namespace engine_bridge

// SPDX-License-Identifier: GPL-2.0-or-later

#include "ticker.h"

#include <algorithm>
#include <chrono>

namespace clustering {

namespace {

constexpr std::chrono::milliseconds Period(100);

} // namespace

bool Ticker::start() {
    const std::lock_guard<std::mutex> control(m_control);
    if (!m_running) {
        m_stopping = false;
        m_running = ::pthread_create(&m_thread, nullptr, run, this) == 0;
    }
    return m_running;
}

void Ticker::stop() {
    const std::lock_guard<std::mutex> control(m_control);
    if (!m_running) {
        return;
    }
    {
        const std::lock_guard<std::mutex> lock(m_mutex);
        m_stopping = true;
    }
    m_wakeup.notify_all();
    ::pthread_join(m_thread, nullptr);
    m_running = false;
}

void* Ticker::run(void* ticker) {
    static_cast<Ticker*>(ticker)->work();
    return nullptr;
}

void Ticker::work() {
    auto next = std::chrono::steady_clock::now();
    std::unique_lock<std::mutex> lock(m_mutex);
    while (!m_stopping) {
        lock.unlock();
        m_tick();
        // A tick that took long is followed by one, not by all that were missed.
        next = std::max(next + Period, std::chrono::steady_clock::now());
        lock.lock();
        m_wakeup.wait_until(lock, next, [this] { return m_stopping; });
    }
}

} // namespace clustering

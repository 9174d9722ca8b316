// SPDX-License-Identifier: GPL-2.0-or-later

// A thread that calls a function again and again.

#ifndef CLUSTERING_SHIM_TICKER_H
#define CLUSTERING_SHIM_TICKER_H

#include <condition_variable>
#include <functional>
#include <mutex>
#include <pthread.h>

namespace clustering {

/// Calls a function ten times a second, on a thread of its own.
///
/// The engine's timer won't do: it follows the time of day, and stops until that has caught up when
/// the clock is set back. Nor does a thread of the engine's, which is cancelled at the engine's
/// end, whatever it is about: this one is waited for.
class Ticker {
public:
    explicit Ticker(std::function<void()> tick) : m_tick(std::move(tick)) {}
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;
    ~Ticker() { stop(); }

    /// Starts the thread unless it runs; `false` where the system has none left.
    bool start();

    /// Ends the thread, and waits for its end. Not to be called by the function.
    void stop();

private:
    static void* run(void* ticker);
    void work();

    std::function<void()> m_tick;
    // Held while the thread is started or stopped.
    std::mutex m_control;
    std::mutex m_mutex;
    std::condition_variable m_wakeup;
    pthread_t m_thread{};
    bool m_running = false;
    bool m_stopping = false;
};

} // namespace clustering

#endif

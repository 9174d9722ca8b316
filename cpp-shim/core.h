// SPDX-License-Identifier: GPL-2.0-or-later

// The C ABI of the core in the engine's terms; the types own the texts, tasks and verdicts, and
// free them.

#ifndef CLUSTERING_SHIM_CORE_H
#define CLUSTERING_SHIM_CORE_H

#include "clustering.h"

#include <vector>
#include <yatephone.h>

namespace clustering {

/// A string's bytes; valid as long as the string is not changed.
inline clustering_borrowed_text borrowed(const TelEngine::String& text) {
    return {reinterpret_cast<const uint8_t*>(text.c_str()), text.length()};
}

/// The bytes of a file; valid as long as they are not changed.
inline clustering_borrowed_text borrowed(const std::vector<char>& content) {
    return {reinterpret_cast<const uint8_t*>(content.data()), content.size()};
}

/// An owned text's bytes; valid as long as the text is not freed.
inline clustering_borrowed_text borrowed(const clustering_owned_text& text) {
    return {text.ptr, text.len};
}

/// The characters of a text that the core hands out.
inline const char* chars(const clustering_borrowed_text& text) {
    return reinterpret_cast<const char*>(text.ptr);
}

/// A string with a copy of a text.
inline TelEngine::String string(const clustering_borrowed_text& text) {
    return TelEngine::String(chars(text), static_cast<int>(text.len));
}

/// The engine's number of a level of the core's: before Yate 6 NOTE and CALL are the other way
/// round.
constexpr int engineLevel(int level) {
    return level == 7 ? TelEngine::DebugNote : level == 8 ? TelEngine::DebugCall : level;
}

/// A text that the core has allocated, freed with the scope.
class OwnedText {
public:
    OwnedText() : m_text{nullptr, 0} {}
    explicit OwnedText(clustering_owned_text text) : m_text(text) {}
    OwnedText(const OwnedText&) = delete;
    OwnedText& operator=(const OwnedText&) = delete;
    ~OwnedText() { clustering_owned_text_free(&m_text); }

    /// The place where the core writes a text; one that was there before is freed.
    clustering_owned_text* out() {
        clustering_owned_text_free(&m_text);
        return &m_text;
    }

    /// Its bytes, which live as long as this.
    clustering_borrowed_text bytes() const { return borrowed(m_text); }

    /// A copy.
    TelEngine::String string() const { return clustering::string(bytes()); }

private:
    clustering_owned_text m_text;
};

/// A task of the core's, freed with the scope.
class Task {
public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() { clustering_task_free(&m_task); }

    /// Takes the core's next task; `false` where there is none.
    bool next(const clustering_core* core) {
        clustering_task_free(&m_task);
        return clustering_next_task(core, &m_task);
    }

    const clustering_task* operator->() const { return &m_task; }
    const clustering_task& operator*() const { return m_task; }

private:
    clustering_task m_task = {};
};

/// A verdict on the stack, released with the scope.
class Verdict {
public:
    Verdict() { m_verdict.core_made = false; }
    Verdict(const Verdict&) = delete;
    Verdict& operator=(const Verdict&) = delete;
    ~Verdict() { clustering_verdict_release(&m_verdict); }

    /// The place where the core makes a verdict; one that was there before is released.
    clustering_verdict* out() {
        clustering_verdict_release(&m_verdict);
        return &m_verdict;
    }

    const clustering_verdict& operator*() const { return m_verdict; }
    const clustering_verdict* operator->() const { return &m_verdict; }

private:
    // Nothing else is read before it is made, so it isn't cleared: it's nearly two kilobytes.
    clustering_verdict m_verdict;
};

} // namespace clustering

#endif

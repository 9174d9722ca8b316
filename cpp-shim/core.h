// SPDX-License-Identifier: GPL-2.0-or-later

// The C ABI of the core in the engine's terms: who frees what is in the types.

#ifndef CLUSTERING_SHIM_CORE_H
#define CLUSTERING_SHIM_CORE_H

#include "clustering.h"

#include <yatephone.h>

namespace clustering {

/// A string's bytes; valid as long as the string is not changed.
inline clustering_bytes bytes(const TelEngine::String& text) {
    return {reinterpret_cast<const uint8_t*>(text.c_str()), text.length()};
}

/// The characters of bytes that the core hands out.
inline const char* chars(const clustering_bytes& text) {
    return reinterpret_cast<const char*>(text.ptr);
}

/// A string with a copy of bytes.
inline TelEngine::String string(const clustering_bytes& text) {
    return TelEngine::String(chars(text), static_cast<int>(text.len));
}

/// The engine's number of a level of the core's: before Yate 6 NOTE and CALL are the other way
/// round.
constexpr int engineLevel(int level) {
    return level == 7 ? TelEngine::DebugNote : level == 8 ? TelEngine::DebugCall : level;
}

/// A text that the core has allocated.
class CoreText {
public:
    CoreText() : m_text{nullptr, 0} {}
    explicit CoreText(clustering_text text) : m_text(text) {}
    CoreText(const CoreText&) = delete;
    CoreText& operator=(const CoreText&) = delete;
    ~CoreText() { clustering_text_free(m_text); }

    /// Where an entry writes a text; only once.
    clustering_text* out() { return &m_text; }

    /// Its bytes, which live as long as this.
    clustering_bytes bytes() const { return {m_text.ptr, m_text.len}; }

    /// A copy.
    TelEngine::String string() const { return clustering::string(bytes()); }

private:
    clustering_text m_text;
};

/// A verdict on the stack, which is released with the scope.
class Verdict {
public:
    Verdict() {}
    Verdict(const Verdict&) = delete;
    Verdict& operator=(const Verdict&) = delete;
    ~Verdict() { release(); }

    /// Where an entry makes a verdict; one that was there before is released.
    clustering_verdict* out() {
        release();
        m_made = true;
        return &m_verdict;
    }

    const clustering_verdict& operator*() const { return m_verdict; }
    const clustering_verdict* operator->() const { return &m_verdict; }

private:
    void release() {
        if (m_made) {
            clustering_verdict_release(&m_verdict);
        }
        m_made = false;
    }

    // What isn't made yet is never read, so it isn't cleared either: it's nearly two kilobytes.
    clustering_verdict m_verdict;
    bool m_made = false;
};

} // namespace clustering

#endif

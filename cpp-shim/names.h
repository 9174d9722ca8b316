// SPDX-License-Identifier: GPL-2.0-or-later

// The parameter names that the core knows, and a quick way to tell them from others.

#ifndef CLUSTERING_SHIM_NAMES_H
#define CLUSTERING_SHIM_NAMES_H

#include "core.h"

#include <climits>
#include <cstring>

namespace clustering {

/// The parameter names that the core knows by number, made once.
class Names {
public:
    /// No name of the core's.
    static constexpr unsigned Other = CLUSTERING_NAME_COUNT;

    Names();

    /// The name of a number; a `*` at its end stands for whatever else a name has there, unless
    /// that has a number of its own.
    const TelEngine::String& operator[](unsigned number) const { return m_names[number]; }

    /// The number of a parameter's name, which is not empty; `Other` where it has none.
    unsigned find(const char* name, unsigned length) const {
        const Key key = keyOf(name, length);
        unsigned number = m_first[slot(key)];
        while (number != Other && !(m_keys[number] == key)) {
            number = m_next[number];
        }
        return number == Other && length >= m_openLength ? findOpen(name, length) : number;
    }

    /// Whether a parameter's name, which is not empty, is that of a number without a `*`.
    bool is(unsigned number, const char* name, unsigned length) const {
        const Key& key = m_keys[number];
        return key.length == length && key == keyOf(name, length);
    }

private:
    // The begin and the end of a name, which overlap or meet where it is no longer than any of the
    // core's: so two names are compared at once.
    struct Key {
        uint64_t begin;
        uint64_t end;
        unsigned length;

        bool operator==(const Key& other) const {
            return begin == other.begin && end == other.end && length == other.length;
        }
    };

    template <typename Number> static uint64_t load(const char* from) {
        Number number;
        std::memcpy(&number, from, sizeof(number));
        return number;
    }

    static Key keyOf(const char* name, unsigned length) {
        if (length >= 8) {
            return {load<uint64_t>(name), load<uint64_t>(name + length - 8), length};
        }
        if (length >= 4) {
            return {load<uint32_t>(name), load<uint32_t>(name + length - 4), length};
        }
        const uint64_t middle = load<uint8_t>(name + length / 2);
        return {load<uint8_t>(name), middle << 8 | load<uint8_t>(name + length - 1), length};
    }

    static unsigned slot(const Key& key) {
        // A multiplication mixes them; the upper bits are mixed best.
        const uint64_t mixed = (key.begin ^ key.end * 3 ^ key.length) * 0x9E3779B97F4A7C15;
        return static_cast<unsigned>(mixed >> (64 - s_bits));
    }

    unsigned findOpen(const char* name, unsigned length) const;

    static constexpr unsigned s_bits = 7;
    TelEngine::String m_names[CLUSTERING_NAME_COUNT];
    Key m_keys[CLUSTERING_NAME_COUNT] = {};
    // The first name of each slot, and behind each name the next one.
    uint8_t m_first[1U << s_bits];
    uint8_t m_next[CLUSTERING_NAME_COUNT];
    // The names with a `*`, `Other` in place of missing ones, and the least of their lengths
    // without the `*`; longer than any name where there is none.
    unsigned m_open[2] = {Other, Other};
    unsigned m_openLength = UINT_MAX;
};

/// Tells most names from one another by their length, first and last character.
struct ByCharacters {
    static constexpr unsigned Places = UINT8_MAX + 1;

    /// The place of a name that is not empty. The factors leave each of the core's names but three
    /// a place of its own.
    static unsigned place(const TelEngine::String& name) {
        const unsigned length = name.length();
        const char* text = name.c_str();
        const int mixed = text[0] * 3 + text[length - 1] + static_cast<int>(length) * 17;
        return static_cast<uint8_t>(mixed);
    }
};

/// Tells most names from one another by the engine's hash of them, which it keeps with each name.
///
/// It is quicker where the names were hashed before, and slower where not. The engine hashes all of
/// a message's when it notes a handler in it, after it has asked the filter.
struct ByHash {
    static constexpr unsigned Places = 1024;

    /// The place of a name.
    static unsigned place(const TelEngine::String& name) { return name.hash() % Places; }
};

/// The names that are looked for in some messages. Nearly all other parameters of a message are
/// told by their place alone.
template <typename By> class NameFilter {
public:
    /// Looks for the names that have their bit in `wanted`.
    NameFilter(const Names& names, uint64_t wanted);

    /// A bit for each name that is looked for.
    uint64_t wanted() const { return m_wanted; }

    /// The number of the only name that is looked for; `Names::Other` where there are more, or
    /// where it has a `*`.
    unsigned only() const { return m_only; }

    /// The names by their numbers.
    const Names& names() const { return m_names; }

    /// The number of a parameter's name; `Names::Other` where it isn't looked for.
    unsigned find(const TelEngine::String& name) const {
        const unsigned length = name.length();
        if (!length) {
            return Names::Other;
        }
        const unsigned number = m_first[By::place(name)];
        const char* text = name.c_str();
        if (number == Names::Other) {
            return mayBeOpen(text[0]) ? findOpen(text, length) : number;
        }
        return m_names.is(number, text, length) ? number : findBehind(number, text, length);
    }

private:
    // Letters differ in their last five bits.
    static unsigned row(char first) { return static_cast<unsigned char>(first) % 32; }

    // Whether a name of this first character may be one of those with a `*`.
    bool mayBeOpen(char first) const { return m_open >> row(first) & 1; }

    unsigned findBehind(unsigned number, const char* text, unsigned length) const;
    unsigned findOpen(const char* text, unsigned length) const;

    const Names& m_names;
    // It never has a bit for `Names::Other`.
    uint64_t m_wanted;
    unsigned m_only = Names::Other;
    // A bit for each first character of the names with a `*`.
    uint32_t m_open = 0;
    // The first name of each place, and behind each name the next one.
    uint8_t m_first[By::Places];
    uint8_t m_next[CLUSTERING_NAME_COUNT];
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// Translation between the engine's messages and the core: parameters in, edits out.

#ifndef CLUSTERING_SHIM_MESSAGE_H
#define CLUSTERING_SHIM_MESSAGE_H

#include "core.h"

#include <vector>

namespace clustering {

/// The parameter names that the core knows by number, made once.
class Names {
public:
    /// No name of the core's.
    static constexpr unsigned Other = CLUSTERING_NAMES;

    Names();

    /// The name of a number; a `*` at its end stands for whatever else a name has there.
    const TelEngine::String& operator[](unsigned number) const { return m_names[number]; }

    /// The number of a parameter's name; `Other` where it has none.
    unsigned find(const TelEngine::String& name) const;

private:
    static unsigned slot(const char* name, unsigned length) {
        const unsigned first = static_cast<unsigned char>(name[0]);
        const unsigned last = static_cast<unsigned char>(name[length - 1]);
        return (length * 7 + first * 5 + last) % s_slots;
    }

    static constexpr unsigned s_slots = 128;
    TelEngine::String m_names[CLUSTERING_NAMES];
    // The names by length, first and last character, by which nearly all others are told at a
    // glance: the first name of each slot, and behind each name the next one.
    uint8_t m_first[s_slots];
    uint8_t m_next[CLUSTERING_NAMES];
    // The one name with a `*`, and its length without that.
    unsigned m_open = Other;
    unsigned m_openLength = 0;
};

/// Where the known parameters of a message are.
///
/// Read in one walk over the list, so that nothing has to be looked up again, neither to decide the
/// message nor to write what was decided. Plain data, so that a thread can keep one.
struct Reading {
    const TelEngine::NamedList* list;
    // A node of the list behind which parameters may be added: the last one, when it was read.
    TelEngine::ObjList* last;
    // A bit for each number that was found, and for each that was found again; then where.
    uint64_t present;
    uint64_t repeated;
    TelEngine::NamedString* found[CLUSTERING_NAMES];

    /// Whether there is a parameter of this number.
    bool has(unsigned number) const { return present >> number & 1; }

    /// Walks over a list.
    void read(TelEngine::NamedList& from, const Names& names);

    /// What was found as the core takes it, in an array of `CLUSTERING_NAMES` that must live as
    /// long as the result.
    clustering_message message(clustering_bytes* known, uint64_t now) const {
        for (uint64_t left = present; left; left &= left - 1) {
            const int number = __builtin_ctzll(left);
            known[number] = bytes(*found[number]);
        }
        return {known, present, repeated, nullptr, 0, false, now};
    }
};

/// A message's parameters as the core takes them. They borrow from the list, which nobody else may
/// change meanwhile.
class Parameters {
public:
    /// The known parameters, as they were read of this list.
    Parameters(TelEngine::NamedList& list, const Reading& reading, const Names& names,
               uint64_t now);

    Parameters(const Parameters&) = delete;
    Parameters& operator=(const Parameters&) = delete;

    /// For the core.
    const clustering_message* message() const { return &m_message; }

    /// Adds all the others.
    void complete();

    /// Writes a verdict's edits into the list, after which the parameters are not to be used.
    void apply(const clustering_verdict& verdict);

private:
    void set(unsigned number, const clustering_bytes& value);
    void remove(unsigned number);

    TelEngine::NamedList& m_list;
    const Names& m_names;
    Reading m_reading;
    clustering_bytes m_known[CLUSTERING_NAMES];
    std::vector<clustering_param> m_all;
    clustering_message m_message;
};

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// Translation between the engine's messages and the core: parameters in, edits out.

#ifndef CLUSTERING_SHIM_MESSAGE_H
#define CLUSTERING_SHIM_MESSAGE_H

#include "core.h"

namespace clustering {

/// The parameter names that the core knows by number, made once.
class Names {
public:
    Names();

    /// The name of a number below `CLUSTERING_NAMES`.
    const TelEngine::String& operator[](uint32_t number) const { return m_names[number]; }

    /// The number of a name; `CLUSTERING_OTHER_NAME` where it has none.
    uint32_t find(const TelEngine::String& name) const;

private:
    static unsigned slot(const char* name, unsigned length) {
        return (length * 7 + static_cast<unsigned char>(name[0]) * 5 +
                   static_cast<unsigned char>(name[length - 1])) %
               s_slots;
    }

    static constexpr unsigned s_slots = 128;
    TelEngine::String m_names[CLUSTERING_NAMES];
    // Names by length, first and last character, which tell nearly all others at a glance: the
    // first of a slot, and the next after each.
    uint32_t m_first[s_slots];
    uint32_t m_next[CLUSTERING_NAMES];
};

/// The parameters that the core wants to see first of one kind of message.
class Wanted {
public:
    Wanted(clustering_kind kind, const Names& names);

    /// How many are wanted.
    unsigned count() const { return m_count; }

    /// Whether the name of this number is wanted.
    bool has(uint32_t number) const { return m_numbers >> number & 1; }

    /// The number of a name that is wanted; `CLUSTERING_OTHER_NAME` for others.
    uint32_t find(const TelEngine::String& name) const {
        // The length alone tells most parameters.
        if (!(m_lengths >> (name.length() & 63) & 1)) {
            return CLUSTERING_OTHER_NAME;
        }
        const uint32_t number = m_names.find(name);
        return number != CLUSTERING_OTHER_NAME && has(number) ? number : CLUSTERING_OTHER_NAME;
    }

private:
    const Names& m_names;
    unsigned m_count = 0;
    uint64_t m_numbers = 0;
    uint64_t m_lengths = 0;
};

/// A message's parameters as the core takes them, and where they are.
///
/// Read in one walk over the list, so that nothing has to be looked up again, neither to decide the
/// message nor to write what was decided. It borrows from the list, which nobody else may change.
class Parameters {
public:
    /// All parameters.
    Parameters(TelEngine::NamedList& list, const Names& names, uint64_t now);

    /// The first parameter of each wanted name.
    Parameters(
        TelEngine::NamedList& list, const Names& names, const Wanted& wanted, uint64_t now);

    Parameters(const Parameters&) = delete;
    Parameters& operator=(const Parameters&) = delete;
    ~Parameters();

    /// For the core.
    const clustering_message* message() const { return &m_message; }

    /// Writes a verdict's edits into the list, after which the parameters are not to be used.
    void apply(const clustering_verdict& verdict);

private:
    void clear();
    void know(uint32_t number, TelEngine::NamedString* param);
    bool append(const TelEngine::NamedString& param);
    // Whether a parameter of this name would have been found.
    bool wasRead(uint32_t number) const { return !m_wanted || m_wanted->has(number); }
    void set(uint32_t number, const clustering_bytes& value);
    void remove(const clustering_edit& edit);

    TelEngine::NamedList& m_list;
    const Names& m_names;
    // NULL where all parameters were read.
    const Wanted* m_wanted;
    clustering_message m_message;
    // The last node of the list, behind which parameters are added; NULL where it isn't known.
    TelEngine::ObjList* m_last = nullptr;
    TelEngine::NamedString* m_found[CLUSTERING_NAMES];
    clustering_bytes m_known[CLUSTERING_NAMES];
    static constexpr size_t s_room = 64;
    clustering_param m_inline[s_room];
    clustering_param* m_params = m_inline;
    size_t m_room = s_room;
};

} // namespace clustering

#endif

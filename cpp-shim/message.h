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

    /// The name of an edit; `other` is made to hold one that has no number.
    const TelEngine::String& of(const clustering_edit& edit, TelEngine::String& other) const {
        if (edit.name < s_most) {
            return m_names[edit.name];
        }
        return other = string(edit.name_text);
    }

    const TelEngine::String& operator[](uint32_t number) const { return m_names[number]; }

    /// The core has not more names than there is room for.
    bool complete() const;

private:
    static constexpr uint32_t s_most = 64;
    TelEngine::String m_names[s_most];
};

/// The parameters that the core wants to see first of one kind of message.
class Wanted {
public:
    Wanted(clustering_kind kind, const Names& names);

    /// The place of a parameter's name among the wanted ones; negative where it isn't wanted.
    int find(const TelEngine::String& name) const;

    /// How many are wanted, at most 32.
    unsigned count() const { return m_count; }

private:
    static constexpr unsigned s_most = 32;
    const TelEngine::String* m_names[s_most];
    unsigned m_count = 0;
    // A bit for each length that a wanted name has: most parameters are told by that alone.
    uint64_t m_lengths = 0;
};

/// A message's parameters as the core takes them. They borrow from the message.
class Parameters {
public:
    /// All parameters.
    explicit Parameters(const TelEngine::NamedList& message);

    /// The first parameter of each wanted name.
    Parameters(const TelEngine::NamedList& message, const Wanted& wanted);

    Parameters(const Parameters&) = delete;
    Parameters& operator=(const Parameters&) = delete;
    ~Parameters();

    const clustering_param* data() const { return m_params; }
    size_t count() const { return m_count; }

private:
    void append(const TelEngine::NamedString& param);

    static constexpr size_t s_room = 64;
    clustering_param m_inline[s_room];
    clustering_param* m_params = m_inline;
    size_t m_count = 0;
    size_t m_room = s_room;
};

/// Writes a verdict's edits into a list of parameters.
void apply(const clustering_verdict& verdict, const Names& names, TelEngine::NamedList& list);

} // namespace clustering

#endif

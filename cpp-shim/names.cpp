// SPDX-License-Identifier: GPL-2.0-or-later

#include "names.h"

#include <algorithm>

using namespace TelEngine;

namespace clustering {

static_assert(Names::Other < 64, "each name has a bit, and one is left for the others");
static_assert(CLUSTERING_NAME_MAX_LENGTH <= 16, "begin and end are the whole name");

Names::Names() {
    std::memset(m_first, Other, sizeof(m_first));
    for (unsigned number = 0; number < Other; number++) {
        const String& name = m_names[number] = string(clustering_name(number));
        if (name.endsWith("*")) {
            m_open[m_open[0] == Other ? 0 : 1] = number;
            m_openLength = std::min(m_openLength, name.length() - 1);
            continue;
        }
        m_keys[number] = keyOf(name.c_str(), name.length());
        uint8_t& first = m_first[slot(m_keys[number])];
        m_next[number] = first;
        first = static_cast<uint8_t>(number);
    }
}

unsigned Names::findOpen(const char* name, unsigned length) const {
    for (const unsigned number : m_open) {
        const unsigned start = number == Other ? UINT_MAX : m_names[number].length() - 1;
        if (length >= start && !std::memcmp(m_names[number].c_str(), name, start)) {
            return number;
        }
    }
    return Other;
}

template <typename By>
NameFilter<By>::NameFilter(const Names& names, uint64_t wanted)
    : m_names(names), m_wanted(wanted & ~(~uint64_t{0} << Names::Other)) {
    std::memset(m_first, Names::Other, sizeof(m_first));
    for (unsigned number = 0; number < Names::Other; number++) {
        const String& name = names[number];
        if (!(wanted >> number & 1)) {
            continue;
        }
        if (name.endsWith("*")) {
            m_open |= uint32_t{1} << row(name.c_str()[0]);
            continue;
        }
        if (m_wanted == uint64_t{1} << number) {
            m_only = number;
        }
        uint8_t& first = m_first[By::place(name)];
        m_next[number] = first;
        first = static_cast<uint8_t>(number);
    }
}

// Few names get here: those that share a place with another one.
template <typename By>
unsigned NameFilter<By>::findBehind(unsigned number, const char* text, unsigned length) const {
    do {
        number = m_next[number];
    } while (number != Names::Other && !m_names.is(number, text, length));
    return number == Names::Other && mayBeOpen(text[0]) ? findOpen(text, length) : number;
}

// One of the core's names that isn't looked for is no other one.
template <typename By> unsigned NameFilter<By>::findOpen(const char* text, unsigned length) const {
    const unsigned number = m_names.find(text, length);
    return m_wanted >> number & 1 ? number : Names::Other;
}

template class NameFilter<ByCharacters>;
template class NameFilter<ByHash>;

} // namespace clustering

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The last match of a String, shared by the sources of String and Regexp.

#ifndef MOCK_YATE_STRING_MATCH_H
#define MOCK_YATE_STRING_MATCH_H

#include <yateclass.h>

#include <regex.h>

namespace TelEngine {

/// The places of the whole match and of at most 8 groups.
struct StringMatch {
    static constexpr int MaxGroups = 8;
    int count = 0;
    regmatch_t place[MaxGroups + 1];
};

} // namespace TelEngine

#endif

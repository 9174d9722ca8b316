// SPDX-License-Identifier: GPL-2.0-or-later
//
// POSIX regular expressions, and what a String does with their matches.

#include "string_match.h"

using namespace TelEngine;

// NOLINTNEXTLINE(bugprone-parent-virtual-call): the text can't be overridden yet.
Regexp::Regexp(const char* value, bool extended, bool insensitive) : String(value) {
    setFlags(extended, insensitive);
}

Regexp::Regexp(const Regexp& value) : String(value.c_str()), m_flags(value.m_flags) {}

Regexp::~Regexp() {
    cleanup();
}

void Regexp::cleanup() {
    if (m_regexp) {
        auto* compiled = static_cast<regex_t*>(m_regexp);
        m_regexp = nullptr;
        regfree(compiled);
        delete compiled;
    }
    m_compile = true;
}

void Regexp::changed() {
    cleanup();
    String::changed();
}

void Regexp::setFlags(bool extended, bool insensitive) {
    const int flags = (extended ? REG_EXTENDED : 0) | (insensitive ? REG_ICASE : 0);
    if (flags != m_flags) {
        cleanup();
        m_flags = flags;
    }
}

bool Regexp::isExtended() const {
    return (m_flags & REG_EXTENDED) != 0;
}

bool Regexp::isCaseInsensitive() const {
    return (m_flags & REG_ICASE) != 0;
}

bool Regexp::doCompile() const {
    m_compile = false;
    if (TelEngine::null(c_str())) {
        return false;
    }
    auto* compiled = new regex_t;
    if (regcomp(compiled, c_str(), m_flags)) {
        Debug(DebugWarn, "Regexp::compile() \"%s\" failed", c_str());
        delete compiled;
        return false;
    }
    m_regexp = compiled;
    return true;
}

bool Regexp::matches(const char* value) const {
    return matchGroups(value, nullptr);
}

bool Regexp::matchGroups(const char* value, StringMatch* groups) const {
    if (!compile()) {
        return false;
    }
    auto* compiled = static_cast<regex_t*>(m_regexp);
    const size_t places = groups ? StringMatch::MaxGroups + 1 : 0;
    if (regexec(compiled, c_safe(value), places, groups ? groups->place : nullptr, 0)) {
        return false;
    }
    if (groups) {
        for (int i = 1; i <= StringMatch::MaxGroups; ++i) {
            if (groups->place[i].rm_so >= 0) {
                groups->count = i;
            }
        }
        // The first group is the whole match when no group took part.
        if (groups->count == 0) {
            groups->count = 1;
            groups->place[1] = groups->place[0];
        }
    }
    return true;
}

bool String::matches(const Regexp& rexp) {
    delete m_matches;
    m_matches = new StringMatch;
    if (rexp.matchGroups(c_str(), m_matches)) {
        return true;
    }
    delete m_matches;
    m_matches = nullptr;
    return false;
}

int String::matchCount() const {
    return m_matches ? m_matches->count : 0;
}

int String::matchOffset(int index) const {
    return (m_matches && index >= 0 && index <= m_matches->count) ? m_matches->place[index].rm_so
                                                                  : -1;
}

int String::matchLength(int index) const {
    if (matchOffset(index) < 0) {
        return 0;
    }
    return m_matches->place[index].rm_eo - m_matches->place[index].rm_so;
}

String String::replaceMatches(const String& templ) const {
    String result;
    const char* from = templ.safe();
    while (*from) {
        const char* end = from;
        while (*end && *end != '\\') {
            ++end;
        }
        result.append(from, static_cast<int>(end - from));
        if (!*end) {
            break;
        }
        const char what = end[1];
        if (what >= '0' && what <= '9') {
            result << matchString(what - '0');
        } else if (what == '\\') {
            result << '\\';
        } else {
            result << '\\' << what;
        }
        from = what ? end + 2 : end + 1;
    }
    return result;
}

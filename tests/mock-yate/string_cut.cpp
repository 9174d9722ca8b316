// SPDX-License-Identifier: GPL-2.0-or-later
//
// Searching and cutting Strings.

#include <yateclass.h>

#include <cstring>
#include <strings.h>

using namespace TelEngine;

namespace {

bool isWordBreak(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool isSpace(char c) {
    return isWordBreak(c) || c == '\v' || c == '\f';
}

// Takes the characters that count as space off both ends.
template <class Space> String& trim(String& text, Space space) {
    const char* start = text.safe();
    const char* end = start + text.length();
    while (start < end && space(*start)) {
        ++start;
    }
    while (end > start && space(end[-1])) {
        --end;
    }
    const auto rest = static_cast<unsigned int>(end - start);
    return rest == text.length() ? text : text.assign(start, static_cast<int>(rest));
}

} // namespace

int String::find(char what, unsigned int offs) const {
    if (!m_string || offs > m_length) {
        return -1;
    }
    const char* place = strchr(m_string + offs, what);
    return place ? static_cast<int>(place - m_string) : -1;
}

int String::find(const char* what, unsigned int offs) const {
    if (!m_string || TelEngine::null(what) || offs > m_length) {
        return -1;
    }
    const char* place = strstr(m_string + offs, what);
    return place ? static_cast<int>(place - m_string) : -1;
}

int String::rfind(char what) const {
    const char* place = m_string ? strrchr(m_string, what) : nullptr;
    return place ? static_cast<int>(place - m_string) : -1;
}

int String::rfind(const char* what) const {
    int found = -1;
    for (int pos = find(what); pos >= 0; pos = find(what, static_cast<unsigned int>(pos) + 1)) {
        found = pos;
    }
    return found;
}

bool String::startsWith(const char* what, bool wordBreak, bool caseInsensitive) const {
    if (!m_string || TelEngine::null(what)) {
        return false;
    }
    const size_t len = strlen(what);
    if (len > m_length || (wordBreak && len < m_length && !isWordBreak(m_string[len]))) {
        return false;
    }
    return !(caseInsensitive ? strncasecmp(m_string, what, len) : strncmp(m_string, what, len));
}

bool String::endsWith(const char* what, bool wordBreak, bool caseInsensitive) const {
    if (!m_string || TelEngine::null(what)) {
        return false;
    }
    const size_t len = strlen(what);
    if (len > m_length ||
        (wordBreak && len < m_length && !isWordBreak(m_string[m_length - len - 1]))) {
        return false;
    }
    const char* tail = m_string + m_length - len;
    return !(caseInsensitive ? strcasecmp(tail, what) : strcmp(tail, what));
}

bool String::startSkip(const char* what, bool wordBreak, bool caseInsensitive) {
    if (!startsWith(what, wordBreak, caseInsensitive)) {
        return false;
    }
    const char* rest = m_string + strlen(what);
    while (wordBreak && isWordBreak(*rest)) {
        ++rest;
    }
    assign(rest);
    return true;
}

String String::substr(int offs, int len) const {
    const int total = static_cast<int>(m_length);
    if (offs < 0) {
        offs = (offs + total < 0) ? 0 : offs + total;
    }
    if (offs >= total || len == 0) {
        return {};
    }
    return String(m_string + offs, (len < 0 || len > total - offs) ? total - offs : len);
}

String& String::trimBlanks() {
    return trim(*this, isBlank);
}

String& String::trimSpaces() {
    return trim(*this, isSpace);
}

String& String::toUpper() {
    for (char* c = m_string; c && *c; ++c) {
        if (*c >= 'a' && *c <= 'z') {
            *c = static_cast<char>(*c - 'a' + 'A');
        }
    }
    changed();
    return *this;
}

String& String::toLower() {
    for (char* c = m_string; c && *c; ++c) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = static_cast<char>(*c - 'A' + 'a');
        }
    }
    changed();
    return *this;
}

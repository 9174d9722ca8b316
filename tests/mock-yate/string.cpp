// SPDX-License-Identifier: GPL-2.0-or-later
//
// Building and comparing Strings. Cutting, numbers and escapes have files of their own.

#include "string_match.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <strings.h>

using namespace TelEngine;

namespace {

// Returns the text's length, at most as many characters as asked for.
size_t textLength(const char* text, int maxLen) {
    if (!text) {
        return 0;
    }
    return (maxLen < 0) ? strlen(text) : strnlen(text, static_cast<size_t>(maxLen));
}

// A new text of the two parts, null if both are empty.
char* joined(const char* value, int len, const char* extraVal, int extraLen, size_t& total) {
    const size_t first = textLength(value, len);
    const size_t second = textLength(extraVal, extraLen);
    total = first + second;
    if (!total) {
        return nullptr;
    }
    char* data = static_cast<char*>(malloc(total + 1));
    if (first) {
        memcpy(data, value, first);
    }
    if (second) {
        memcpy(data + first, extraVal, second);
    }
    data[total] = '\0';
    return data;
}

template <class Number> String formatted(const char* format, Number value) {
    char buf[64];
    snprintf(buf, sizeof(buf), format, value);
    return buf;
}

} // namespace

String::String(const char* value, int len, const char* extraVal, int extraLen) {
    size_t total = 0;
    m_string = joined(value, len, extraVal, extraLen, total);
    m_length = static_cast<unsigned int>(total);
}

String::String(char value, unsigned int repeat) {
    if (!value || !repeat) {
        return;
    }
    m_string = static_cast<char*>(malloc(repeat + 1));
    memset(m_string, value, repeat);
    m_string[repeat] = '\0';
    m_length = repeat;
}

String::String(int32_t value) : String(formatted("%d", value)) {}
String::String(uint32_t value) : String(formatted("%u", value)) {}
String::String(int64_t value) : String(formatted("%ld", value)) {}
String::String(uint64_t value) : String(formatted("%lu", value)) {}
String::String(bool value) : String(boolText(value)) {}
String::String(double value) : String(formatted("%g", value)) {}

// NOLINTNEXTLINE(bugprone-copy-constructor-init): the base has nothing to copy.
String::String(const String& value) : GenObject() {
    if (value.null()) {
        return;
    }
    m_string = static_cast<char*>(malloc(value.m_length + 1));
    memcpy(m_string, value.m_string, value.m_length + 1);
    m_length = value.m_length;
    m_hash.store(value.m_hash.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

String::String(const String* value) : String(value ? value->c_str() : nullptr) {}

String::~String() {
    delete m_matches;
    free(m_string);
}

YCLASSIMP(String, GenObject)

const String& String::empty() {
    // Never freed: other statics may use it while they are destroyed.
    static const String* nothing = new String;
    return *nothing;
}

unsigned int String::hash(const char* value, unsigned int h) {
    if (!value) {
        return 0;
    }
    for (; *value; ++value) {
        h = static_cast<unsigned char>(*value) + (h << 6) + (h << 16) - h;
    }
    return h;
}

void String::changed() {
    delete m_matches;
    m_matches = nullptr;
    m_hash.store(NoHash, std::memory_order_relaxed);
}

String& String::take(char* data, unsigned int len) {
    free(m_string);
    m_string = data;
    m_length = len;
    changed();
    return *this;
}

void String::clear() {
    if (m_string) {
        take(nullptr, 0);
    }
}

String& String::assign(const char* value, int len, const char* extraVal, int extraLen) {
    // The old text is freed after this, as the new one may be a part of it.
    size_t total = 0;
    char* data = joined(value, len, extraVal, extraLen, total);
    if (!data) {
        clear();
        return *this;
    }
    return take(data, static_cast<unsigned int>(total));
}

String& String::assign(char value, unsigned int repeat) {
    clear();
    return insert(0, value, repeat);
}

String& String::operator=(const char* value) {
    if (value && value == m_string) {
        return *this;
    }
    return assign(value);
}

String& String::operator=(char value) {
    return assign(value, 1);
}

String& String::operator=(int32_t value) {
    return operator=(formatted("%d", value));
}

String& String::operator=(uint32_t value) {
    return operator=(formatted("%u", value));
}

String& String::operator=(int64_t value) {
    return operator=(formatted("%ld", value));
}

String& String::operator=(uint64_t value) {
    return operator=(formatted("%lu", value));
}

String& String::operator=(double value) {
    return operator=(formatted("%g", value));
}

String& String::operator+=(char value) {
    return insert(m_length, &value, 1);
}

String& String::operator+=(int32_t value) {
    return append(formatted("%d", value), -1);
}

String& String::operator+=(uint32_t value) {
    return append(formatted("%u", value), -1);
}

String& String::operator+=(int64_t value) {
    return append(formatted("%ld", value), -1);
}

String& String::operator+=(uint64_t value) {
    return append(formatted("%lu", value), -1);
}

String& String::operator+=(double value) {
    return append(formatted("%g", value), -1);
}

String& String::append(const char* value, int len) {
    return insert(m_length, value, len);
}

String& String::append(const char* value, const char* separator, bool force) {
    if (value || force) {
        if (m_string) {
            append(separator, -1);
        }
        append(value, -1);
    }
    return *this;
}

String& String::append(const ObjList* list, const char* separator, bool force) {
    for (const ObjList* l = list ? list->skipNull() : nullptr; l; l = l->skipNext()) {
        append(l->get()->toString().c_str(), separator, force);
    }
    return *this;
}

String& String::append(double value, unsigned int decimals) {
    char buf[80];
    snprintf(buf, sizeof(buf), "%.*f", static_cast<int>(decimals > 60 ? 60 : decimals), value);
    return append(buf, -1);
}

String& String::insert(unsigned int pos, const char* value, int len) {
    const size_t added = textLength(value, len);
    if (!added) {
        return *this;
    }
    if (pos > m_length) {
        pos = m_length;
    }
    char* data = static_cast<char*>(malloc(m_length + added + 1));
    if (m_string) {
        memcpy(data, m_string, pos);
        memcpy(data + pos + added, m_string + pos, m_length - pos);
    }
    memcpy(data + pos, value, added);
    data[m_length + added] = '\0';
    return take(data, static_cast<unsigned int>(m_length + added));
}

String& String::insert(unsigned int pos, char value, unsigned int len) {
    if (!value || !len) {
        return *this;
    }
    char* run = static_cast<char*>(malloc(len));
    memset(run, value, len);
    insert(pos, run, static_cast<int>(len));
    free(run);
    return *this;
}

String& String::print(size_t most, const char* format, va_list args) {
    if (TelEngine::null(format)) {
        clear();
        return *this;
    }
    char* data = static_cast<char*>(malloc(most + 1));
    vsnprintf(data, most + 1, format, args);
    return take(data, static_cast<unsigned int>(strlen(data)));
}

String& String::printf(const char* format, ...) {
    va_list args;
    va_start(args, format);
    print(textLength(format, -1) + 128, format, args);
    va_end(args);
    return *this;
}

String& String::printf(unsigned int length, const char* format, ...) {
    va_list args;
    va_start(args, format);
    print(length < 128 ? 128 : length, format, args);
    va_end(args);
    return *this;
}

String TelEngine::operator+(const String& s1, const String& s2) {
    return String(s1.c_str(), -1, s2.c_str());
}

String TelEngine::operator+(const String& s1, const char* s2) {
    return String(s1.c_str(), -1, s2);
}

String TelEngine::operator+(const char* s1, const String& s2) {
    return String(s1, -1, s2.c_str());
}

bool String::operator==(const char* value) const {
    return m_string ? (value && !strcmp(m_string, value)) : TelEngine::null(value);
}

bool String::operator&=(const char* value) const {
    return m_string ? (value && !strcasecmp(m_string, value)) : TelEngine::null(value);
}

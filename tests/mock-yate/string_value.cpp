// SPDX-License-Identifier: GPL-2.0-or-later
//
// Strings as numbers, booleans and tokens, and taking such values off the front.

#include <yateclass.h>

#include <cstdlib>
#include <cstring>

using namespace TelEngine;

namespace {

const char* const TrueWords[] = {"true", "yes", "on", "enable", "t"};
const char* const FalseWords[] = {"false", "no", "off", "disable", "f"};

// An int; its two extremes count as overflow, which leaves the end at the start.
int readInt(const char* text, const char*& end, int base) {
    errno = 0;
    char* stop = nullptr;
    const long value = strtol(text, &stop, base);
    const bool fits = errno == 0 && value < INT_MAX && value > INT_MIN;
    end = fits ? stop : text;
    return fits ? static_cast<int>(value) : 0;
}

template <class Number>
Number limited(Number value, Number defvalue, Number minvalue, Number maxvalue, bool clamp) {
    if (value >= minvalue && value <= maxvalue) {
        return value;
    }
    if (!clamp) {
        return defvalue;
    }
    return (value < minvalue) ? minvalue : maxvalue;
}

// The length of the word the text starts with, 0 if it isn't one of the list.
template <size_t Count> size_t leadingWord(const char* text, const char* const (&words)[Count]) {
    for (const char* word : words) {
        const size_t len = strlen(word);
        if (!strncmp(text, word, len) && (!text[len] || strchr(" \t\r\n", text[len]))) {
            return len;
        }
    }
    return 0;
}

template <size_t Count> bool isWord(const char* text, const char* const (&words)[Count]) {
    for (const char* word : words) {
        if (text && !strcmp(text, word)) {
            return true;
        }
    }
    return false;
}

} // namespace

int String::toInteger(int defvalue, int base, int minvalue, int maxvalue, bool clamp) const {
    if (null()) {
        return defvalue;
    }
    const char* end = nullptr;
    const int value = readInt(c_str(), end, base);
    return *end ? defvalue : limited(value, defvalue, minvalue, maxvalue, clamp);
}

int String::toInteger(const TokenDict* tokens, int defvalue, int base) const {
    for (; tokens && tokens->token; ++tokens) {
        if (operator==(tokens->token)) {
            return tokens->value;
        }
    }
    return toInteger(defvalue, base);
}

long int String::toLong(long int defvalue, int base, long int minvalue, long int maxvalue,
                        bool clamp) const {
    return toInt64(defvalue, base, minvalue, maxvalue, clamp);
}

int64_t String::toInt64(int64_t defvalue, int base, int64_t minvalue, int64_t maxvalue,
                        bool clamp) const {
    if (null()) {
        return defvalue;
    }
    errno = 0;
    char* end = nullptr;
    const int64_t value = strtol(c_str(), &end, base);
    return (errno == ERANGE || *end) ? defvalue
                                     : limited(value, defvalue, minvalue, maxvalue, clamp);
}

uint64_t String::toUInt64(uint64_t defvalue, int base, uint64_t minvalue, uint64_t maxvalue,
                          bool clamp) const {
    if (null()) {
        return defvalue;
    }
    errno = 0;
    char* end = nullptr;
    const uint64_t value = strtoul(c_str(), &end, base);
    return (errno == ERANGE || *end) ? defvalue
                                     : limited(value, defvalue, minvalue, maxvalue, clamp);
}

double String::toDouble(double defvalue) const {
    if (null()) {
        return defvalue;
    }
    char* end = nullptr;
    const double value = strtod(c_str(), &end);
    return *end ? defvalue : value;
}

bool String::toBoolean(bool defvalue) const {
    if (isWord(c_str(), TrueWords)) {
        return true;
    }
    return isWord(c_str(), FalseWords) ? false : defvalue;
}

bool String::isBoolean() const {
    return isWord(c_str(), TrueWords) || isWord(c_str(), FalseWords);
}

String& String::operator>>(const char* skip) {
    const char* place = (c_str() && !TelEngine::null(skip)) ? strstr(c_str(), skip) : nullptr;
    return place ? assign(place + strlen(skip)) : *this;
}

String& String::operator>>(char& store) {
    if (null()) {
        return *this;
    }
    store = at(0);
    return assign(c_str() + 1);
}

String& String::operator>>(int& store) {
    if (null()) {
        return *this;
    }
    const char* end = nullptr;
    const int value = readInt(c_str(), end, 0);
    if (end == c_str()) {
        return *this;
    }
    store = value;
    return assign(end);
}

String& String::operator>>(unsigned int& store) {
    if (null()) {
        return *this;
    }
    errno = 0;
    char* end = nullptr;
    const unsigned long value = strtoul(c_str(), &end, 0);
    if (errno || value > UINT_MAX || end == c_str()) {
        return *this;
    }
    store = static_cast<unsigned int>(value);
    return assign(end);
}

String& String::operator>>(bool& store) {
    const char* text = safe();
    while (isBlank(*text)) {
        ++text;
    }
    if (const size_t no = leadingWord(text, FalseWords)) {
        store = false;
        return assign(text + no);
    }
    if (const size_t yes = leadingWord(text, TrueWords)) {
        store = true;
        return assign(text + yes);
    }
    return *this;
}

ObjList* String::split(ObjList& list, char separator, bool emptyOk, bool trimBlanks,
                       bool unique) const {
    ObjList* end = &list;
    const char* from = safe();
    for (bool more = true; more;) {
        const char* stop = separator ? strchr(from, separator) : nullptr;
        more = stop != nullptr;
        auto* part = new String(from, more ? static_cast<int>(stop - from) : -1);
        if (trimBlanks) {
            part->trimBlanks();
        }
        if ((part->null() && !emptyOk) || (unique && list.find(*part))) {
            TelEngine::destruct(part);
        } else {
            end = end->append(part);
        }
        from = more ? stop + 1 : from;
    }
    return end;
}

ObjList* String::split(char separator, bool emptyOk) const {
    auto* list = new ObjList;
    split(*list, separator, emptyOk);
    return list;
}

int TelEngine::lookup(const char* str, const TokenDict* tokens, int defvalue, int base) {
    return str ? String(str).toInteger(tokens, defvalue, base) : defvalue;
}

const char* TelEngine::lookup(int value, const TokenDict* tokens, const char* defvalue) {
    for (; tokens && tokens->token; ++tokens) {
        if (tokens->value == value) {
            return tokens->token;
        }
    }
    return defvalue;
}

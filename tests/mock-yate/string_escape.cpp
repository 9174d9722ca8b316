// SPDX-License-Identifier: GPL-2.0-or-later
//
// Escapes of the external module protocol, of SQL and of URIs.

#include <yateclass.h>

#include <cstring>
#include <string>

using namespace TelEngine;

namespace {

bool holds(const char* set, char c) {
    return set && strchr(set, c);
}

int hexDigit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return (c >= 'A' && c <= 'F') ? c - 'A' + 10 : -1;
}

} // namespace

String String::msgEscape(const char* str, char extraEsc) {
    std::string result;
    for (const char* c = c_safe(str); *c; ++c) {
        const bool shifted = static_cast<unsigned char>(*c) < ' ' || *c == ':' || *c == extraEsc;
        if (shifted) {
            result += '%';
            result += static_cast<char>(*c + '@');
        } else if (*c == '%') {
            result += "%%";
        } else {
            result += *c;
        }
    }
    return result.c_str();
}

String String::msgUnescape(const char* str, int* errptr, char extraEsc) {
    std::string result;
    const char* from = c_safe(str);
    for (const char* c = from; *c; ++c) {
        if (static_cast<unsigned char>(*c) < ' ') {
            if (errptr) {
                *errptr = static_cast<int>(c - from);
            }
            return result.c_str();
        }
        if (*c != '%') {
            result += *c;
            continue;
        }
        ++c;
        if ((*c > '@' && *c <= '_') || *c == 'z' || (extraEsc && *c == extraEsc + '@')) {
            result += static_cast<char>(*c - '@');
        } else if (*c == '%') {
            result += '%';
        } else {
            result += '%';
            if (errptr) {
                *errptr = static_cast<int>(c - from);
            }
            return result.c_str();
        }
    }
    if (errptr) {
        *errptr = -1;
    }
    return result.c_str();
}

String String::sqlEscape(const char* str, char extraEsc) {
    std::string result;
    for (const char* c = c_safe(str); *c; ++c) {
        if (*c == '\'') {
            result += '\'';
        } else if (*c == '\\' || *c == extraEsc) {
            result += '\\';
        }
        result += *c;
    }
    return result.c_str();
}

String String::uriEscape(const char* str, const char* extraEsc, const char* noEsc) {
    static const char digits[] = "0123456789abcdef";
    std::string result;
    for (const char* c = c_safe(str); *c; ++c) {
        const auto code = static_cast<unsigned char>(*c);
        const bool always = code < ' ' || *c == '%' || holds(extraEsc, *c);
        if (always || (holds(" +?&", *c) && !holds(noEsc, *c))) {
            result += '%';
            result += digits[code >> 4];
            result += digits[code & 15];
        } else {
            result += *c;
        }
    }
    return result.c_str();
}

String String::uriEscape(const char* str, char extraEsc, const char* noEsc) {
    const char extra[] = {extraEsc, '\0'};
    return uriEscape(str, extra, noEsc);
}

String String::uriUnescape(const char* str, int* errptr, bool setPartial) {
    std::string result;
    const char* from = c_safe(str);
    int error = -1;
    for (const char* c = from; *c; ++c) {
        if (static_cast<unsigned char>(*c) < ' ') {
            error = static_cast<int>(c - from);
            break;
        }
        if (*c != '%') {
            result += *c;
            continue;
        }
        const int high = hexDigit(c[1]);
        const int low = (high < 0) ? -1 : hexDigit(c[2]);
        if (low < 0) {
            error = static_cast<int>(c - from) + (high < 0 ? 1 : 2);
            break;
        }
        result += static_cast<char>(high * 16 + low);
        c += 2;
    }
    if (errptr) {
        *errptr = error;
    }
    if (error >= 0 && !setPartial) {
        result.clear();
    }
    return result.c_str();
}

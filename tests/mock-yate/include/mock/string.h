// SPDX-License-Identifier: GPL-2.0-or-later
//
// String and Regexp. A String has one empty state, null, in which c_str() is a null pointer.

#ifndef MOCK_YATE_STRING_H
#define MOCK_YATE_STRING_H

#include <mock/object.h>

namespace TelEngine {

/// Text with a cached hash and, after matches(), the place of the groups.
class YATE_API String : public GenObject {
public:
    String() = default;
    String(const char* value, int len = -1, const char* extraVal = nullptr, int extraLen = -1);
    explicit String(char value, unsigned int repeat = 1);
    explicit String(int32_t value);
    explicit String(uint32_t value);
    explicit String(int64_t value);
    explicit String(uint64_t value);
    explicit String(bool value);
    explicit String(double value);
    String(const String& value);
    String(const String* value);
    ~String() override;
    void* getObject(const String& name) const override;
    const String& toString() const override { return *this; }

    static const String& empty();
    static inline const char* boolText(bool value) { return value ? "true" : "false"; }
    static inline bool isBlank(char c) { return c == ' ' || c == '\t'; }

    inline const char* c_str() const { return m_string; }
    inline const char* safe() const { return m_string ? m_string : ""; }
    inline const char* safe(const char* defStr) const {
        return m_string ? m_string : (defStr ? defStr : "");
    }
    inline unsigned int length() const { return m_length; }
    inline bool null() const { return !m_string; }
    inline operator const char*() const { return m_string; }
    inline char at(int index) const {
        return (m_string && index >= 0 && static_cast<unsigned int>(index) < m_length)
                   ? m_string[index]
                   : '\0';
    }
    inline char operator[](signed int index) const { return at(index); }
    inline char operator[](unsigned int index) const { return at(static_cast<int>(index)); }

    inline unsigned int hash() const {
        // Several threads may find it missing; they all come to the same.
        unsigned int known = m_hash.load(std::memory_order_relaxed);
        if (known == NoHash) {
            known = hash(m_string);
            m_hash.store(known, std::memory_order_relaxed);
        }
        return known;
    }
    static unsigned int hash(const char* value, unsigned int h = 0);

    void clear();
    String& assign(const char* value, int len = -1, const char* extraVal = nullptr,
                   int extraLen = -1);
    String& assign(char value, unsigned int repeat = 1);
    inline String& operator=(const String& value) {
        return (this == &value) ? *this : operator=(value.c_str());
    }
    inline String& operator=(const String* value) { return operator=(value ? value->c_str() : ""); }
    String& operator=(const char* value);
    String& operator=(char value);
    String& operator=(int32_t value);
    String& operator=(uint32_t value);
    String& operator=(int64_t value);
    String& operator=(uint64_t value);
    inline String& operator=(bool value) { return operator=(boolText(value)); }
    String& operator=(double value);

    inline String& operator+=(const char* value) { return append(value, -1); }
    String& operator+=(char value);
    String& operator+=(int32_t value);
    String& operator+=(uint32_t value);
    String& operator+=(int64_t value);
    String& operator+=(uint64_t value);
    inline String& operator+=(bool value) { return operator+=(boolText(value)); }
    String& operator+=(double value);
    inline String& operator<<(const char* value) { return operator+=(value); }
    inline String& operator<<(char value) { return operator+=(value); }
    inline String& operator<<(int32_t value) { return operator+=(value); }
    inline String& operator<<(uint32_t value) { return operator+=(value); }
    inline String& operator<<(int64_t value) { return operator+=(value); }
    inline String& operator<<(uint64_t value) { return operator+=(value); }
    inline String& operator<<(bool value) { return operator+=(value); }
    inline String& operator<<(double value) { return operator+=(value); }
    /// Removes all up to and with the first occurrence of the text.
    String& operator>>(const char* skip);
    String& operator>>(char& store);
    String& operator>>(int& store);
    String& operator>>(unsigned int& store);
    String& operator>>(bool& store);

    String& append(const char* value, int len);
    /// The separator goes in only when this isn't null; a null value is skipped unless forced.
    String& append(const char* value, const char* separator = nullptr, bool force = false);
    String& append(const ObjList* list, const char* separator = nullptr, bool force = false);
    inline String& append(const ObjList& list, const char* separator = nullptr,
                          bool force = false) {
        return append(&list, separator, force);
    }
    inline String& append(char value, unsigned int len = 1) { return insert(m_length, value, len); }
    String& append(double value, unsigned int decimals = 3);
    String& insert(unsigned int pos, const char* value, int len = -1);
    String& insert(unsigned int pos, char value, unsigned int len = 1);
    /// The result is cut at 128 characters more than the format has; leaves a zero-length String,
    /// which isn't null, when nothing was printed.
    String& printf(const char* format, ...) FORMAT_CHECK(2);
    String& printf(unsigned int length, const char* format, ...) FORMAT_CHECK(3);

    bool operator==(const char* value) const;
    bool operator!=(const char* value) const { return !operator==(value); }
    inline bool operator==(const String& value) const {
        return (this == &value) || ((hash() == value.hash()) && operator==(value.c_str()));
    }
    inline bool operator!=(const String& value) const { return !operator==(value); }
    /// Equal but for the case of letters, and its opposite.
    bool operator&=(const char* value) const;
    bool operator|=(const char* value) const { return !operator&=(value); }

    int find(char what, unsigned int offs = 0) const;
    int find(const char* what, unsigned int offs = 0) const;
    int rfind(char what) const;
    int rfind(const char* what) const;
    bool startsWith(const char* what, bool wordBreak = false, bool caseInsensitive = false) const;
    bool endsWith(const char* what, bool wordBreak = false, bool caseInsensitive = false) const;
    bool startSkip(const char* what, bool wordBreak = true, bool caseInsensitive = false);
    String substr(int offs, int len = -1) const;
    /// Spaces and tabs only.
    String& trimBlanks();
    /// All white space.
    String& trimSpaces();
    String& toUpper();
    String& toLower();

    int toInteger(int defvalue = 0, int base = 0, int minvalue = INT_MIN, int maxvalue = INT_MAX,
                  bool clamp = true) const;
    int toInteger(const TokenDict* tokens, int defvalue = 0, int base = 0) const;
    long int toLong(long int defvalue = 0, int base = 0, long int minvalue = LONG_MIN,
                    long int maxvalue = LONG_MAX, bool clamp = true) const;
    int64_t toInt64(int64_t defvalue = 0, int base = 0, int64_t minvalue = LLONG_MIN,
                    int64_t maxvalue = LLONG_MAX, bool clamp = true) const;
    uint64_t toUInt64(uint64_t defvalue = 0, int base = 0, uint64_t minvalue = 0,
                      uint64_t maxvalue = ULLONG_MAX, bool clamp = true) const;
    double toDouble(double defvalue = 0.0) const;
    bool toBoolean(bool defvalue = false) const;
    bool isBoolean() const;

    virtual bool matches(const String& value) const { return operator==(value); }
    /// Matches and remembers where; any change of the text forgets it.
    bool matches(const Regexp& rexp);
    int matchCount() const;
    int matchOffset(int index = 0) const;
    int matchLength(int index = 0) const;
    inline String matchString(int index = 0) const {
        return substr(matchOffset(index), matchLength(index));
    }
    /// Replaces \0 to \9 in the template with the groups of the last match.
    String replaceMatches(const String& templ) const;

    /// Appends the parts to the list; returns where to append more.
    ObjList* split(ObjList& list, char separator, bool emptyOk = true, bool trimBlanks = false,
                   bool unique = false) const;
    /// A new list of the parts, to be destructed by the caller.
    ObjList* split(char separator, bool emptyOk = true) const;

    static String msgEscape(const char* str, char extraEsc = 0);
    inline String msgEscape(char extraEsc = 0) const { return msgEscape(c_str(), extraEsc); }
    static String msgUnescape(const char* str, int* errptr = nullptr, char extraEsc = 0);
    inline String msgUnescape(int* errptr = nullptr, char extraEsc = 0) const {
        return msgUnescape(c_str(), errptr, extraEsc);
    }
    static String sqlEscape(const char* str, char extraEsc = 0);
    inline String sqlEscape(char extraEsc = 0) const { return sqlEscape(c_str(), extraEsc); }
    static String uriEscape(const char* str, const char* extraEsc, const char* noEsc = nullptr);
    static String uriEscape(const char* str, char extraEsc = 0, const char* noEsc = nullptr);
    inline String uriEscape(char extraEsc = 0, const char* noEsc = nullptr) const {
        return uriEscape(c_str(), extraEsc, noEsc);
    }
    static String uriUnescape(const char* str, int* errptr = nullptr, bool setPartial = true);
    inline String uriUnescape(int* errptr = nullptr, bool setPartial = true) const {
        return uriUnescape(c_str(), errptr, setPartial);
    }

protected:
    /// Called after each change of the text.
    virtual void changed();

private:
    static constexpr unsigned int NoHash = ~0U;
    String& take(char* data, unsigned int len);
    String& print(size_t most, const char* format, va_list args);
    char* m_string = nullptr;
    unsigned int m_length = 0;
    mutable std::atomic<unsigned int> m_hash{NoHash};
    StringMatch* m_matches = nullptr;
};

inline const char* c_str(const String* str) {
    return str ? str->c_str() : nullptr;
}
inline const char* c_safe(const char* str) {
    return str ? str : "";
}
inline const char* c_safe(const String* str) {
    return str ? str->safe() : "";
}
inline bool null(const char* str) {
    return !(str && *str);
}
inline bool null(const String* str) {
    return !str || str->null();
}

YATE_API String operator+(const String& s1, const String& s2);
YATE_API String operator+(const String& s1, const char* s2);
YATE_API String operator+(const char* s1, const String& s2);

/// The value of a token: looked up in the table, else read as a number.
YATE_API int lookup(const char* str, const TokenDict* tokens, int defvalue = 0, int base = 0);
/// The token of a value.
YATE_API const char* lookup(int value, const TokenDict* tokens, const char* defvalue = nullptr);

/// A POSIX regular expression, basic unless said otherwise; compiled at the first use. A null one,
/// or one that doesn't compile, matches nothing.
class YATE_API Regexp : public String {
    YCLASS(Regexp, String)
    friend class String;

public:
    Regexp() = default;
    explicit Regexp(const char* value, bool extended = false, bool insensitive = false);
    Regexp(const Regexp& value);
    ~Regexp() override;
    inline Regexp& operator=(const char* value) {
        String::operator=(value);
        return *this;
    }
    // The engine's copies a pointer and crashes later, so it isn't offered: assign c_str().
    Regexp& operator=(const Regexp& value) = delete;
    inline bool compile() const { return m_regexp || (m_compile && doCompile()); }
    bool matches(const char* value) const;
    bool matches(const String& value) const override { return Regexp::matches(value.safe()); }
    void setFlags(bool extended, bool insensitive);
    bool isExtended() const;
    bool isCaseInsensitive() const;

protected:
    void changed() override;

private:
    bool doCompile() const;
    void cleanup();
    bool matchGroups(const char* value, StringMatch* groups) const;
    mutable void* m_regexp = nullptr;
    mutable bool m_compile = true;
    int m_flags = 0;
};

} // namespace TelEngine

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Named strings and the ordered list of them that messages and configuration sections are.

#ifndef MOCK_YATE_NAMED_H
#define MOCK_YATE_NAMED_H

#include <mock/string.h>

namespace TelEngine {

/// A String with a name; toString() is the name.
class YATE_API NamedString : public String {
    YNOCOPY(NamedString);

public:
    explicit NamedString(const char* name, const char* value = nullptr, int len = -1,
                         const char* namePrefix = nullptr, int nameLen = -1);
    inline const String& name() const { return m_name; }
    const String& toString() const override { return m_name; }
    void* getObject(const String& name) const override;
    inline NamedString& operator=(const char* value) {
        String::operator=(value);
        return *this;
    }

private:
    String m_name;
};

/// A NamedString that owns an object as long as its text isn't changed.
class YATE_API NamedPointer : public NamedString {
public:
    explicit NamedPointer(const char* name, GenObject* data = nullptr, const char* value = nullptr,
                          int len = -1, const char* namePrefix = nullptr);
    ~NamedPointer() override;
    inline GenObject* userData() const { return m_data; }
    GenObject* takeData();
    void userData(GenObject* data);
    inline void* userObject(const String& name) const {
        return m_data ? m_data->getObject(name) : nullptr;
    }
    inline NamedPointer& operator=(const char* value) {
        NamedString::operator=(value);
        return *this;
    }
    void* getObject(const String& name) const override;
    YNOCOPY(NamedPointer);

protected:
    void changed() override;

private:
    GenObject* m_data;
};

/// Parameters in order, duplicates allowed, names case sensitive.
class YATE_API NamedList : public String {
    friend class NamedIterator;

public:
    explicit NamedList(const char* name);
    NamedList(const NamedList& original);
    /// Only the parameters that start with the prefix, which is taken off.
    NamedList(const char* name, const NamedList& original, const String& prefix);
    NamedList& operator=(const NamedList& value);
    void* getObject(const String& name) const override;
    inline unsigned int length() const { return m_params.length(); }
    inline unsigned int count() const { return m_params.count(); }
    inline void clearParams() { m_params.clear(); }

    NamedList& addParam(NamedString* param);
    NamedList& addParam(const char* name, const char* value, bool emptyOK = true,
                        const char* prefix = nullptr);
    NamedList& addParam(const char* name, int64_t value, const char* prefix = nullptr);
    NamedList& addParam(const char* name, uint64_t value, const char* prefix = nullptr);
    NamedList& addParam(const char* name, int32_t value, const char* prefix = nullptr);
    NamedList& addParam(const char* name, uint32_t value, const char* prefix = nullptr);
    NamedList& addParam(const char* name, double value, const char* prefix = nullptr);
    inline NamedList& addParam(const char* name, bool value, const char* prefix = nullptr) {
        return addParam(name, String::boolText(value), true, prefix);
    }

    /// Replaces the first of that name in its place, else appends.
    NamedList& setParam(NamedString* param, bool clearOther = false);
    NamedList& setParam(const String& name, const char* value, bool clearOther = false);
    NamedList& setParam(const String& name, int64_t value, bool clearOther = false);
    NamedList& setParam(const String& name, uint64_t value, bool clearOther = false);
    NamedList& setParam(const String& name, int32_t value, bool clearOther = false);
    NamedList& setParam(const String& name, uint32_t value, bool clearOther = false);
    NamedList& setParam(const String& name, double value, bool clearOther = false);
    inline NamedList& setParam(const String& name, bool value, bool clearOther = false) {
        return setParam(name, String::boolText(value), clearOther);
    }

    /// Removes all of that name and, with a separator, all below it.
    NamedList& clearParam(const String& name, char childSep = 0, const String* value = nullptr);
    NamedList& clearParam(NamedString* param, bool delParam = true);

    /// Parameters that the original lacks are cleared here too, unless asked not to.
    NamedList& copyParam(const NamedList& original, const String& name, char childSep = 0,
                         bool replace = true, bool clearMissing = true);
    NamedList& copyParams(bool replace, const NamedList& original, const char* addPrefix = nullptr);
    inline NamedList& copyParams(const NamedList& original) { return copyParams(true, original); }
    NamedList& copyParams(const NamedList& original, ObjList* list, char childSep = 0,
                          bool replace = true, bool clearMissing = true);
    NamedList& copyParams(const NamedList& original, const char* list, char childSep = 0,
                          bool replace = true, bool clearMissing = true);
    NamedList& copySubParams(const NamedList& original, const String& prefix,
                             bool skipPrefix = true, bool replace = false);
    bool hasSubParams(const char* prefix) const;

    int getIndex(const NamedString* param) const;
    int getIndex(const String& name) const;
    NamedString* getParam(const String& name) const;
    NamedString* getParam(unsigned int index) const;
    const String& operator[](const String& name) const;
    /// The default counts only if the parameter is absent: an empty one gives null.
    const char* getValue(const String& name, const char* defvalue = nullptr) const;
    int getIntValue(const String& name, int defvalue = 0, int minvalue = INT_MIN,
                    int maxvalue = INT_MAX, bool clamp = true) const;
    int getIntValue(const String& name, const TokenDict* tokens, int defvalue = 0) const;
    int64_t getInt64Value(const String& name, int64_t defvalue = 0, int64_t minvalue = LLONG_MIN,
                          int64_t maxvalue = LLONG_MAX, bool clamp = true) const;
    uint64_t getUInt64Value(const String& name, uint64_t defvalue = 0, uint64_t minvalue = 0,
                            uint64_t maxvalue = ULLONG_MAX, bool clamp = true) const;
    double getDoubleValue(const String& name, double defvalue = 0.0) const;
    bool getBoolValue(const String& name, bool defvalue = false) const;

    /// Expands ${name} and ${name$default}; the number of them, or -1 if one isn't closed.
    int replaceParams(String& str, bool sqlEsc = false, char extraEsc = 0) const;
    void dump(String& str, const char* separator, char quote = 0, bool force = false) const;
    static const NamedList& empty();
    inline ObjList* paramList() { return &m_params; }
    inline const ObjList* paramList() const { return &m_params; }

private:
    ObjList* holder(const String& name);
    template <class Number>
    NamedList& addNumber(const char* name, Number value, const char* prefix);
    template <class Number> NamedList& setNumber(const String& name, Number value, bool clearOther);
    ObjList m_params;
};

/// Walks the parameters of a list that doesn't change meanwhile.
class YATE_API NamedIterator {
public:
    inline explicit NamedIterator(const NamedList& list)
        : m_list(&list), m_item(list.m_params.skipNull()) {}
    inline NamedIterator& operator=(const NamedList& list) {
        m_list = &list;
        reset();
        return *this;
    }
    inline const NamedString* get() {
        if (!m_item) {
            return nullptr;
        }
        const auto* param = static_cast<const NamedString*>(m_item->get());
        m_item = m_item->skipNext();
        return param;
    }
    inline bool eof() const { return !m_item; }
    inline void reset() { m_item = m_list->m_params.skipNull(); }

private:
    const NamedList* m_list;
    const ObjList* m_item;
};

/// An object counter; nothing counts in the mock.
class YATE_API NamedCounter : public String {
    YNOCOPY(NamedCounter);

public:
    explicit NamedCounter(const String& name) : String(name) {}
    inline bool enabled() const { return m_enabled; }
    inline void enable(bool val) { m_enabled = val; }
    inline int inc() { return ++m_count; }
    inline int dec() { return --m_count; }
    inline int count() const { return m_count; }

private:
    std::atomic<int> m_count{0};
    bool m_enabled = false;
};

/// Attributes objects to a counter in the engine; nothing here.
class YATE_API TempObjectCounter {
public:
    inline explicit TempObjectCounter(NamedCounter* /*counter*/, bool /*enable*/ = false) {}
    inline explicit TempObjectCounter(const GenObject* /*obj*/, bool /*enable*/ = false) {}
    inline ~TempObjectCounter() {} // not trivial, so that an unused one isn't warned of
    YNOCOPY(TempObjectCounter);
};

} // namespace TelEngine

#endif

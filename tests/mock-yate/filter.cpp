// SPDX-License-Identifier: GPL-2.0-or-later
//
// Conditions on parameters, and the filters that are made of them.

#include <yatengine.h>

namespace TelEngine {

namespace {

/// A parameter has this text.
class TextItem : public MatchingItemBase {
public:
    explicit TextItem(const NamedString& text)
        : MatchingItemBase(TypeString, text.name()), m_text(text) {}

protected:
    bool runMatchString(const String& str, MatchingParams* /*params*/) const override {
        return m_text == str;
    }
    MatchingItemBase* copyItem() const override {
        return new TextItem(NamedString(name(), m_text));
    }

private:
    String m_text;
};

/// A parameter's text matches this pattern.
class PatternItem : public MatchingItemBase {
public:
    PatternItem(const char* name, const Regexp& pattern)
        : MatchingItemBase(TypeRegexp, name),
          m_pattern(pattern.c_str(), pattern.isExtended(), pattern.isCaseInsensitive()) {
        // Compiled now, as later several threads may be the first to need it.
        m_pattern.compile();
    }

protected:
    bool runMatchString(const String& str, MatchingParams* /*params*/) const override {
        return m_pattern.matches(str.safe());
    }
    MatchingItemBase* copyItem() const override { return new PatternItem(name(), m_pattern); }

private:
    Regexp m_pattern;
};

} // namespace

MatchingItemBase::MatchingItemBase(int type, const char* name, bool negated, int missingMatch,
                                   const char* id)
    : m_type(type), m_name(name), m_negated(negated), m_missingMatch(missingMatch), m_id(id) {}

MatchingItemCustom::MatchingItemCustom(const char* type, const char* name,
                                       const char* /*typeDisplay*/)
    : MatchingItemBase(TypeCustom, name), m_type(type ? type : "custom") {}

MatchingItemBase* MatchingItemCustom::copyItem() const {
    return customCopyItem();
}

const String& MatchingItemBase::toString() const {
    return m_name;
}

bool MatchingItemBase::runMatchString(const String& /*str*/, MatchingParams* /*params*/) const {
    return false;
}

bool MatchingItemBase::runMatchListParam(const NamedList& list, MatchingParams* params) const {
    return runMatchString(list[m_name], params);
}

void MessageFilter::setFilter(MatchingItemBase* filter) {
    TelEngine::destruct(m_filter);
    m_filter = filter;
}

void MessageFilter::setFilter(NamedString* filter) {
    MatchingItemBase* item = nullptr;
    if (const auto* pattern = YOBJECT(Regexp, filter)) {
        item = new PatternItem(filter->name(), *pattern);
    } else if (filter) {
        item = new TextItem(*filter);
    }
    TelEngine::destruct(filter);
    setFilter(item);
}

void MessageFilter::setFilter(const char* name, const char* value) {
    setFilter(new NamedString(name, value));
}

} // namespace TelEngine

// SPDX-License-Identifier: GPL-2.0-or-later
//
// Conditions on a list's parameters, which filters are made of. Modules may make their own.

#ifndef YATEMATCHINGITEM_H
#define YATEMATCHINGITEM_H

#include <yateclass.h>

namespace TelEngine {

/// The report of a match to its caller: nothing, here.
class MatchingParams;

/// A condition that a parameter's value meets or doesn't.
class YATE_API MatchingItemBase : public GenObject {
    YCLASS(MatchingItemBase, GenObject)
    YNOCOPY(MatchingItemBase);

public:
    enum Type {
        TypeUnknown = 0,
        TypeString,
        TypeRegexp,
        TypeXPath,
        TypeRandom,
        TypeList,
        TypeCustom,
        TypeLastType,
    };

    MatchingItemBase(int type, const char* name, bool negated = false, int missingMatch = 0,
                     const char* id = nullptr);
    inline int type() const { return m_type; }
    inline const String& name() const { return m_name; }
    inline const String& id() const { return m_id; }
    inline bool negated() const { return m_negated; }
    inline int missingMatch() const { return m_missingMatch; }
    inline bool matchString(const String& str, MatchingParams* params = nullptr) const {
        return m_negated != runMatchString(str, params);
    }
    inline bool matchListParam(const NamedList& list, MatchingParams* params = nullptr) const {
        return m_negated != runMatchListParam(list, params);
    }
    inline MatchingItemBase* copy() const { return copyItem(); }
    const String& toString() const override;

protected:
    /// Whether a value meets it.
    virtual bool runMatchString(const String& str, MatchingParams* params = nullptr) const;
    /// Whether the parameter of this name does; a missing one counts as empty.
    virtual bool runMatchListParam(const NamedList& list, MatchingParams* params = nullptr) const;
    virtual MatchingItemBase* copyItem() const = 0;

private:
    int m_type;
    String m_name;
    bool m_negated;
    int m_missingMatch;
    String m_id;
};

/// A condition of a module's own making. The engine takes any object that claims this type for one
/// of this class.
class YATE_API MatchingItemCustom : public MatchingItemBase {
    YCLASS(MatchingItemCustom, MatchingItemBase)

public:
    inline const String& customType() const { return m_type; }

protected:
    MatchingItemCustom(const char* type, const char* name, const char* typeDisplay = nullptr);
    MatchingItemBase* copyItem() const override;
    virtual MatchingItemBase* customCopyItem() const = 0;

private:
    String m_type;
};

} // namespace TelEngine

#endif

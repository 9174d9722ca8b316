// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lists of parameters.

#include <yateclass.h>

#include <cstring>
#include <string>

using namespace TelEngine;

namespace {

// Whether the parameter is the named one or, with a separator, below it.
bool isUnder(const String& param, const String& name, char childSep) {
    return param == name || (childSep && name && param.startsWith(name) &&
                             param.at(static_cast<int>(name.length())) == childSep);
}

// Removes all parameters of a name from a place of a list on.
void removeNamed(ObjList* l, const String& name) {
    while (l) {
        const auto* param = static_cast<NamedString*>(l->get());
        if (param && param->name() == name) {
            l->remove();
        } else {
            l = l->next();
        }
    }
}

std::string trimmed(const char* from, const char* end) {
    while (from < end && String::isBlank(*from)) {
        ++from;
    }
    while (end > from && String::isBlank(end[-1])) {
        --end;
    }
    return {from, end};
}

} // namespace

NamedList::NamedList(const char* name) : String(name) {}

NamedList::NamedList(const NamedList& original) : String(original) {
    copyParams(false, original);
}

NamedList::NamedList(const char* name, const NamedList& original, const String& prefix)
    : String(name) {
    copySubParams(original, prefix);
}

NamedList& NamedList::operator=(const NamedList& value) {
    if (this != &value) {
        String::operator=(value);
        clearParams();
        copyParams(false, value);
    }
    return *this;
}

YCLASSIMP(NamedList, String)

NamedList& NamedList::addParam(NamedString* param) {
    if (param) {
        m_params.append(param);
    }
    return *this;
}

NamedList& NamedList::addParam(const char* name, const char* value, bool emptyOK,
                               const char* prefix) {
    return (emptyOK || !TelEngine::null(value)) ? addParam(new NamedString(name, value, -1, prefix))
                                                : *this;
}

template <class Number>
NamedList& NamedList::addNumber(const char* name, Number value, const char* prefix) {
    return addParam(new NamedString(name, String(value).c_str(), -1, prefix));
}

NamedList& NamedList::addParam(const char* name, int64_t value, const char* prefix) {
    return addNumber(name, value, prefix);
}

NamedList& NamedList::addParam(const char* name, uint64_t value, const char* prefix) {
    return addNumber(name, value, prefix);
}

NamedList& NamedList::addParam(const char* name, int32_t value, const char* prefix) {
    return addNumber(name, value, prefix);
}

NamedList& NamedList::addParam(const char* name, uint32_t value, const char* prefix) {
    return addNumber(name, value, prefix);
}

NamedList& NamedList::addParam(const char* name, double value, const char* prefix) {
    return addNumber(name, value, prefix);
}

ObjList* NamedList::holder(const String& name) {
    for (ObjList* l = m_params.skipNull(); l; l = l->skipNext()) {
        if (static_cast<NamedString*>(l->get())->name() == name) {
            return l;
        }
    }
    return nullptr;
}

NamedList& NamedList::setParam(NamedString* param, bool clearOther) {
    if (!param) {
        return *this;
    }
    ObjList* place = holder(param->name());
    if (!place) {
        return addParam(param);
    }
    place->set(param);
    if (clearOther) {
        removeNamed(place->next(), param->name());
    }
    return *this;
}

NamedList& NamedList::setParam(const String& name, const char* value, bool clearOther) {
    ObjList* place = holder(name);
    if (!place) {
        return addParam(new NamedString(name, value));
    }
    *static_cast<NamedString*>(place->get()) = value;
    if (clearOther) {
        removeNamed(place->next(), name);
    }
    return *this;
}

template <class Number>
NamedList& NamedList::setNumber(const String& name, Number value, bool clearOther) {
    return setParam(name, String(value).c_str(), clearOther);
}

NamedList& NamedList::setParam(const String& name, int64_t value, bool clearOther) {
    return setNumber(name, value, clearOther);
}

NamedList& NamedList::setParam(const String& name, uint64_t value, bool clearOther) {
    return setNumber(name, value, clearOther);
}

NamedList& NamedList::setParam(const String& name, int32_t value, bool clearOther) {
    return setNumber(name, value, clearOther);
}

NamedList& NamedList::setParam(const String& name, uint32_t value, bool clearOther) {
    return setNumber(name, value, clearOther);
}

NamedList& NamedList::setParam(const String& name, double value, bool clearOther) {
    return setNumber(name, value, clearOther);
}

NamedList& NamedList::clearParam(const String& name, char childSep, const String* value) {
    for (ObjList* l = &m_params; l;) {
        auto* param = static_cast<NamedString*>(l->get());
        if (param && isUnder(param->name(), name, childSep) && (!value || value->matches(*param))) {
            l->remove();
        } else {
            l = l->next();
        }
    }
    return *this;
}

NamedList& NamedList::clearParam(NamedString* param, bool delParam) {
    if (param) {
        m_params.remove(param, delParam);
    }
    return *this;
}

NamedList& NamedList::copyParam(const NamedList& original, const String& name, char childSep,
                                bool replace, bool clearMissing) {
    if (!childSep) {
        const NamedString* param = original.getParam(name);
        if (param && replace) {
            return setParam(name, *param);
        }
        if (param) {
            return addParam(name, *param);
        }
        return (replace && clearMissing) ? clearParam(name) : *this;
    }
    if (replace && clearMissing) {
        clearParam(name, childSep);
        replace = false;
    }
    for (const ObjList* l = original.m_params.skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        if (!isUnder(param->name(), name, childSep)) {
            continue;
        }
        if (replace) {
            setParam(param->name(), *param);
        } else {
            addParam(param->name(), *param);
        }
    }
    return *this;
}

NamedList& NamedList::copyParams(bool replace, const NamedList& original, const char* addPrefix) {
    ObjList* end = &m_params;
    for (const ObjList* l = original.m_params.skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        if (replace) {
            setParam(String(addPrefix, -1, param->name().c_str()), *param);
        } else {
            end = end->append(new NamedString(param->name(), *param,
                                              static_cast<int>(param->length()), addPrefix));
        }
    }
    return *this;
}

NamedList& NamedList::copyParams(const NamedList& original, ObjList* list, char childSep,
                                 bool replace, bool clearMissing) {
    for (const ObjList* l = list ? list->skipNull() : nullptr; l; l = l->skipNext()) {
        String name = l->get()->toString();
        if (name.trimBlanks()) {
            copyParam(original, name, childSep, replace, clearMissing);
        }
    }
    return *this;
}

NamedList& NamedList::copyParams(const NamedList& original, const char* list, char childSep,
                                 bool replace, bool clearMissing) {
    ObjList names;
    String(list).split(names, ',', false, true, true);
    return copyParams(original, &names, childSep, replace, clearMissing);
}

NamedList& NamedList::copySubParams(const NamedList& original, const String& prefix,
                                    bool skipPrefix, bool replace) {
    for (const ObjList* l = original.m_params.skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        if (!param->name().startsWith(prefix)) {
            continue;
        }
        const char* name = param->name().c_str() + (skipPrefix ? prefix.length() : 0);
        if (!*name) {
            continue;
        }
        if (replace) {
            setParam(name, *param);
        } else {
            addParam(name, *param);
        }
    }
    return *this;
}

bool NamedList::hasSubParams(const char* prefix) const {
    for (const ObjList* l = m_params.skipNull(); l; l = l->skipNext()) {
        if (static_cast<const NamedString*>(l->get())->name().startsWith(prefix)) {
            return true;
        }
    }
    return false;
}

int NamedList::getIndex(const NamedString* param) const {
    return param ? m_params.index(param) : -1;
}

int NamedList::getIndex(const String& name) const {
    return m_params.index(name);
}

NamedString* NamedList::getParam(const String& name) const {
    for (const ObjList* l = m_params.skipNull(); l; l = l->skipNext()) {
        auto* param = static_cast<NamedString*>(l->get());
        if (param->name() == name) {
            return param;
        }
    }
    return nullptr;
}

NamedString* NamedList::getParam(unsigned int index) const {
    return static_cast<NamedString*>(m_params.at(static_cast<int>(index)));
}

const String& NamedList::operator[](const String& name) const {
    const NamedString* param = getParam(name);
    return param ? *static_cast<const String*>(param) : String::empty();
}

const char* NamedList::getValue(const String& name, const char* defvalue) const {
    const NamedString* param = getParam(name);
    return param ? param->c_str() : defvalue;
}

int NamedList::getIntValue(const String& name, int defvalue, int minvalue, int maxvalue,
                           bool clamp) const {
    return operator[](name).toInteger(defvalue, 0, minvalue, maxvalue, clamp);
}

int NamedList::getIntValue(const String& name, const TokenDict* tokens, int defvalue) const {
    return operator[](name).toInteger(tokens, defvalue);
}

int64_t NamedList::getInt64Value(const String& name, int64_t defvalue, int64_t minvalue,
                                 int64_t maxvalue, bool clamp) const {
    return operator[](name).toInt64(defvalue, 0, minvalue, maxvalue, clamp);
}

uint64_t NamedList::getUInt64Value(const String& name, uint64_t defvalue, uint64_t minvalue,
                                   uint64_t maxvalue, bool clamp) const {
    return operator[](name).toUInt64(defvalue, 0, minvalue, maxvalue, clamp);
}

double NamedList::getDoubleValue(const String& name, double defvalue) const {
    return operator[](name).toDouble(defvalue);
}

bool NamedList::getBoolValue(const String& name, bool defvalue) const {
    return operator[](name).toBoolean(defvalue);
}

int NamedList::replaceParams(String& str, bool sqlEsc, char extraEsc) const {
    if (str.find("${") < 0) {
        return 0;
    }
    std::string result;
    int count = 0;
    const char* rest = str.c_str();
    while (const char* start = strstr(rest, "${")) {
        result.append(rest, start);
        const char* end = strchr(start, '}');
        if (!end) {
            result += start;
            str = result.c_str();
            return -1;
        }
        const char* from = start + 2;
        const auto* sep = static_cast<const char*>(memchr(from, '$', end - from));
        const NamedString* param = getParam(trimmed(from, sep ? sep : end).c_str());
        String value;
        if (param) {
            value = *param;
        } else if (sep) {
            value = trimmed(sep + 1, end).c_str();
        }
        result += (sqlEsc ? value.sqlEscape(extraEsc) : value).safe();
        rest = end + 1;
        ++count;
    }
    result += rest;
    str = result.c_str();
    return count;
}

void NamedList::dump(String& str, const char* separator, char quote, bool force) const {
    if (force && str.null()) {
        str << separator;
    }
    str << quote << *this << quote;
    for (const ObjList* l = m_params.skipNull(); l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        String item;
        item << quote << param->name() << quote << "=" << quote << *param << quote;
        str.append(item, separator);
    }
}

const NamedList& NamedList::empty() {
    static const NamedList* nothing = new NamedList("");
    return *nothing;
}

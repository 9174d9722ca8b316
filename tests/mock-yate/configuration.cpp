// SPDX-License-Identifier: GPL-2.0-or-later
//
// Configuration files: questions to a loaded one, and saving. Reading is in config_reader.cpp.

#include "config_reader.h"

#include <cstdio>
#include <cstring>

using namespace TelEngine;

Configuration::Configuration(const char* filename, bool warn) : String(filename) {
    load(warn);
}

NamedList* Configuration::getSection(unsigned int index) const {
    return static_cast<NamedList*>(m_sections.at(static_cast<int>(index)));
}

NamedList* Configuration::getSection(const String& sect) const {
    return static_cast<NamedList*>(m_sections[sect]);
}

NamedString* Configuration::getKey(const String& sect, const String& key) const {
    const NamedList* section = getSection(sect);
    return section ? section->getParam(key) : nullptr;
}

const char* Configuration::getValue(const String& sect, const String& key,
                                    const char* defvalue) const {
    const NamedString* param = getKey(sect, key);
    return param ? param->c_str() : defvalue;
}

int Configuration::getIntValue(const String& sect, const String& key, int defvalue, int minvalue,
                               int maxvalue, bool clamp) const {
    const NamedString* param = getKey(sect, key);
    return param ? param->toInteger(defvalue, 0, minvalue, maxvalue, clamp) : defvalue;
}

int Configuration::getIntValue(const String& sect, const String& key, const TokenDict* tokens,
                               int defvalue) const {
    const NamedString* param = getKey(sect, key);
    return param ? param->toInteger(tokens, defvalue) : defvalue;
}

int64_t Configuration::getInt64Value(const String& sect, const String& key, int64_t defvalue,
                                     int64_t minvalue, int64_t maxvalue, bool clamp) const {
    const NamedString* param = getKey(sect, key);
    return param ? param->toInt64(defvalue, 0, minvalue, maxvalue, clamp) : defvalue;
}

double Configuration::getDoubleValue(const String& sect, const String& key, double defvalue) const {
    const NamedString* param = getKey(sect, key);
    return param ? param->toDouble(defvalue) : defvalue;
}

bool Configuration::getBoolValue(const String& sect, const String& key, bool defvalue) const {
    const NamedString* param = getKey(sect, key);
    return param ? param->toBoolean(defvalue) : defvalue;
}

void Configuration::clearSection(const char* sect) {
    if (sect) {
        m_sections.remove(String(sect));
    } else {
        m_sections.clear();
    }
}

NamedList* Configuration::createSection(const String& sect) {
    if (sect.null()) {
        return nullptr;
    }
    NamedList* section = getSection(sect);
    if (!section) {
        section = new NamedList(sect);
        m_sections.append(section);
    }
    return section;
}

void Configuration::clearKey(const String& sect, const String& key) {
    if (NamedList* section = getSection(sect)) {
        section->clearParam(key);
    }
}

void Configuration::addValue(const String& sect, const char* key, const char* value) {
    if (NamedList* section = createSection(sect)) {
        section->addParam(key, value);
    }
}

void Configuration::setValue(const String& sect, const char* key, const char* value) {
    if (NamedList* section = createSection(sect)) {
        section->setParam(key, value);
    }
}

void Configuration::setValue(const String& sect, const char* key, int value) {
    setValue(sect, key, String(value).c_str());
}

void Configuration::setValue(const String& sect, const char* key, bool value) {
    setValue(sect, key, String::boolText(value));
}

bool Configuration::load(bool warn) {
    m_sections.clear();
    return !null() && ConfigReader(*this, warn).read();
}

bool Configuration::save() const {
    FILE* file = null() ? nullptr : fopen(c_str(), "w");
    if (!file) {
        Debug(DebugWarn, "Failed to save config file '%s' (%d: %s)", safe(), errno,
              strerror(errno));
        return false;
    }
    const char* separator = "";
    for (const ObjList* s = m_sections.skipNull(); s; s = s->skipNext()) {
        const auto* section = static_cast<const NamedList*>(s->get());
        fprintf(file, "%s[%s]\n", separator, section->c_str());
        separator = "\n";
        for (const ObjList* p = section->paramList()->skipNull(); p; p = p->skipNext()) {
            const auto* param = static_cast<const NamedString*>(p->get());
            // A blank keeps a final backslash from joining the next line.
            fprintf(file, "%s=%s%s\n", param->name().safe(), param->safe(),
                    param->endsWith("\\") ? " " : "");
        }
    }
    return fclose(file) == 0;
}

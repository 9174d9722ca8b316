// SPDX-License-Identifier: GPL-2.0-or-later
//
// Named strings, alone and with an object.

#include <yateclass.h>

using namespace TelEngine;

NamedString::NamedString(const char* name, const char* value, int len, const char* namePrefix,
                         int nameLen)
    : String(value, len), m_name(namePrefix, -1, name, nameLen) {}

YCLASSIMP(NamedString, String)

NamedPointer::NamedPointer(const char* name, GenObject* data, const char* value, int len,
                           const char* namePrefix)
    : NamedString(name, value, len, namePrefix), m_data(data) {}

NamedPointer::~NamedPointer() {
    TelEngine::destruct(m_data);
}

GenObject* NamedPointer::takeData() {
    GenObject* data = m_data;
    m_data = nullptr;
    return data;
}

void NamedPointer::userData(GenObject* data) {
    GenObject* old = m_data;
    m_data = data;
    if (old != data) {
        TelEngine::destruct(old);
    }
}

void NamedPointer::changed() {
    userData(nullptr);
    NamedString::changed();
}

void* NamedPointer::getObject(const String& name) const {
    if (name == YATOM("NamedPointer")) {
        return const_cast<NamedPointer*>(this);
    }
    void* found = NamedString::getObject(name);
    return found ? found : userObject(name);
}

// SPDX-License-Identifier: GPL-2.0-or-later

#include "message.h"

#include <cstring>

using namespace TelEngine;

namespace clustering {

static_assert(Names::Other <= 64, "each name has a bit");

Names::Names() {
    ::memset(m_first, Other, sizeof(m_first));
    for (unsigned number = 0; number < Other; number++) {
        const String& name = m_names[number] = string(clustering_name(number));
        if (name.endsWith("*")) {
            m_open = number;
            m_openLength = name.length() - 1;
            continue;
        }
        uint8_t& first = m_first[slot(name.c_str(), name.length())];
        m_next[number] = first;
        first = static_cast<uint8_t>(number);
    }
}

unsigned Names::find(const String& name) const {
    const unsigned length = name.length();
    if (!length) {
        return Other;
    }
    const char* text = name.c_str();
    for (unsigned number = m_first[slot(text, length)]; number != Other; number = m_next[number]) {
        const String& known = m_names[number];
        if (known.length() == length && !::memcmp(known.c_str(), text, length)) {
            return number;
        }
    }
    if (length >= m_openLength && m_open != Other &&
        !::memcmp(m_names[m_open].c_str(), text, m_openLength)) {
        return m_open;
    }
    return Other;
}

void Reading::read(NamedList& from, const Names& names) {
    list = &from;
    present = 0;
    repeated = 0;
    for (ObjList* o = from.paramList(); o; o = o->next()) {
        last = o;
        NamedString* param = static_cast<NamedString*>(o->get());
        if (!param) {
            continue;
        }
        const unsigned number = names.find(param->name());
        if (number == Names::Other) {
            continue;
        }
        // Of several parameters of a name the first one is meant.
        const uint64_t bit = uint64_t{1} << number;
        repeated |= present & bit;
        if (!(present & bit)) {
            found[number] = param;
            present |= bit;
        }
    }
}

Parameters::Parameters(NamedList& list, const Reading& reading, const Names& names, uint64_t now)
    : m_list(list), m_names(names), m_reading(reading), m_message(m_reading.message(m_known, now)) {
}

void Parameters::complete() {
    for (const ObjList* o = m_list.paramList()->skipNull(); o; o = o->skipNext()) {
        const NamedString* param = static_cast<const NamedString*>(o->get());
        m_all.push_back({bytes(param->name()), bytes(*param)});
    }
    m_message.params = m_all.data();
    m_message.count = m_all.size();
    m_message.complete = true;
}

void Parameters::apply(const clustering_verdict& verdict) {
    for (size_t i = 0; i < verdict.edit_count; i++) {
        const clustering_edit& edit = verdict.edits[i];
        if (edit.kind == CLUSTERING_SET) {
            set(edit.name, edit.value);
        } else {
            remove(edit.name);
        }
    }
}

void Parameters::set(unsigned number, const clustering_bytes& value) {
    const int length = static_cast<int>(value.len);
    if (m_reading.has(number)) {
        // The value may be a part of the old text: `assign` copies before it frees.
        m_reading.found[number]->assign(chars(value), length);
        return;
    }
    NamedString* param = new NamedString(m_names[number], chars(value), length);
    if (m_reading.last) {
        m_reading.last = m_reading.last->append(param);
    } else {
        m_list.addParam(param);
    }
}

void Parameters::remove(unsigned number) {
    if (!m_reading.has(number)) {
        return;
    }
    m_reading.present &= ~(uint64_t{1} << number);
    // It may be the last one that goes.
    m_reading.last = nullptr;
    const String& name = m_names[number];
    if (!name.endsWith("*")) {
        m_list.clearParam(name);
        return;
    }
    const String start = name.substr(0, static_cast<int>(name.length()) - 1);
    ObjList* o = m_list.paramList()->skipNull();
    while (o) {
        if (static_cast<const NamedString*>(o->get())->name().startsWith(start)) {
            o->remove();
            o = o->skipNull();
        } else {
            o = o->skipNext();
        }
    }
}

} // namespace clustering

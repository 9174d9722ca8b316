// SPDX-License-Identifier: GPL-2.0-or-later

#include "message.h"

#include <type_traits>

using namespace TelEngine;

namespace clustering {

namespace {

// A new parameter. Before Yate 6 its value has to be copied in a step of its own, since no length
// is taken.
template <typename Param> Param* made(const String& name, const char* value, int length) {
    if constexpr (std::is_constructible<Param, const char*, const char*, int>::value) {
        return new Param(name, value, length);
    } else {
        Param* param = new Param(name);
        param->assign(value, length);
        return param;
    }
}

} // namespace

void Reading::read(NamedList& from, const Screen& wanted) {
    // Counted here, not in the members, which the compiler would write for each parameter.
    uint64_t seen = 0;
    uint64_t again = 0;
    ObjList* end = nullptr;
    for (ObjList* o = from.paramList(); o; o = o->next()) {
        end = o;
        NamedString* param = static_cast<NamedString*>(o->get());
        if (!param) {
            continue;
        }
        const unsigned number = wanted.find(param->name());
        if (number == Names::Other) {
            continue;
        }
        // Of several parameters of a name the first one is meant.
        const uint64_t bit = uint64_t{1} << number;
        again |= seen & bit;
        if (!(seen & bit)) {
            found[number] = param;
            known[number] = bytes(*param);
            seen |= bit;
        }
    }
    list = &from;
    last = end;
    present = seen;
    repeated = again;
}

Parameters::Parameters(Reading& reading, const Names& names, uint64_t now)
    : m_names(names), m_reading(reading), m_message(m_reading.message(now)) {}

void Parameters::complete() {
    for (const ObjList* o = m_reading.list->paramList()->skipNull(); o; o = o->skipNext()) {
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
    for (size_t i = 0; i < verdict.other_edit_count; i++) {
        const clustering_other_edit& edit = verdict.other_edits[i];
        const String name(string(edit.name));
        m_reading.list->clearParam(name);
        if (edit.kind == CLUSTERING_SET) {
            const int length = static_cast<int>(edit.value.len);
            m_reading.list->addParam(made<NamedString>(name, chars(edit.value), length));
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
    NamedString* param = made<NamedString>(m_names[number], chars(value), length);
    m_reading.found[number] = param;
    m_reading.present |= uint64_t{1} << number;
    if (m_reading.last) {
        m_reading.last = m_reading.last->append(param);
    } else {
        m_reading.list->addParam(param);
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
        m_reading.list->clearParam(name);
        return;
    }
    const String start = name.substr(0, static_cast<int>(name.length()) - 1);
    ObjList* o = m_reading.list->paramList()->skipNull();
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

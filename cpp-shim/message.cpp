// SPDX-License-Identifier: GPL-2.0-or-later

#include "message.h"

#include <cstdlib>
#include <cstring>

using namespace TelEngine;

namespace clustering {

Names::Names() {
    for (uint32_t& first : m_first) {
        first = CLUSTERING_OTHER_NAME;
    }
    for (uint32_t number = 0; number < CLUSTERING_NAMES; number++) {
        const String& name = m_names[number] = string(clustering_name(number));
        uint32_t& first = m_first[slot(name.c_str(), name.length())];
        m_next[number] = first;
        first = number;
    }
}

uint32_t Names::find(const String& name) const {
    const unsigned length = name.length();
    if (!length) {
        return CLUSTERING_OTHER_NAME;
    }
    const char* text = name.c_str();
    uint32_t number = m_first[slot(text, length)];
    while (number != CLUSTERING_OTHER_NAME) {
        const String& known = m_names[number];
        if (known.length() == length && !::memcmp(known.c_str(), text, length)) {
            break;
        }
        number = m_next[number];
    }
    return number;
}

Wanted::Wanted(clustering_kind kind, const Names& names) : m_names(names) {
    for (;; m_count++) {
        const uint32_t number = clustering_wanted(kind, m_count);
        if (number == CLUSTERING_OTHER_NAME) {
            break;
        }
        m_numbers |= uint64_t{1} << number;
        m_lengths |= uint64_t{1} << (names[number].length() & 63);
    }
}

Parameters::Parameters(NamedList& list, const Names& names, uint64_t now)
    : m_list(list), m_names(names), m_wanted(nullptr),
      m_message{m_inline, 0, m_known, true, now} {
    clear();
    for (ObjList* o = list.paramList(); o; o = o->next()) {
        m_last = o;
        NamedString* param = static_cast<NamedString*>(o->get());
        if (!param) {
            continue;
        }
        if (!append(*param)) {
            m_message.complete = false;
            return;
        }
        const uint32_t number = names.find(param->name());
        if (number != CLUSTERING_OTHER_NAME) {
            know(number, param);
        }
    }
}

Parameters::Parameters(
    NamedList& list, const Names& names, const Wanted& wanted, uint64_t now)
    : m_list(list), m_names(names), m_wanted(&wanted),
      m_message{nullptr, 0, m_known, false, now} {
    clear();
    unsigned missing = wanted.count();
    for (ObjList* o = list.paramList(); o && missing; o = o->next()) {
        NamedString* param = static_cast<NamedString*>(o->get());
        const uint32_t number = param ? wanted.find(param->name()) : CLUSTERING_OTHER_NAME;
        if (number != CLUSTERING_OTHER_NAME && !m_found[number]) {
            know(number, param);
            missing--;
        }
    }
}

Parameters::~Parameters() {
    if (m_params != m_inline) {
        ::free(m_params);
    }
}

void Parameters::clear() {
    ::memset(m_found, 0, sizeof(m_found));
    ::memset(m_known, 0, sizeof(m_known));
}

// Of several parameters of a name the first one is meant.
void Parameters::know(uint32_t number, NamedString* param) {
    if (!m_found[number]) {
        m_found[number] = param;
        m_known[number] = {reinterpret_cast<const uint8_t*>(param->safe()), param->length()};
    }
}

// Appends to what the core sees; `false` where there is no memory for that.
bool Parameters::append(const NamedString& param) {
    if (m_message.count == m_room) {
        void* grown = ::malloc(2 * m_room * sizeof(clustering_param));
        if (!grown) {
            return false;
        }
        ::memcpy(grown, m_params, m_room * sizeof(clustering_param));
        if (m_params != m_inline) {
            ::free(m_params);
        }
        m_message.params = m_params = static_cast<clustering_param*>(grown);
        m_room *= 2;
    }
    m_params[m_message.count++] = {bytes(param.name()), bytes(param)};
    return true;
}

void Parameters::apply(const clustering_verdict& verdict) {
    for (size_t i = 0; i < verdict.edit_count; i++) {
        const clustering_edit& edit = verdict.edits[i];
        if (edit.kind == CLUSTERING_CLEAR) {
            remove(edit);
        } else {
            set(edit.name, edit.value);
        }
    }
}

void Parameters::set(uint32_t number, const clustering_bytes& value) {
    const int length = static_cast<int>(value.len);
    NamedString*& param = m_found[number];
    if (!param && !wasRead(number)) {
        param = m_list.getParam(m_names[number]);
    }
    if (param) {
        // The value may be a part of the old text: `assign` copies before it frees.
        param->assign(chars(value), length);
        return;
    }
    param = new NamedString(m_names[number], chars(value), length);
    if (m_last) {
        m_last = m_last->append(param);
    } else {
        m_list.addParam(param);
    }
}

void Parameters::remove(const clustering_edit& edit) {
    if (edit.name == CLUSTERING_OTHER_NAME) {
        // A copy, since the text is that of a parameter which goes.
        m_list.clearParam(string(edit.name_text));
    } else if (m_found[edit.name] || !wasRead(edit.name)) {
        m_list.clearParam(m_names[edit.name]);
        m_found[edit.name] = nullptr;
    } else {
        return;
    }
    // It may have been the last one.
    m_last = nullptr;
}

} // namespace clustering

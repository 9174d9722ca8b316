// SPDX-License-Identifier: GPL-2.0-or-later

#include "message.h"

#include <cstdlib>
#include <cstring>

using namespace TelEngine;

namespace clustering {

Names::Names() {
    for (uint32_t number = 0; number < s_most; number++) {
        m_names[number] = string(clustering_name(number));
    }
}

bool Names::complete() const {
    return clustering_name(s_most).len == 0;
}

Wanted::Wanted(clustering_kind kind, const Names& names) {
    while (m_count < s_most) {
        const uint32_t number = clustering_wanted(kind, m_count);
        if (number == CLUSTERING_OTHER_NAME) {
            break;
        }
        const String& name = names[number];
        m_names[m_count++] = &name;
        m_lengths |= uint64_t{1} << (name.length() & 63);
    }
}

int Wanted::find(const String& name) const {
    const unsigned length = name.length();
    if (!(m_lengths >> (length & 63) & 1)) {
        return -1;
    }
    for (unsigned i = 0; i < m_count; i++) {
        if (m_names[i]->length() == length &&
            !::memcmp(m_names[i]->c_str(), name.c_str(), length)) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

Parameters::Parameters(const NamedList& message) {
    for (const ObjList* o = message.paramList()->skipNull(); o; o = o->skipNext()) {
        append(*static_cast<const NamedString*>(o->get()));
    }
}

Parameters::Parameters(const NamedList& message, const Wanted& wanted) {
    uint32_t found = 0;
    for (const ObjList* o = message.paramList()->skipNull(); o; o = o->skipNext()) {
        const NamedString* param = static_cast<const NamedString*>(o->get());
        const int place = wanted.find(param->name());
        if (place < 0 || (found >> place & 1)) {
            continue;
        }
        found |= uint32_t{1} << place;
        append(*param);
        if (m_count == wanted.count()) {
            break;
        }
    }
}

Parameters::~Parameters() {
    if (m_params != m_inline) {
        ::free(m_params);
    }
}

void Parameters::append(const NamedString& param) {
    if (m_count == m_room) {
        const size_t room = m_room * 2;
        void* grown = ::malloc(room * sizeof(clustering_param));
        if (!grown) {
            // The engine itself goes on without memory as well as it can: so the rest isn't seen.
            return;
        }
        ::memcpy(grown, m_params, m_count * sizeof(clustering_param));
        if (m_params != m_inline) {
            ::free(m_params);
        }
        m_params = static_cast<clustering_param*>(grown);
        m_room = room;
    }
    m_params[m_count++] = {bytes(param.name()), bytes(param)};
}

void apply(const clustering_verdict& verdict, const Names& names, NamedList& list) {
    for (size_t i = 0; i < verdict.edit_count; i++) {
        const clustering_edit& edit = verdict.edits[i];
        String other;
        const String& name = names.of(edit, other);
        if (edit.kind == CLUSTERING_CLEAR) {
            list.clearParam(name);
            continue;
        }
        const int length = static_cast<int>(edit.value.len);
        // The value may be a part of the parameter's old text: `assign` copies before it frees.
        if (NamedString* param = list.getParam(name)) {
            param->assign(chars(edit.value), length);
        } else {
            list.addParam(new NamedString(name, chars(edit.value), length));
        }
    }
}

} // namespace clustering

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

void KnownParameters::read(NamedList& from, const NameFilter<ByHash>& wanted) {
    // Counted here, not in the members: the compiler would write those for each parameter.
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
            values[number] = borrowed(*param);
            seen |= bit;
        }
    }
    list = &from;
    last = end;
    tell(seen, again);
}

void KnownParameters::readValues(const NamedList& from, const NameFilter<ByCharacters>& wanted) {
    if (wanted.only() != Names::Other) {
        return readOnly(from, wanted);
    }
    uint64_t missing = wanted.wanted();
    for (const ObjList* o = from.paramList(); o && missing; o = o->next()) {
        const NamedString* param = static_cast<const NamedString*>(o->get());
        if (!param) {
            continue;
        }
        const unsigned number = wanted.find(param->name());
        const uint64_t bit = uint64_t{1} << number;
        if (missing & bit) {
            values[number] = borrowed(*param);
            missing &= ~bit;
        }
    }
    tell(wanted.wanted() & ~missing, 0);
}

// As `readValues`, where a single name is wanted.
void KnownParameters::readOnly(const NamedList& from, const NameFilter<ByCharacters>& wanted) {
    const Names& names = wanted.names();
    const unsigned only = wanted.only();
    const unsigned length = names[only].length();
    const char last = names[only].at(static_cast<int>(length) - 1);
    for (const ObjList* o = from.paramList(); o; o = o->next()) {
        const NamedString* param = static_cast<const NamedString*>(o->get());
        if (!param || param->name().length() != length) {
            continue;
        }
        const char* name = param->name().c_str();
        if (name[length - 1] == last && names.is(only, name, length)) {
            values[only] = borrowed(*param);
            return tell(wanted.wanted(), 0);
        }
    }
    tell(0, 0);
}

Parameters::Parameters(KnownParameters& known, const Names& names, uint64_t made, uint64_t now)
    : m_names(names), m_known(known) {
    m_known.message.made = made;
    m_known.message.now = now;
}

void Parameters::complete() {
    for (const ObjList* o = m_known.list->paramList()->skipNull(); o; o = o->skipNext()) {
        const NamedString* param = static_cast<const NamedString*>(o->get());
        m_all.push_back({borrowed(param->name()), borrowed(*param)});
    }
    m_known.message.params = m_all.data();
    m_known.message.count = m_all.size();
    m_known.message.complete = true;
}

void Parameters::apply(const clustering_verdict& verdict) {
    for (size_t i = 0; i < verdict.edit_count; i++) {
        const clustering_edit& edit = verdict.edits[i];
        if (edit.kind == CLUSTERING_EDIT_KIND_SET) {
            set(edit.name, edit.value);
        } else {
            remove(edit.name);
        }
    }
    for (size_t i = 0; i < verdict.other_edit_count; i++) {
        const clustering_other_edit& edit = verdict.other_edits[i];
        const String name(string(edit.name));
        m_known.list->clearParam(name);
        if (edit.kind == CLUSTERING_EDIT_KIND_SET) {
            const int length = static_cast<int>(edit.value.len);
            m_known.list->addParam(made<NamedString>(name, chars(edit.value), length));
        }
    }
}

void Parameters::set(unsigned number, const clustering_borrowed_text& value) {
    const int length = static_cast<int>(value.len);
    if (m_known.has(number)) {
        // The value may be a part of the old text: `assign` copies before it frees.
        m_known.found[number]->assign(chars(value), length);
        return;
    }
    NamedString* param = made<NamedString>(m_names[number], chars(value), length);
    m_known.found[number] = param;
    m_known.message.present |= uint64_t{1} << number;
    if (m_known.last) {
        m_known.last = m_known.last->append(param);
    } else {
        m_known.list->addParam(param);
    }
}

void Parameters::remove(unsigned number) {
    if (!m_known.has(number)) {
        return;
    }
    m_known.message.present &= ~(uint64_t{1} << number);
    // It may be the last one that goes.
    m_known.last = nullptr;
    const String& name = m_names[number];
    if (!name.endsWith("*")) {
        m_known.list->clearParam(name);
        return;
    }
    ObjList* o = m_known.list->paramList()->skipNull();
    while (o) {
        const String& own = static_cast<const NamedString*>(o->get())->name();
        if (!own.null() && m_names.find(own.c_str(), own.length()) == number) {
            o->remove();
            o = o->skipNull();
        } else {
            o = o->skipNext();
        }
    }
}

clustering_reply replyOf(const Message& asked) {
    clustering_reply reply = {};
    if (const NamedString* error = asked.getParam("error")) {
        reply.has_error = true;
        reply.error = borrowed(*error);
    }
    reply.reason = borrowed(asked["reason"]);
    return reply;
}

DbReply::DbReply(const Message& asked, bool handled) : m_reply(replyOf(asked)) {
    const Array* array = static_cast<Array*>(asked.userObject("Array"));
    if (array && array->getColumns() > 0) {
        // The first row has the names of the columns.
        for (int row = 1; row < array->getRows(); row++) {
            const GenObject* cell = array->get(0, row);
            m_rows.push_back(cell ? borrowed(cell->toString())
                                  : clustering_borrowed_text{nullptr, 0});
        }
    }
    m_reply.handled = handled;
    m_reply.rows = m_rows.data();
    m_reply.row_count = m_rows.size();
}

} // namespace clustering

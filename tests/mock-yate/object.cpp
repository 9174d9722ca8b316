// SPDX-License-Identifier: GPL-2.0-or-later
//
// Objects, references, the list and the table.

#include <yateclass.h>

using namespace TelEngine;

const String& GenObject::toString() const {
    return String::empty();
}

void* GenObject::getObject(const String& name) const {
    return (name == YATOM("GenObject")) ? const_cast<GenObject*>(this) : nullptr;
}

YCLASSIMP(RefObject, GenObject)

RefObject::~RefObject() {
    if (m_refcount.load() > 0) {
        Debug(DebugFail, "RefObject [%p] destroyed with count=%d", static_cast<void*>(this),
              m_refcount.load());
    }
}

bool RefObject::ref() {
    int count = m_refcount.load();
    while (count > 0) {
        if (m_refcount.compare_exchange_weak(count, count + 1)) {
            return true;
        }
    }
    return false;
}

bool RefObject::deref() {
    int count = m_refcount.load();
    while (count > 0) {
        if (m_refcount.compare_exchange_weak(count, count - 1)) {
            if (count == 1) {
                zeroRefs();
                return true;
            }
            return false;
        }
    }
    return false;
}

void RefObject::zeroRefs() {
    destroyed();
    delete this;
}

YCLASSIMP(ObjList, GenObject)

ObjList::~ObjList() {
    clear();
}

unsigned int ObjList::length() const {
    unsigned int n = 0;
    for (const ObjList* l = this; l; l = l->m_next) {
        ++n;
    }
    return n;
}

unsigned int ObjList::count() const {
    unsigned int n = 0;
    for (const ObjList* l = skipNull(); l; l = l->skipNext()) {
        ++n;
    }
    return n;
}

GenObject* ObjList::set(const GenObject* obj, bool delold) {
    GenObject* old = m_obj;
    if (old == obj) {
        return nullptr;
    }
    m_obj = const_cast<GenObject*>(obj);
    if (delold && old) {
        old->destruct();
        return nullptr;
    }
    return old;
}

ObjList* ObjList::last() const {
    const ObjList* l = this;
    while (l->m_next) {
        l = l->m_next;
    }
    return const_cast<ObjList*>(l);
}

ObjList* ObjList::skipNull() const {
    const ObjList* l = this;
    while (l && !l->m_obj) {
        l = l->m_next;
    }
    return const_cast<ObjList*>(l);
}

ObjList* ObjList::skipNext() const {
    return m_next ? m_next->skipNull() : nullptr;
}

ObjList* ObjList::operator+(int index) const {
    if (index < 0) {
        return nullptr;
    }
    const ObjList* l = this;
    while (l && index--) {
        l = l->m_next;
    }
    return const_cast<ObjList*>(l);
}

GenObject* ObjList::at(int index) const {
    const ObjList* l = operator+(index);
    return l ? l->m_obj : nullptr;
}

GenObject* ObjList::operator[](const String& str) const {
    const ObjList* l = find(str);
    return l ? l->m_obj : nullptr;
}

ObjList* ObjList::find(const GenObject* obj) const {
    const ObjList* l = this;
    while (l && l->m_obj != obj) {
        l = l->m_next;
    }
    return const_cast<ObjList*>(l);
}

ObjList* ObjList::find(const String& str) const {
    const ObjList* l = skipNull();
    while (l && str != l->m_obj->toString()) {
        l = l->skipNext();
    }
    return const_cast<ObjList*>(l);
}

int ObjList::index(const GenObject* obj) const {
    int i = 0;
    for (const ObjList* l = this; l; l = l->m_next, ++i) {
        if (l->m_obj == obj) {
            return i;
        }
    }
    return -1;
}

int ObjList::index(const String& str) const {
    int i = 0;
    for (const ObjList* l = this; l; l = l->m_next, ++i) {
        if (l->m_obj && str == l->m_obj->toString()) {
            return i;
        }
    }
    return -1;
}

ObjList* ObjList::insert(const GenObject* obj, bool compact) {
    if (m_obj || !compact) {
        auto* moved = new ObjList;
        moved->m_next = m_next;
        moved->m_obj = m_obj;
        moved->m_delete = m_delete;
        m_next = moved;
    }
    m_obj = const_cast<GenObject*>(obj);
    return this;
}

ObjList* ObjList::append(const GenObject* obj, bool compact) {
    ObjList* end = last();
    if (end->m_obj || !compact) {
        auto* added = new ObjList;
        added->m_delete = end->m_delete;
        end->m_next = added;
        end = added;
    }
    end->m_obj = const_cast<GenObject*>(obj);
    return end;
}

ObjList* ObjList::setUnique(const GenObject* obj, bool compact) {
    if (!obj) {
        return nullptr;
    }
    ObjList* l = find(obj->toString());
    if (!l) {
        return append(obj, compact);
    }
    l->set(obj);
    return l;
}

GenObject* ObjList::remove(bool delobj) {
    GenObject* old = m_obj;
    if (m_next) {
        ObjList* gone = m_next;
        m_next = gone->m_next;
        m_obj = gone->m_obj;
        m_delete = gone->m_delete;
        gone->m_next = nullptr;
        gone->m_obj = nullptr;
        gone->destruct();
    } else {
        m_obj = nullptr;
    }
    if (delobj && old) {
        old->destruct();
        old = nullptr;
    }
    return old;
}

GenObject* ObjList::remove(GenObject* obj, bool delobj) {
    ObjList* l = find(obj);
    return l ? l->remove(delobj) : nullptr;
}

GenObject* ObjList::remove(const String& str, bool delobj) {
    ObjList* l = find(str);
    return l ? l->remove(delobj) : nullptr;
}

void ObjList::clear() {
    while (m_obj || m_next) {
        const bool own = m_delete;
        remove(own);
    }
}

void ObjList::compact() {
    for (ObjList* l = this; l;) {
        if (!l->m_obj && l->m_next) {
            l->remove();
        } else {
            l = l->m_next;
        }
    }
}

YCLASSIMP(Array, RefObject)

Array::Array(int columns, int rows) : m_rows(rows), m_columns(columns) {
    m_cells =
        (rows > 0 && columns > 0) ? new GenObject*[static_cast<size_t>(rows) * columns]() : nullptr;
}

Array::~Array() {
    for (int i = 0; m_cells && i < m_rows * m_columns; ++i) {
        TelEngine::destruct(m_cells[i]);
    }
    delete[] m_cells;
}

GenObject** Array::cell(int column, int row) const {
    if (column < 0 || column >= m_columns || row < 0 || row >= m_rows) {
        return nullptr;
    }
    return m_cells + static_cast<ptrdiff_t>(row) * m_columns + column;
}

GenObject* Array::get(int column, int row) const {
    GenObject** place = cell(column, row);
    return place ? *place : nullptr;
}

GenObject* Array::take(int column, int row) {
    GenObject** place = cell(column, row);
    GenObject* obj = place ? *place : nullptr;
    if (place) {
        *place = nullptr;
    }
    return obj;
}

bool Array::set(GenObject* obj, int column, int row) {
    GenObject** place = cell(column, row);
    if (!place) {
        return false;
    }
    TelEngine::destruct(*place);
    *place = obj;
    return true;
}

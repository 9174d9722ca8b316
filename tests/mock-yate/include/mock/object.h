// SPDX-License-Identifier: GPL-2.0-or-later
//
// The object model: plain and reference counted objects, the list that owns them and the table of a
// database result.

#ifndef MOCK_YATE_OBJECT_H
#define MOCK_YATE_OBJECT_H

#include <mock/base.h>

namespace TelEngine {

/// The root of everything that can be put in a list.
class YATE_API GenObject {
    YNOCOPY(GenObject);

public:
    GenObject() = default;
    virtual ~GenObject() = default;
    virtual bool alive() const { return true; }
    /// Gives the object up: deletes it, or drops one reference of a RefObject.
    virtual void destruct() { delete this; }
    virtual const String& toString() const;
    /// The object as the named class, null if it isn't one.
    virtual void* getObject(const String& name) const;
    static inline void* getObject(const String& name, const GenObject* obj) {
        return obj ? obj->getObject(name) : nullptr;
    }
    /// The mock doesn't count objects.
    static inline bool getObjCounting() { return false; }
};

inline void destruct(GenObject* obj) {
    if (obj) {
        obj->destruct();
    }
}

/// Destructs an object and clears the pointer to it.
template <class Obj> void destruct(Obj*& obj) {
    if (obj) {
        obj->destruct();
        obj = nullptr;
    }
}

/// An object that lives as long as somebody holds a reference; it is born with one.
class YATE_API RefObject : public GenObject {
public:
    RefObject() = default;
    ~RefObject() override;
    void* getObject(const String& name) const override;
    bool alive() const override { return m_refcount.load() > 0; }
    /// False when the object is already dying.
    bool ref();
    /// True when this was the last reference.
    bool deref();
    inline int refcount() const { return m_refcount.load(); }
    void destruct() override { deref(); }
    static inline bool alive(const RefObject* obj) { return obj && obj->refcount() > 0; }

protected:
    virtual void zeroRefs();
    /// Called before the deletion, with all of the object still there.
    virtual void destroyed() {}

private:
    std::atomic<int> m_refcount{1};
};

/// Holds one reference to an object.
template <class Obj = RefObject> class RefPointer {
public:
    inline RefPointer() = default;
    inline RefPointer(const RefPointer<Obj>& value) { assign(value.m_pointer); }
    inline RefPointer(Obj* object) { assign(object); }
    inline ~RefPointer() { assign(nullptr); }
    inline RefPointer<Obj>& operator=(const RefPointer<Obj>& value) {
        if (this != &value) {
            assign(value.m_pointer);
        }
        return *this;
    }
    inline RefPointer<Obj>& operator=(Obj* object) {
        assign(object);
        return *this;
    }
    inline operator Obj*() const { return m_pointer; }
    inline Obj* operator->() const { return m_pointer; }
    inline Obj& operator*() const { return *m_pointer; }

private:
    void assign(Obj* object) {
        if (object == m_pointer) {
            return;
        }
        Obj* old = m_pointer;
        m_pointer = (object && object->ref()) ? object : nullptr;
        if (old) {
            old->deref();
        }
    }
    Obj* m_pointer = nullptr; // NOLINT(clang-analyzer-webkit*): this is the smart pointer
};

/// A list whose head is a node too: an empty list is one node that holds nothing, and length()
/// counts nodes while count() counts objects.
class YATE_API ObjList : public GenObject {
    YNOCOPY(ObjList);

public:
    ObjList() = default;
    ~ObjList() override;
    void* getObject(const String& name) const override;
    unsigned int length() const;
    unsigned int count() const;
    inline GenObject* get() const { return m_obj; }
    /// Replaces the object of this node; returns the old one if it wasn't deleted.
    GenObject* set(const GenObject* obj, bool delold = true);
    inline ObjList* next() const { return m_next; }
    ObjList* last() const;
    /// This node or the next one that holds an object.
    ObjList* skipNull() const;
    /// The next node that holds an object.
    ObjList* skipNext() const;
    GenObject* at(int index) const;
    ObjList* operator+(int index) const;
    inline GenObject* operator[](signed int index) const { return at(index); }
    inline GenObject* operator[](unsigned int index) const { return at(static_cast<int>(index)); }
    GenObject* operator[](const String& str) const;
    ObjList* find(const GenObject* obj) const;
    ObjList* find(const String& str) const;
    int index(const GenObject* obj) const;
    int index(const String& str) const;
    ObjList* insert(const GenObject* obj, bool compact = true);
    /// Returns the node that got the object; appending there next time spares the walk.
    ObjList* append(const GenObject* obj, bool compact = true);
    /// Replaces the object of the same name, else appends.
    ObjList* setUnique(const GenObject* obj, bool compact = true);
    /// Removes this node's object; the next node's content moves here.
    GenObject* remove(bool delobj = true);
    GenObject* remove(GenObject* obj, bool delobj = true);
    GenObject* remove(const String& str, bool delobj = true);
    void clear();
    void compact();
    inline bool autoDelete() const { return m_delete; }
    /// Whether this node owns its object.
    inline void setDelete(bool autodelete) { m_delete = autodelete; }

private:
    ObjList* m_next = nullptr;
    GenObject* m_obj = nullptr;
    bool m_delete = true;
};

/// A table of objects, columns first: row 0 of a database result holds the names of the columns.
class YATE_API Array : public RefObject {
public:
    explicit Array(int columns = 0, int rows = 0);
    ~Array() override;
    void* getObject(const String& name) const override;
    GenObject* get(int column, int row) const;
    GenObject* take(int column, int row);
    bool set(GenObject* obj, int column, int row);
    inline int getRows() const { return m_rows; }
    inline int getColumns() const { return m_columns; }
    YNOCOPY(Array);

private:
    GenObject** cell(int column, int row) const;
    int m_rows;
    int m_columns;
    GenObject** m_cells;
};

} // namespace TelEngine

#endif

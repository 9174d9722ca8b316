// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of lists, named and of objects, and of messages as texts.

#include "facts.h"

using namespace TelEngine;
using facts::listText;

namespace {

const char* const Null = nullptr;

void namedLists() {
    NamedList list("m");
    CHECK(list.length() == 1);
    CHECK(list.count() == 0);
    list.addParam("a", "1");
    list.addParam("b", "");
    list.addParam("a", "3");
    list.addParam("a.x", "4");
    list.addParam("ax", "5");
    CHECK_TEXT(listText(list), "m,a=1,b=,a=3,a.x=4,ax=5");
    CHECK(list.getValue("b", "def") == nullptr);
    CHECK_TEXT(list.getValue("c", "def"), "def");
    CHECK(list["c"].null());
    CHECK(&list["c"] == &String::empty());
    CHECK(list.getIntValue("b", 7) == 7);
    CHECK(list.getBoolValue("a", true));
    list.setParam("a", "9");
    CHECK_TEXT(listText(list), "m,a=9,b=,a=3,a.x=4,ax=5");
    list.setParam("a", Null);
    CHECK(list.getParam("a") != nullptr && list.getParam("a")->null());
    list.setParam("a", "8", true);
    CHECK_TEXT(listText(list), "m,a=8,b=,a.x=4,ax=5");
    list.setParam("n", 0);
    CHECK_TEXT(list["n"], "0");
    CHECK(list.getIndex("A") == -1);
    list.addParam("skipped", "", false);
    CHECK(!list.getParam("skipped"));
    list.addParam("g", "v", true, "pre.");
    CHECK(list.getParam("pre.g") != nullptr);
    NamedList copy("c");
    copy.addParam("a", "old");
    copy.addParam("gone", "x");
    copy.copyParam(list, "gone");
    copy.copyParams(list, "b, n,nope");
    CHECK_TEXT(listText(copy), "c,a=old,b=,n=0");
    copy.copyParam(list, "a", '.');
    CHECK_TEXT(listText(copy), "c,b=,n=0,a=8,a.x=4");
    copy.copySubParams(list, "pre.");
    CHECK_TEXT(copy["g"], "v");
    copy.copyParams(list);
    CHECK(copy.getParam("ax") != nullptr);
    list.clearParam("a", '.');
    CHECK_TEXT(listText(list), "m,b=,ax=5,n=0,pre.g=v");
    const Regexp digits("^[0-9]$");
    list.clearParam("ax", 0, &digits);
    CHECK(!list.getParam("ax"));
    unsigned int seen = 0;
    NamedIterator iter(list);
    while (iter.get()) {
        ++seen;
    }
    CHECK(seen == list.count());
    NamedString* param = new NamedString("name", "value");
    CHECK(param->toString() == "name");
    CHECK(*param == "value");
    list.setParam(param);
    CHECK(list.getParam("name") == param);
    NamedPointer* pointer = new NamedPointer("p", new String("data"), "v");
    list.addParam(pointer);
    CHECK(YOBJECT(NamedPointer, list.getParam("p")) == pointer);
    CHECK(pointer->userData() != nullptr);
    list.setParam("p", "w");
    CHECK(pointer->userData() == nullptr);
}

void replacements() {
    NamedList list("m");
    list.addParam("a", "1");
    list.addParam("b", "");
    list.addParam("s", "it's");
    list.addParam("nested", "${a}");
    String text("${a}-${ zz $ dd }-${b$q}-${}-${a${a}}-$ {a} ${");
    CHECK(list.replaceParams(text) == -1);
    CHECK_TEXT(text, "1-dd---1}-$ {a} ${");
    text = "${a}";
    CHECK(list.replaceParams(text) == 1);
    text = "plain";
    CHECK(list.replaceParams(text) == 0);
    text = "${s}";
    list.replaceParams(text, true);
    CHECK_TEXT(text, "it''s");
    text = "${nested}";
    list.replaceParams(text);
    CHECK_TEXT(text, "${a}");
    text = "${q$a$b}";
    list.replaceParams(text);
    CHECK_TEXT(text, "a$b");
}

void objects() {
    ObjList list;
    CHECK(list.length() == 1);
    CHECK(list.count() == 0);
    CHECK(list.skipNull() == nullptr);
    String* first = new String("one");
    list.append(first);
    list.append(new String("two"));
    list.insert(new String("zero"));
    CHECK(list.count() == 3);
    CHECK(list["one"] == first);
    CHECK(list[1] == first);
    CHECK(list.find(first) != nullptr);
    CHECK(list.remove(first, false) == first);
    CHECK(list.find(first) == nullptr);
    first->destruct();
    list.remove(String("zero"));
    CHECK(list.count() == 1);
    list.clear();
    CHECK(list.count() == 0);
    RefObject* object = new RefObject;
    CHECK(object->refcount() == 1);
    CHECK(object->ref());
    CHECK(!object->deref());
    {
        const RefPointer<RefObject> pointer(object);
        CHECK(object->refcount() == 2);
    }
    CHECK(object->refcount() == 1);
    TelEngine::destruct(object);
    CHECK(object == nullptr);
    Array* table = new Array(2, 3);
    CHECK(table->getRows() == 3);
    CHECK(table->getColumns() == 2);
    CHECK(table->get(0, 0) == nullptr);
    CHECK(table->set(new String("v"), 1, 2));
    CHECK(table->get(1, 2) != nullptr);
    CHECK(!table->get(5, 5));
    table->destruct();
}

void encoding() {
    Message msg("a.b", "rv:x");
    msg.addParam("k=1", "v:%\n");
    msg.addParam("e", "");
    msg.msgTime() = Time((u_int64_t)5000000);
    CHECK_TEXT(msg.encode("id:1"), "%%>message:id%z1:5:a.b:rv%zx:k%}1=v%z%%%J:e=");
    CHECK_TEXT(msg.encode(true, "i%d"), "%%<message:i%%d:true:a.b:rv%zx:k%}1=v%z%%%J:e=");
    RefObject* data = new RefObject;
    msg.userData(data);
    CHECK(data->refcount() == 2);
    Message copy(msg);
    CHECK(copy.userData() == nullptr);
    CHECK(copy.retValue() == "rv:x");
    CHECK(copy["e"].null() && copy.getParam("e"));
    msg.userData(nullptr);
    CHECK(data->refcount() == 1);
    data->destruct();
    msg = "other";
    CHECK(msg == "other");
    Message decoded("");
    String id;
    CHECK(decoded.decode("%%>message:q%zz:77:nm:rv:a=1:b:c=", id) == -2);
    CHECK_TEXT(id, "q:z");
    CHECK_TEXT(listText(decoded), "nm,a=1,c=");
    CHECK(decoded.decode("nonsense", id) == -1);
    CHECK(decoded.decode("%%>message:q:7", id) >= 0);
    bool handled = false;
    CHECK(decoded.decode("%%<message:7:true::zz:a=2:c", handled, "7") == -2);
    CHECK(handled);
    CHECK_TEXT(listText(decoded), "nm,a=2");
    CHECK_TEXT(decoded.retValue(), "zz");
    CHECK(decoded.decode("%%<message:8:true:", handled, "7") == -1);
    CHECK(decoded.decode("%%<message:7:false:", handled, "7") == -2);
    CHECK(!handled);
}

} // namespace

void facts::lists() {
    namedLists();
    replacements();
    objects();
    encoding();
}

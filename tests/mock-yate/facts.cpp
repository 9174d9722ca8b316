// SPDX-License-Identifier: GPL-2.0-or-later
//
// What modules rely on, checked in whatever engine this is compiled against. It passes in a real
// Yate and in the mock; that is how the mock is held to the engine:
//
//   g++ -std=c++17 $(yate-config --c-all) facts*.cpp $(yate-config --libs)
//
// It tells the two apart nowhere, and uses nothing but Yate's API. FACTS_MODULES names the
// directory of a real Yate's modules.

#include "facts.h"

#include <yatephone.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

using namespace TelEngine;

namespace {

int passed = 0;
int failed = 0;

const char* const Null = nullptr;

String listText(const NamedList& list) {
    String text;
    list.dump(text, ",");
    return text;
}

void stringNull() {
    CHECK(String().null());
    CHECK(String("").null());
    CHECK(String("abc", 0).null());
    CHECK(String(Null).null());
    CHECK(String() == "");
    CHECK(String() == Null);
    CHECK(String() == String(""));
    CHECK(!(String("x") == Null));
    CHECK_TEXT(String().safe(), Null);
    CHECK(*String().safe() == '\0');
    CHECK(!strcmp(String().safe("def"), "def"));
    String printed;
    printed.printf("%s", "");
    CHECK(!printed.null());
    CHECK(printed.length() == 0);
    CHECK(printed == "");
    CHECK(!(printed == String()));
    CHECK(!(printed == Null));
    String assigned("x");
    assigned = "";
    CHECK(assigned.null());
    assigned = "y";
    assigned.clear();
    CHECK(assigned.null());
    CHECK_TEXT(String("abc", 2, "de", 1), "abd");
    CHECK_TEXT(String('x', 3), "xxx");
    CHECK_TEXT(String(-5), "-5");
    CHECK_TEXT(String(true), "true");
    CHECK_TEXT(String(1e20), "1e+20");
    CHECK_TEXT(String("a") + Null + "b", "ab");
    const String text("key");
    CHECK(text.hash() == String::hash("key"));
    CHECK(String::hash(Null) == 0);
    CHECK(String("AbC") &= "aBc");
    CHECK(!(String("AbC") |= "aBc"));
    CHECK(text.at(3) == 0);
    CHECK(text.at(-1) == 0);
    CHECK(text[1] == 'e');
}

void stringBuild() {
    String s;
    s.append("", "/");
    CHECK(s.null());
    s.append("x", "/");
    CHECK_TEXT(s, "x");
    s.append("", "/");
    CHECK_TEXT(s, "x/");
    s.append(Null, "/");
    CHECK_TEXT(s, "x/");
    s.append(Null, "/", true);
    CHECK_TEXT(s, "x//");
    s = "";
    s << 1.5 << true << -3 << 7u << 'c' << Null << "d" << '\0';
    CHECK_TEXT(s, "1.5true-37cd");
    s = "abc";
    CHECK_TEXT(s.insert(1, "XY"), "aXYbc");
    CHECK_TEXT(s.insert(100, "Z"), "aXYbcZ");
    char longText[400];
    memset(longText, 'x', sizeof(longText) - 1);
    longText[sizeof(longText) - 1] = '\0';
    s.printf("%s", longText);
    CHECK(s.length() == 130);
    s.printf(1000, "%s", longText);
    CHECK(s.length() == 399);
    s = "ab";
    s = s.c_str() + 1;
    CHECK_TEXT(s, "b");
    ObjList parts;
    parts.append(new String("a"));
    parts.append(new String(""));
    parts.append(new String("b"));
    String joined;
    joined.append(parts, ",");
    CHECK_TEXT(joined, "a,b");
    joined.clear();
    joined.append(parts, ",", true);
    CHECK_TEXT(joined, "a,,b");
}

void stringSearch() {
    String s("abcabc");
    CHECK(s.find('b') == 1);
    CHECK(s.find('b', 2) == 4);
    CHECK(s.find("") == -1);
    CHECK(s.find("bc", 7) == -1);
    CHECK(s.rfind('b') == 4);
    CHECK(s.rfind("bc") == 4);
    CHECK(String().find('a') == -1);
    CHECK_TEXT(s.substr(-2), "bc");
    CHECK_TEXT(s.substr(-10, 2), "ab");
    CHECK_TEXT(s.substr(2, 100), "cabc");
    CHECK_TEXT(s.substr(6), Null);
    CHECK_TEXT(s.substr(1, 0), Null);
    String key("key word");
    CHECK(key.startsWith("key", true));
    CHECK(!key.startsWith("ke", true));
    CHECK(!key.startsWith(""));
    CHECK(!String().startsWith("x"));
    CHECK(key.startsWith("KEY", false, true));
    CHECK(key.startSkip("key"));
    CHECK_TEXT(key, "word");
    CHECK(!key.startSkip("wo"));
    CHECK(key.startSkip("wo", false));
    CHECK(key.startSkip("rd", false));
    CHECK(key.null());
    key = "key \t\r\n x";
    CHECK(key.startSkip("key"));
    CHECK_TEXT(key, "x");
    CHECK(!String("key:x").startsWith("key", true));
    CHECK(String("a-b c").endsWith("c", true));
    CHECK(!String("a-b c").endsWith("b c", true));
    CHECK(String("a-b c").endsWith("b c"));
    CHECK(!String("abc").endsWith(""));
    String blanks("  x\t\r\n");
    CHECK(blanks.trimBlanks().length() == 4);
    CHECK(blanks.trimSpaces().length() == 1);
    String none(" \t");
    CHECK(none.trimBlanks().null());
    CHECK_TEXT(String("aB1").toUpper(), "AB1");
    CHECK_TEXT(String("aB1").toLower(), "ab1");
}

void stringValues() {
    CHECK(String("010").toInteger() == 8);
    CHECK(String("0x1F").toInteger() == 31);
    CHECK(String("08").toInteger(-7) == -7);
    CHECK(String("010").toInteger(0, 10) == 10);
    CHECK(String(" 5").toInteger() == 5);
    CHECK(String("5 ").toInteger(-7) == -7);
    CHECK(String("5x").toInteger(-7) == -7);
    CHECK(String("").toInteger(-7) == -7);
    CHECK(String("2147483647").toInteger(-7) == -7);
    CHECK(String("2147483646").toInteger(-7) == 2147483646);
    CHECK(String("-2147483648").toInteger(-7) == -7);
    CHECK(String("99999999999").toInteger(-7) == -7);
    CHECK(String("1").toInteger(50, 0, 2, 9) == 2);
    CHECK(String("1").toInteger(50, 0, 2, 9, false) == 50);
    CHECK(String("x").toInteger(50, 0, 2, 9) == 50);
    static const TokenDict tokens[] = {{"one", 1}, {"two", 2}, {nullptr, 0}};
    CHECK(String("two").toInteger(tokens, -1) == 2);
    CHECK(String("7").toInteger(tokens, -1) == 7);
    CHECK(String("three").toInteger(tokens, -1) == -1);
    CHECK(lookup("one", tokens) == 1);
    CHECK(!strcmp(lookup(2, tokens), "two"));
    CHECK(lookup(3, tokens) == nullptr);
    CHECK(String("9223372036854775808").toInt64(-7) == -7);
    CHECK(String("9223372036854775807").toInt64(-7) == 9223372036854775807L);
    CHECK(String("18446744073709551616").toUInt64(7) == 7);
    CHECK(String("1e3").toDouble() == 1000);
    CHECK(String("1e3 ").toDouble(-7) == -7);
    for (const char* const* word =
             (const char* const[]){"true", "yes", "on", "enable", "t", nullptr};
         *word; ++word) {
        CHECK(String(*word).toBoolean(false));
        CHECK(String(*word).isBoolean());
    }
    for (const char* const* word =
             (const char* const[]){"false", "no", "off", "disable", "f", nullptr};
         *word; ++word) {
        CHECK(!String(*word).toBoolean(true));
        CHECK(String(*word).isBoolean());
    }
    for (const char* const* word =
             (const char* const[]){"True", "1", "0", "y", "enabled", " true", "", nullptr};
         *word; ++word) {
        CHECK(String(*word).toBoolean(true));
        CHECK(!String(*word).toBoolean(false));
        CHECK(!String(*word).isBoolean());
    }
    String text("5abc");
    int number = 9;
    text >> number;
    CHECK(number == 5);
    CHECK_TEXT(text, "abc");
    text >> number;
    CHECK(number == 5);
    text = "12:name:rest";
    text >> number >> ":";
    CHECK(number == 12);
    CHECK_TEXT(text, "name:rest");
    bool flag = false;
    text = "on x";
    text >> flag;
    CHECK(flag);
    CHECK_TEXT(text, " x");
    text = "yesno";
    flag = false;
    text >> flag;
    CHECK(!flag);
}

void stringSplit() {
    ObjList* parts = String("a,,b,").split(',');
    CHECK(parts->count() == 4);
    CHECK(String("").null());
    parts->destruct();
    parts = String("a,,b,").split(',', false);
    CHECK(parts->count() == 2);
    parts->destruct();
    parts = String().split(',');
    CHECK(parts->count() == 1);
    parts->destruct();
    parts = String().split(',', false);
    CHECK(parts->count() == 0);
    parts->destruct();
}

void stringEscapes() {
    CHECK_TEXT(String::msgEscape("a:b%c\nd=e", '='), "a%zb%%c%Jd%}e");
    CHECK_TEXT(String::msgUnescape("a%zb%%c%J"), "a:b%c\n");
    int error = 0;
    CHECK_TEXT(String::msgUnescape("ab%!x", &error), "ab%");
    CHECK(error >= 0);
    String::msgUnescape("ab", &error);
    CHECK(error == -1);
    CHECK_TEXT(String::sqlEscape("a'b\\c\"d"), "a''b\\\\c\"d");
    CHECK_TEXT(String::uriEscape("a b+c?d&e%f:g;h,i@j/k=l|m\x01"),
               "a%20b%2bc%3fd%26e%25f:g;h,i@j/k=l|m%01");
    CHECK_TEXT(String::uriEscape("a,b;c|d e+f", ",;|", " +?&"), "a%2cb%3bc%7cd e+f");
    CHECK_TEXT(String::uriUnescape("a+b%41"), "a+bA");
    CHECK_TEXT(String::uriUnescape("a%20b%zz"), "a b");
}

void regexps() {
    CHECK(!Regexp("a|b").matches("b"));
    CHECK(Regexp("a|b", true).matches("b"));
    CHECK(Regexp("ABC", false, true).matches("xabcx"));
    CHECK(Regexp("a.b").matches("a\nb"));
    CHECK(!Regexp("^b").matches("a\nb"));
    CHECK(!Regexp().matches(""));
    CHECK(!Regexp("").matches("x"));
    CHECK(Regexp("^$").matches(Null));
    Regexp bad("a\\(b");
    CHECK(!bad.matches("a"));
    CHECK(!bad.compile());
    bad = "x";
    CHECK(bad.matches("x"));
    String text("b1b");
    CHECK(text.matches(Regexp("\\(a\\)*b\\(1\\)\\(z\\)*")));
    CHECK(text.matchCount() == 2);
    CHECK_TEXT(text.matchString(), "b1");
    CHECK(text.matchOffset(1) == -1);
    CHECK_TEXT(text.matchString(1), Null);
    CHECK_TEXT(text.matchString(2), "1");
    CHECK(text.matchOffset(3) == -1);
    CHECK(text.matchLength(-1) == 0);
    text = "xay";
    CHECK(text.matches(Regexp("a")));
    CHECK(text.matchCount() == 1);
    CHECK_TEXT(text.matchString(1), "a");
    CHECK_TEXT(text.replaceMatches("<\\0|\\1|\\2|\\x\\\\\\"), "<a|a||\\x\\\\");
    CHECK(String(text).matchCount() == 0);
    text += "z";
    CHECK(text.matchCount() == 0);
    CHECK(!text.matches(Regexp("q")));
    CHECK_TEXT(text.replaceMatches("a\\0b\\1"), "ab");
    text = "abcdefghijk";
    CHECK(text.matches(Regexp("\\(a\\)\\(b\\)\\(c\\)\\(d\\)\\(e\\)\\(f\\)\\(g\\)\\(h\\)\\(i\\)")));
    CHECK_TEXT(text.replaceMatches("\\8\\9"), "h");
}

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

void messages() {
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

String configDir;

void writeFile(const char* name, const char* text) {
    FILE* file = fopen(configDir + "/" + name, "w");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

void configurations() {
    char dir[] = "/tmp/yate-facts-XXXXXX";
    CHECK(mkdtemp(dir) != nullptr);
    configDir = dir;
    writeFile("main.conf", "dropped=1\n"
                           "[ one ] text\n"
                           "  ; comment\n"
                           "#key=hash\n"
                           " a = 1 ; not a comment \n"
                           "a=2\n"
                           "empty=\n"
                           "flag\n"
                           "=nokey\n"
                           "quoted=\"x\"\n"
                           "long=first \\\n"
                           "   second\n"
                           "param=${nodename}\n"
                           "[two\n"
                           "still=one\n"
                           "[two]\n"
                           "[$include more.conf]\n"
                           "after=2\n"
                           "[$includesection base]\n"
                           "[One]\n"
                           "b=2\n"
                           "[one]\n"
                           "c=3\n"
                           "[$enabled off]\n"
                           "d=4\n"
                           "[$enabled else]\n"
                           "e=5\n"
                           "[$enabled yes]\n"
                           "f=6\n"
                           "[base]\n"
                           "shared=7\n"
                           "number=12\n"
                           "wrong=x\n");
    writeFile("more.conf", "more=1\n[three]\nx=y\n");
    Configuration cfg(configDir + "/main.conf");
    const NamedList* one = cfg.getSection("one");
    CHECK(one != nullptr);
    if (one) {
        CHECK_TEXT(listText(*one), "one,#key=hash,a=1 ; not a comment,a=2,empty=,flag=,"
                                   "quoted=\"x\",long=first second,param=${nodename},still=one,"
                                   "c=3,e=5,f=6");
    }
    CHECK(cfg.getValue("one", "empty", "def") == nullptr);
    CHECK_TEXT(cfg.getValue("one", "absent", "def"), "def");
    CHECK_TEXT(cfg.getValue("none", "absent", "def"), "def");
    CHECK_TEXT(cfg.getValue("One", "b"), "2");
    CHECK_TEXT(cfg.getValue("two", "more"), "1");
    CHECK_TEXT(cfg.getValue("two", "after"), "2");
    CHECK_TEXT(cfg.getValue("two", "shared"), "7");
    CHECK_TEXT(cfg.getValue("three", "x"), "y");
    CHECK(cfg.getSection("none") == nullptr);
    CHECK(cfg.getIntValue("base", "number", 1, 0, 10) == 10);
    CHECK(cfg.getIntValue("base", "number", 1, 0, 10, false) == 1);
    CHECK(cfg.getIntValue("base", "wrong", 99, 0, 10) == 99);
    CHECK(cfg.getBoolValue("base", "wrong", true));
    cfg.setValue("base", "number", 13);
    CHECK(cfg.getIntValue("base", "number") == 13);
    cfg.clearSection("base");
    CHECK(cfg.getSection("base") == nullptr);
    CHECK(cfg.load());
    CHECK(cfg.getIntValue("base", "number") == 12);
    writeFile("require.conf", "[a]\nb=1\n[$require missing.conf]\n");
    Configuration requiring;
    requiring = configDir + "/require.conf";
    CHECK(!requiring.load(false));
    CHECK_TEXT(requiring.getValue("a", "b"), "1");
    writeFile("include.conf", "[a]\nb=1\n[$include missing.conf]\nc=2\n");
    requiring = configDir + "/include.conf";
    CHECK(requiring.load(false));
    CHECK_TEXT(requiring.getValue("a", "c"), "2");
    requiring = configDir + "/missing.conf";
    CHECK(!requiring.load(false));
    CHECK(requiring.getSection("a") == nullptr);
    for (const char* const* name = (const char* const[]){"main.conf", "more.conf", "require.conf",
                                                         "include.conf", nullptr};
         *name; ++name) {
        unlink(configDir + "/" + *name);
    }
    rmdir(configDir);
}

String trace;

// Writes its letter to the trace and does what it was told.
class Probe : public MessageHandler {
public:
    Probe(const char* name, unsigned priority, char letter, bool result = false,
          const char* track = nullptr)
        : MessageHandler(name, priority, track), m_letter(letter), m_result(result) {}
    bool received(Message& msg) override {
        trace << m_letter;
        if (m_rename) {
            msg = m_rename;
        }
        if (m_add) {
            Engine::install(m_add);
            m_add = nullptr;
        }
        if (m_remove) {
            Engine::uninstall(m_remove);
            m_remove = nullptr;
        }
        return m_result;
    }
    const char* m_rename = nullptr;
    MessageHandler* m_add = nullptr;
    MessageHandler* m_remove = nullptr;

private:
    char m_letter;
    bool m_result;
};

// The letters of the handlers that a message went through; upper case results in handled.
String route(const char* name, bool broadcast = false) {
    trace.clear();
    Message msg(name, nullptr, broadcast);
    const bool handled = Engine::dispatch(msg);
    trace << (handled ? "+" : "-");
    return trace;
}

void dispatching() {
    Probe a("test", 10, 'a');
    Probe b("test", 20, 'b', true);
    Probe c("test", 30, 'c');
    Probe any(nullptr, 15, '*');
    CHECK(Engine::install(&c));
    CHECK(Engine::install(&a));
    CHECK(Engine::install(&b));
    CHECK(!Engine::install(&b));
    CHECK_TEXT(route("test"), "ab+");
    CHECK_TEXT(route("test", true), "abc+");
    CHECK_TEXT(route("unknown"), "-");
    Engine::install(&any);
    CHECK_TEXT(route("test"), "a*b+");
    CHECK_TEXT(route("unknown"), "*-");
    CHECK(Engine::uninstall(&any));
    CHECK(!Engine::uninstall(&any));

    Probe other("renamed", 25, 'r');
    Engine::install(&other);
    a.m_rename = "renamed";
    CHECK_TEXT(route("test"), "ar-");
    a.m_rename = nullptr;
    Engine::uninstall(&other);

    Probe late("test", 12, 'l');
    Probe early("test", 5, 'e');
    a.m_add = &late;
    CHECK_TEXT(route("test"), "alb+");
    late.m_add = &early;
    CHECK_TEXT(route("test"), "alb+");
    CHECK_TEXT(route("test"), "ealb+");
    a.m_remove = &late;
    CHECK_TEXT(route("test"), "eab+");
    Engine::uninstall(&early);

    struct {
        Probe first{"same", 50, 'x'};
        Probe second{"same", 50, 'y'};
    } same;
    Engine::install(&same.second);
    Engine::install(&same.first);
    CHECK_TEXT(route("same"), "xy-");
    Engine::uninstall(&same.first);
    Engine::uninstall(&same.second);
    Engine::uninstall(&a);
    Engine::uninstall(&b);
    Engine::uninstall(&c);
    CHECK(!Engine::enqueue(static_cast<Message*>(nullptr)));
}

/// A condition of a module's own making.
class OwnItem : public MatchingItemBase {
public:
    explicit OwnItem(bool negated) : MatchingItemBase(TypeCustom, "own", negated) {}

protected:
    bool runMatchListParam(const NamedList& list, MatchingParams* /*params*/) const override {
        return list.count() > 1;
    }
    MatchingItemBase* copyItem() const override { return new OwnItem(negated()); }
};

void ownFilters() {
    Probe f("test", 10, 'f');
    Engine::install(&f);
    const auto passes = [&](bool negated, bool second) {
        trace.clear();
        f.setFilter(new OwnItem(negated));
        Message msg("test");
        msg.addParam("first", "1");
        if (second) {
            msg.addParam("second", "2");
        }
        Engine::dispatch(msg);
        return !trace.null();
    };
    CHECK(passes(false, true));
    CHECK(!passes(false, false));
    CHECK(!passes(true, true));
    CHECK(passes(true, false));
    Engine::uninstall(&f);
}

void filters() {
    Probe f("test", 10, 'f');
    f.setFilter(new NamedString("key", "Value"));
    CHECK(f.filter() != nullptr);
    Engine::install(&f);
    const auto passes = [&](const char* value) {
        trace.clear();
        Message msg("test");
        if (value) {
            msg.addParam("key", value);
        }
        Engine::dispatch(msg);
        return !trace.null();
    };
    CHECK(passes("Value"));
    CHECK(!passes("value"));
    CHECK(!passes(Null));
    f.setFilter(new NamedString("key"));
    CHECK(passes(Null));
    CHECK(passes(""));
    CHECK(!passes("x"));
    f.setFilter(new NamedPointer("key", new Regexp("^a.c$")));
    CHECK(passes("abc"));
    CHECK(!passes("xabc"));
    CHECK(!passes(Null));
    f.clearFilter();
    CHECK(passes("x"));
    Engine::uninstall(&f);
}

void tracking() {
    Probe named("test", 10, 'n', false, "first");
    Probe bare("test", 20, 'b');
    CHECK_TEXT(named.trackName(), "first:10");
    CHECK(bare.trackName().null());
    MessageHandler* plain = new Probe("test", 1, 'p', false, nullptr);
    plain->destruct();
}

/// Holds a message until it is let go.
class Gate {
public:
    void pass() {
        m_inside = true;
        while (!m_open) {
            Thread::msleep(1);
        }
        m_inside = false;
    }
    void waitInside() const {
        while (!m_inside) {
            Thread::msleep(1);
        }
    }
    std::atomic<bool> m_inside{false};
    std::atomic<bool> m_open{false};
};

class GateHandler : public MessageHandler {
public:
    explicit GateHandler(Gate& gate) : MessageHandler("gate", 10), m_gate(gate) {}
    bool received(Message&) override {
        m_gate.pass();
        return true;
    }

private:
    Gate& m_gate;
};

class GateReceiver : public MessageReceiver {
public:
    explicit GateReceiver(Gate& gate) : m_gate(gate) {}
    bool received(Message&, int id) override {
        m_id = id;
        m_gate.pass();
        return true;
    }
    int m_id = 0;

private:
    Gate& m_gate;
};

class Sender : public Thread {
public:
    explicit Sender(std::atomic<bool>& done) : Thread("sender"), m_done(done) {}
    void run() override {
        CHECK(Thread::current() == this);
        CHECK_TEXT(Thread::currentName(), "sender");
        Engine::dispatch("gate");
        m_done = true;
    }

private:
    std::atomic<bool>& m_done;
};

class Opener : public Thread {
public:
    explicit Opener(Gate& gate) : Thread("opener"), m_gate(gate) {}
    void run() override {
        Thread::msleep(50);
        m_gate.m_open = true;
    }

private:
    Gate& m_gate;
};

void uninstalling() {
    CHECK(Thread::current() == nullptr);
    Gate gate;
    GateHandler handler(gate);
    Engine::install(&handler);
    std::atomic<bool> done{false};
    (new Sender(done))->startup();
    gate.waitInside();
    (new Opener(gate))->startup();
    // A handler isn't let go while a thread is in it ...
    CHECK(Engine::uninstall(&handler));
    CHECK(!gate.m_inside);
    while (!done) {
        Thread::msleep(1);
    }
    // ... but a relay is.
    Gate second;
    GateReceiver receiver(second);
    MessageRelay* relay = new MessageRelay("gate", &receiver, 7, 10);
    Engine::install(relay);
    done = false;
    (new Sender(done))->startup();
    second.waitInside();
    CHECK(Engine::uninstall(relay));
    CHECK(second.m_inside);
    CHECK(receiver.m_id == 7);
    relay->destruct();
    second.m_open = true;
    while (!done) {
        Thread::msleep(1);
    }
}

class Hook : public MessagePostHook {
public:
    void dispatched(const Message& msg, bool handled) override {
        trace << "[" << msg << (handled ? "+]" : "-]");
    }
};

void hooks() {
    Hook* hook = new Hook;
    CHECK(Engine::self()->setHook(hook));
    CHECK(!Engine::self()->setHook(hook));
    CHECK_TEXT(route("hooked"), "[hooked-]-");
    CHECK(Engine::self()->setHook(hook, true));
    CHECK(!Engine::self()->setHook(hook, true));
    CHECK_TEXT(route("hooked"), "-");
    hook->destruct();
}

void locks() {
    RWLock rw("rw");
    CHECK(rw.readLock(0));
    CHECK(rw.readLock(0));
    rw.unlock();
    rw.unlock();
    CHECK(rw.writeLock(0));
    CHECK(!rw.readLock(0));
    CHECK(!rw.writeLock(0));
    rw.unlock();
    Mutex recursive(true, "recursive");
    CHECK(recursive.lock());
    CHECK(recursive.lock());
    CHECK(recursive.unlock());
    CHECK(recursive.locked());
    CHECK(recursive.unlock());
    CHECK(!recursive.locked());
    Mutex plain(false, "plain");
    {
        Lock lock(plain);
        CHECK(lock.locked() == &plain);
        lock.drop();
        CHECK(lock.locked() == nullptr);
        CHECK(lock.acquire(plain));
        CHECK(!plain.lock(0));
        CHECK(!plain.lock(1000));
    }
    CHECK(!plain.locked());
    Semaphore semaphore(2, "semaphore", 1);
    CHECK(semaphore.lock(0));
    CHECK(!semaphore.lock(1000));
    CHECK(semaphore.unlock());
    CHECK(semaphore.lock(0));
    AtomicInt number(1);
    CHECK(number.inc() == 2);
    CHECK(number++ == 2);
    CHECK((int)number == 3);
}

/// A module, with what is protected in the base made public.
class TestModule : public Module {
public:
    enum { Own = Private, Second = Private << 1 };
    TestModule() : Module("factsmod", "misc") {}
    void initialize() override {}
    using Module::installRelay;
    using Module::messageName;
    using Module::relayId;
    using Module::relayInstalled;
    using Module::setup;
    using Module::uninstallRelay;
    using Module::uninstallRelays;
    enum { StatusId = Status, TimerId = Timer, CommandId = Command, RouteId = Route };
    bool received(Message& msg, int id) override {
        if (id == Own || id == Second) {
            trace << (id == Own ? "1" : "2");
            return id == Second;
        }
        return Module::received(msg, id);
    }
    void statusParams(String& str) override { str.append("count=3", ","); }
    void statusDetail(String& str) override { str.append("x=1", ","); }
    bool commandExecute(String& retVal, const String& line) override {
        if (line != "facts") {
            return false;
        }
        retVal = "done\r\n";
        return true;
    }
};

String command(const char* name, const char* param, const char* value, bool& handled) {
    Message msg(name);
    msg.addParam(param, value);
    handled = Engine::dispatch(msg);
    return msg.retValue();
}

void modules() {
    // Not on the stack: the engine may still know the plugin when this is over.
    TestModule& module = *new TestModule;
    bool handled = false;
    CHECK_TEXT(module.debugName(), "factsmod");
    CHECK(module.name() == "factsmod");
    CHECK_TEXT(TestModule::messageName(TestModule::RouteId), "call.route");
    CHECK(TestModule::messageName(TestModule::Own) == nullptr);
    CHECK(TestModule::relayId("call.execute") == 0x100);
    CHECK(TestModule::relayId("user.register") == 0);
    CHECK(!module.relayInstalled(TestModule::StatusId));
    module.setup();
    CHECK(module.relayInstalled(TestModule::StatusId));
    CHECK(module.relayInstalled(TestModule::TimerId));
    CHECK(!module.relayInstalled(TestModule::RouteId));
    CHECK_TEXT(command("engine.status", "module", "factsmod", handled),
               "name=factsmod,type=misc;count=3;x=1\r\n");
    CHECK(handled);
    CHECK_TEXT(command("engine.status", "module", "misc", handled),
               "name=factsmod,type=misc;count=3;x=1\r\n");
    CHECK(!handled);
    CHECK_TEXT(command("engine.status", "module", "factsmod x", handled), Null);
    Message overview("engine.status");
    overview.addParam("module", "factsmod");
    overview.addParam("details", "false");
    CHECK(Engine::dispatch(overview));
    CHECK_TEXT(overview.retValue(), "name=factsmod,type=misc;count=3\r\n");
    CHECK_TEXT(command("engine.command", "line", "facts", handled), "done\r\n");
    CHECK(handled);
    command("engine.command", "line", "other facts", handled);
    CHECK(!handled);
    CHECK_TEXT(command("engine.command", "partline", "status", handled), "factsmod");
    CHECK(!handled);
    Message level("engine.debug");
    level.addParam("module", "factsmod");
    level.addParam("line", "level 9");
    CHECK(Engine::dispatch(level));
    CHECK_TEXT(level.retValue(), "Module factsmod debug on level 9 objects off\r\n");
    CHECK(module.debugAt(DebugInfo));
    CHECK(!module.debugAt(DebugAll));
    module.debugSet("level 1");
    CHECK(module.debugLevel() == DebugConf);
    module.debugSet("level 5+");
    CHECK(module.debugLevel() == DebugWarn);
    module.debugSet("level 4+");
    CHECK(module.debugLevel() == DebugWarn);
    module.debugSet("reset");
    CHECK(module.debugLevel() == TelEngine::debugLevel());

    CHECK(module.installRelay(TestModule::Own, "own.message", 50));
    CHECK(module.installRelay(TestModule::Second, "own.message", 40));
    CHECK_TEXT(route("own.message"), "2+");
    CHECK(!module.installRelay(TestModule::Own << 2, "own.message", 0));
    CHECK(!module.installRelay("own.message", 50));
    CHECK(!module.installRelay(TestModule::Own << 2, 50));
    CHECK(module.installRelay(TestModule::Own, "own.message", 30));
    CHECK_TEXT(route("own.message", true), "21+");
    CHECK(!module.uninstallRelay(TestModule::Own));
    CHECK(!module.relayInstalled(TestModule::Own));
    CHECK(module.installRelay(TestModule::Own, "own.message", 30));
    CHECK_TEXT(route("own.message", true), "12+");
    CHECK(module.uninstallRelays());
    CHECK(!module.relayInstalled(TestModule::CommandId));
    CHECK_TEXT(route("own.message", true), "-");
    module.setup();
    CHECK(!module.relayInstalled(TestModule::CommandId));
    String items("one");
    CHECK(Module::itemComplete(items, "two", ""));
    CHECK(Module::itemComplete(items, "three", "th"));
    CHECK(!Module::itemComplete(items, "four", "x"));
    CHECK_TEXT(items, "one\ttwo\tthree");
    delete &module;
}

String lastLine;

void keepLine(const char* line, int) {
    lastLine = line;
}

void logging() {
    Debugger::setOutput(keepLine);
    Debug(DebugNote, "note %d", 1);
    CHECK_TEXT(lastLine, "<NOTE> note 1\n");
    lastLine.clear();
    Debug(DebugInfo, "info");
    CHECK(lastLine.null());
    Debug("facility", DebugWarn, "warn");
    CHECK_TEXT(lastLine, "<facility:WARN> warn\n");
    Alarm("component", DebugInfo, "alarm");
    CHECK_TEXT(lastLine, "<component:INFO> alarm\n");
    Output("plain %s", "text");
    CHECK_TEXT(lastLine, "plain text\n");
    const int level = debugLevel();
    CHECK(level == DebugNote);
    CHECK(debugLevel(99) == DebugAll);
    CHECK(debugLevel(-1) == DebugConf);
    debugLevel(level);
    CHECK(debugAt(DebugNote));
    CHECK(!debugAt(DebugInfo));
}

void silence(const char*, int) {}

} // namespace

void facts::check(bool ok, const char* what, const char* file, int line) {
    if (ok) {
        ++passed;
        return;
    }
    ++failed;
    const char* slash = strrchr(file, '/');
    printf("%s:%d: %s\n", slash ? slash + 1 : file, line, what);
}

void facts::checkText(const char* got, const char* expected, const char* what, const char* file,
                      int line) {
    const bool same = got && expected ? !strcmp(got, expected) : got == expected;
    check(same, what, file, line);
    if (!same) {
        printf("    is '%s', should be '%s'\n", got ? got : "(null)",
               expected ? expected : "(null)");
    }
}

int facts::result() {
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout);
    return failed ? 1 : 0;
}

int main() {
    // An engine runs once in a process, and these facts need one that doesn't.
    const pid_t running = fork();
    if (running == 0) {
        _exit(facts::runningEngine());
    }
    int status = 1;
    waitpid(running, &status, 0);
    Thread::idleMsec(5);
    Lockable::startUsingNow();
    logging();
    Debugger::setOutput(silence);
    stringNull();
    stringBuild();
    stringSearch();
    stringValues();
    stringSplit();
    stringEscapes();
    regexps();
    namedLists();
    replacements();
    objects();
    messages();
    locks();
    CHECK(!Engine::dispatch("before.engine"));
    Engine::self();
    configurations();
    dispatching();
    filters();
    ownFilters();
    tracking();
    uninstalling();
    hooks();
    modules();
    const int result = facts::result();
    return status ? 1 : result;
}

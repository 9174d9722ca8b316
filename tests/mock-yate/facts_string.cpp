// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of texts and regular expressions.

#include "facts.h"

#include <string.h>

using namespace TelEngine;

namespace {

const char* const Null = nullptr;

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

} // namespace

void facts::strings() {
    stringNull();
    stringBuild();
    stringSearch();
    stringValues();
    stringSplit();
    stringEscapes();
    regexps();
}

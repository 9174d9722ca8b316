// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of the files that an operator writes.

#include "facts.h"

#include <stdlib.h>
#include <unistd.h>

using namespace TelEngine;

void facts::configurations() {
    char dir[] = "/tmp/yate-facts-XXXXXX";
    CHECK(mkdtemp(dir) != nullptr);
    const String configDir = dir;
    const auto writeFile = [&](const char* name, const char* text) {
        write(configDir + "/" + name, text);
    };
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
    // A lone \r ends a line; a directive that includes nothing is a section; a link is no file of a
    // directory.
    writeFile("odd.conf", "[a]\rb=1\n[$include]\nc=2\n[$require ]\nd=3\n[]\ne=4\n");
    Configuration odd(configDir + "/odd.conf");
    CHECK_TEXT(odd.getValue("a", "b"), "1");
    CHECK_TEXT(odd.getValue("$include", "c"), "2");
    CHECK_TEXT(odd.getValue("$require", "e"), "4");
    writeFile("outside.conf", "[$requiresection b]\n[b]\nc=1\n");
    Configuration outside;
    outside = configDir + "/outside.conf";
    CHECK(!outside.load(false));
    writeFile("empty.conf", "[${nothing$}]\na=1\n[b]\n[$requiresection ${nothing$}]\nc=1\n");
    Configuration empty;
    empty = configDir + "/empty.conf";
    CHECK(empty.load(false));
    CHECK(empty.sections() == 1);
    CHECK_TEXT(empty.getValue("b", "c"), "1");
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
    for (const char* const* name =
             (const char* const[]){"main.conf", "more.conf", "require.conf", "include.conf",
                                   "odd.conf", "outside.conf", "empty.conf", nullptr};
         *name; ++name) {
        unlink(configDir + "/" + *name);
    }
    rmdir(configDir);
}

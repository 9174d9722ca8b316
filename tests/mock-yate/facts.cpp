// SPDX-License-Identifier: GPL-2.0-or-later
//
// The facts that modules rely on, checked in whatever engine this is compiled against. They pass in
// a real Yate and in the mock; so the mock is held to the engine:
//
//   g++ -std=c++17 $(yate-config --c-all) facts*.cpp $(yate-config --libs)
//
// It tells the two apart nowhere, and uses nothing but Yate's API. FACTS_MODULES names the
// directory of a real Yate's modules.

#include "facts.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace TelEngine;

namespace {

int passed = 0;
int failed = 0;

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

String facts::listText(const NamedList& list) {
    String text;
    list.dump(text, ",");
    return text;
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
    facts::logging();
    Debugger::setOutput(silence);
    facts::strings();
    facts::lists();
    facts::locks();
    CHECK(!Engine::dispatch("before.engine"));
    Engine::self();
    facts::configurations();
    facts::dispatching();
    facts::uninstalling();
    facts::modules();
    const int result = facts::result();
    return status ? 1 : result;
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// The groups of facts, each in a file of its own, and the count of the checks.

#ifndef MOCK_YATE_FACTS_H
#define MOCK_YATE_FACTS_H

#include <yatephone.h>

namespace facts {

void check(bool ok, const char* what, const char* file, int line);
/// Also tells what the text is, and takes null and empty for different things.
void checkText(const char* got, const char* expected, const char* what, const char* file, int line);
/// Prints how many checks there were; 0 if all of them passed.
int result();

/// A list's name and parameters, with commas between.
TelEngine::String listText(const TelEngine::NamedList& list);
void write(const TelEngine::String& file, const TelEngine::String& text);

/// The marks of the handlers that a message went through.
extern TelEngine::String trace;
/// Dispatches a message: its trace, with a final + if it was handled, else -.
TelEngine::String route(const char* name, bool broadcast = false);

// Of the API, in a process where no engine runs.
void logging();
void strings();
void lists();
void locks();
void configurations();
void dispatching();
void uninstalling();
void modules();

/// Runs an engine and checks what it does; result() at its end.
int runningEngine();

/// The configuration of the databases that databases() asks, in a running engine.
void configureDatabases(const TelEngine::String& directory);
void databases();
/// The registrar that asks them.
void registrar();

} // namespace facts

#define CHECK(expression) facts::check((expression), #expression, __FILE__, __LINE__)
#define CHECK_TEXT(text, expected)                                                                 \
    facts::checkText(TelEngine::String(text).c_str(), expected, #text, __FILE__, __LINE__)

#endif

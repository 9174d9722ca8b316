// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the facts are counted. facts.cpp has those of the API, facts_running.cpp those of an engine
// that runs, with its channels and databases.

#ifndef MOCK_YATE_FACTS_H
#define MOCK_YATE_FACTS_H

#include <yateclass.h>

namespace facts {

void check(bool ok, const char* what, const char* file, int line);
/// Also tells what the text is, and takes null and empty for different things.
void checkText(const char* got, const char* expected, const char* what, const char* file, int line);
/// Prints how many checks there were; 0 if all of them passed.
int result();

/// Runs an engine and checks what it does; result() at its end.
int runningEngine();

void write(const TelEngine::String& file, const TelEngine::String& text);
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

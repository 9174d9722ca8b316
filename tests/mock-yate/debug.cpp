// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log: levels, formats, and the receivers of lines.

#include "hold.h"

#include <yateclass.h>

#include <cstdio>
#include <cstring>
#include <ctime>

using namespace TelEngine;

namespace {

constexpr size_t LineSize = 8192;

void toStandardError(const char* line, int /*level*/) {
    const size_t len = strlen(line);
    YIGNORE(write(STDERR_FILENO, line, len) < 0);
}

std::atomic<int> threshold{DebugNote};
std::atomic<bool> enabled{true};
std::atomic<int> nesting{0};
std::atomic<Debugger::Formatting> timeFormat{Debugger::None};
std::atomic<uint32_t> startTime{0};
void (*output)(const char*, int) = toStandardError;
void (*secondOutput)(const char*, int) = nullptr;
void (*alarmHook)(const char*, int, const char*, const char*) = nullptr;
void (*relayHook)(int, const char*, const char*, const char*) = nullptr;
pthread_mutex_t outputLock = PTHREAD_MUTEX_INITIALIZER;
// A receiver of lines that logs something itself would never end.
thread_local bool inOutput = false;

int visible(int level) {
    return level < DebugConf ? DebugConf : (level > DebugAll ? DebugAll : level);
}

// Ends the line and hands it out. The buffer has room for two characters more.
void emit(int level, char* line) {
    size_t len = strlen(line);
    if (len && line[len - 1] == '\n') {
        --len;
    }
    line[len] = '\n';
    line[len + 1] = '\0';
    {
        const UncancelledHold hold(outputLock);
        inOutput = true;
        if (output) {
            output(line, level);
        }
        if (secondOutput) {
            secondOutput(line, level);
        }
        inOutput = false;
    }
    line[len] = '\0';
}

// Formats "time indent <facility:LEVEL> text" into the line; returns the text's place.
char* compose(char* line, const char* facility, int level, const char* format, va_list args) {
    unsigned int pos = Debugger::formatTime(line, timeFormat);
    for (int i = nesting; i > 0 && pos < 256; --i) {
        line[pos++] = ' ';
        line[pos++] = ' ';
    }
    const int tag = facility
                        ? snprintf(line + pos, 256, "<%s:%s> ", facility, debugLevelName(level))
                        : snprintf(line + pos, 256, "<%s> ", debugLevelName(level));
    pos += tag < 255 ? static_cast<unsigned int>(tag) : 255;
    vsnprintf(line + pos, LineSize - 2 - pos, c_safe(format), args);
    return line + pos;
}

void log(const char* facility, int level, const char* format, va_list args) {
    if (inOutput) {
        return;
    }
    char line[LineSize];
    compose(line, facility, level, format, args);
    if (relayHook) {
        relayHook(level, line, nullptr, nullptr);
    } else {
        emit(level, line);
    }
}

void alarm(const char* component, const char* info, int level, const char* format, va_list args) {
    if (inOutput || !format || level < DebugFail) {
        return;
    }
    if (null(component)) {
        component = "unknown";
    }
    char line[LineSize];
    const char* text = compose(line, component, level, format, args);
    if (relayHook) {
        relayHook(level, line, component, info);
        return;
    }
    emit(level, line);
    if (alarmHook) {
        alarmHook(text, level, component, info);
    }
}

} // namespace

int TelEngine::debugLevel() {
    return threshold;
}

int TelEngine::debugLevel(int level) {
    threshold = visible(level);
    return threshold;
}

bool TelEngine::debugAt(int level) {
    return enabled && level <= threshold;
}

const char* TelEngine::debugLevelName(int level) {
    static const char* const names[] = {"FAIL", "TEST", "CRIT", "CONF", "STUB", "WARN",
                                        "MILD", "NOTE", "CALL", "INFO", "ALL"};
    if (level < 0) {
        return "";
    }
    return names[level > DebugAll ? static_cast<int>(DebugAll) : level];
}

int DebugEnabler::debugLevel(int level) {
    m_chain = nullptr;
    m_level = visible(level);
    return m_level;
}

bool DebugEnabler::debugAt(int level) const {
    if (m_chain) {
        return m_chain->debugAt(level);
    }
    return m_enabled && level <= m_level;
}

void DebugEnabler::debugCopy(const DebugEnabler* original) {
    m_level = original ? original->debugLevel() : TelEngine::debugLevel();
    m_enabled = original ? original->debugEnabled() : true;
    m_chain = nullptr;
}

void DebugEnabler::debugSet(const char* desc) {
    String text(desc);
    if (text.startSkip("level")) {
        int level = debugLevel();
        text >> level;
        const bool keep =
            (text == "+" && debugLevel() > level) || (text == "-" && debugLevel() < level);
        debugLevel(keep ? debugLevel() : level);
    } else if (text == "reset") {
        debugLevel(TelEngine::debugLevel());
        debugEnabled(true);
    }
}

void TelEngine::Debug(int level, const char* format, ...) {
    if (!TelEngine::debugAt(level)) {
        return;
    }
    va_list args;
    va_start(args, format);
    log(nullptr, level, format, args);
    va_end(args);
}

void TelEngine::Debug(const char* facility, int level, const char* format, ...) {
    if (!TelEngine::debugAt(level)) {
        return;
    }
    va_list args;
    va_start(args, format);
    log(facility, level, format, args);
    va_end(args);
}

void TelEngine::Debug(const DebugEnabler* local, int level, const char* format, ...) {
    if (!enabled || !(local ? local->debugAt(level) : TelEngine::debugAt(level))) {
        return;
    }
    va_list args;
    va_start(args, format);
    log(local ? local->debugName() : nullptr, level, format, args);
    va_end(args);
}

void TelEngine::Alarm(const char* component, int level, const char* format, ...) {
    va_list args;
    va_start(args, format);
    alarm(component, nullptr, level, format, args);
    va_end(args);
}

void TelEngine::Alarm(const DebugEnabler* component, int level, const char* format, ...) {
    va_list args;
    va_start(args, format);
    alarm(component ? component->debugName() : nullptr, nullptr, level, format, args);
    va_end(args);
}

void TelEngine::Alarm(const char* component, const char* info, int level, const char* format, ...) {
    va_list args;
    va_start(args, format);
    alarm(component, info, level, format, args);
    va_end(args);
}

void TelEngine::Alarm(const DebugEnabler* component, const char* info, int level,
                      const char* format, ...) {
    va_list args;
    va_start(args, format);
    alarm(component ? component->debugName() : nullptr, info, level, format, args);
    va_end(args);
}

void TelEngine::Output(const char* format, ...) {
    if (TelEngine::null(format) || inOutput) {
        return;
    }
    char line[LineSize];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line) - 2, format, args);
    va_end(args);
    if (relayHook) {
        relayHook(-1, line, nullptr, nullptr);
    } else {
        emit(-1, line);
    }
}

void Debugger::enter(const char* format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof(text), c_safe(format), args);
    TelEngine::Debug(m_level, ">>> %s%s%s", m_name, *text ? " " : "", text);
    ++nesting;
}

Debugger::Debugger(const char* name, const char* format, ...)
    : m_name(TelEngine::debugAt(DebugAll) ? name : nullptr), m_level(DebugAll) {
    if (m_name) {
        va_list args;
        va_start(args, format);
        enter(format, args);
        va_end(args);
    }
}

Debugger::Debugger(int level, const char* name, const char* format, ...)
    : m_name(TelEngine::debugAt(level) ? name : nullptr), m_level(level) {
    if (m_name) {
        va_list args;
        va_start(args, format);
        enter(format, args);
        va_end(args);
    }
}

Debugger::Debugger(DebugEnabler* enabler, int level, const char* name, const char* format, ...)
    : m_name((enabler && enabler->debugAt(level)) ? name : nullptr), m_level(level) {
    if (m_name) {
        va_list args;
        va_start(args, format);
        enter(format, args);
        va_end(args);
    }
}

Debugger::~Debugger() {
    if (m_name) {
        --nesting;
        TelEngine::Debug(m_level, "<<< %s", m_name);
    }
}

void Debugger::setOutput(void (*outFunc)(const char*, int)) {
    const Hold hold(outputLock);
    output = outFunc;
}

void Debugger::setIntOut(void (*outFunc)(const char*, int)) {
    const Hold hold(outputLock);
    secondOutput = outFunc;
}

void Debugger::setAlarmHook(void (*alarmFunc)(const char*, int, const char*, const char*)) {
    alarmHook = alarmFunc;
}

void Debugger::setRelayHook(void (*relayFunc)(int, const char*, const char*, const char*)) {
    relayHook = relayFunc;
}

void Debugger::enableOutput(bool enable, bool /*colorize*/) {
    enabled = enable;
}

Debugger::Formatting Debugger::getFormatting() {
    return timeFormat;
}

void Debugger::setFormatting(Formatting format, uint32_t startTimeSec) {
    startTime = startTimeSec ? startTimeSec : static_cast<uint32_t>(time(nullptr));
    timeFormat = format;
}

unsigned int Debugger::formatTime(char* buf, Formatting format) {
    timeval now{};
    gettimeofday(&now, nullptr);
    *buf = '\0';
    if (format == None) {
        return 0;
    }
    if (format == Relative || format == Absolute) {
        const long since =
            (format == Relative) ? now.tv_sec - static_cast<long>(startTime.load()) : now.tv_sec;
        return static_cast<unsigned int>(sprintf(buf, "%07ld.%06ld ", since, now.tv_usec));
    }
    tm parts{};
    const bool local = format == TextLocal || format == TextLSep;
    local ? localtime_r(&now.tv_sec, &parts) : gmtime_r(&now.tv_sec, &parts);
    const bool separated = format == TextSep || format == TextLSep;
    const size_t len = strftime(buf, 32, separated ? "%Y-%m-%d_%H:%M:%S" : "%Y%m%d%H%M%S", &parts);
    return static_cast<unsigned int>(len) +
           static_cast<unsigned int>(sprintf(buf + len, ".%06ld ", now.tv_usec));
}

void Debugger::relayOutput(int level, char* buffer, const char* component, const char* info) {
    if (TelEngine::null(buffer) || inOutput) {
        return;
    }
    emit(level, buffer);
    if (level >= 0 && alarmHook && !TelEngine::null(component)) {
        const char* text = strstr(buffer, "> ");
        alarmHook(text ? text + 2 : buffer, level, component, info);
    }
}

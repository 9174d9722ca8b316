// SPDX-License-Identifier: GPL-2.0-or-later
//
// Macros, forward declarations and the logging functions: the base of every other header of the
// mock.

#ifndef MOCK_YATE_BASE_H
#define MOCK_YATE_BASE_H

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef YATE_API
#define YATE_API
#endif

#ifdef HAVE_GCC_FORMAT_CHECK
#define FORMAT_CHECK(f) __attribute__((format(printf, (f), (f) + 1)))
#else
#define FORMAT_CHECK(f)
#endif

/// Use a value whose result is of no interest.
#define YIGNORE(v)                                                                                 \
    while (v) {                                                                                    \
        break;                                                                                     \
    }

#define FMT64 "%ld"
#define FMT64U "%lu"

// As in the engine, a constant String only where the compiler can return a block's value, a plain
// literal elsewhere: code must work with both.
#ifdef HAVE_BLOCK_RETURN
#define YSTRING(s)                                                                                 \
    (*({                                                                                           \
        static const TelEngine::String yateConstant("" s);                                         \
        &yateConstant;                                                                             \
    }))
#else
#define YSTRING(s) ("" s)
#endif
#define YATOM(s) YSTRING(s)

// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are class names.
#define YCLASS(type, base)                                                                         \
public:                                                                                            \
    void* getObject(const TelEngine::String& name) const override {                                \
        return (name == YATOM(#type)) ? const_cast<type*>(this) : base::getObject(name);           \
    }
#define YCLASS2(type, base1, base2)                                                                \
public:                                                                                            \
    void* getObject(const TelEngine::String& name) const override {                                \
        if (name == YATOM(#type)) {                                                                \
            return const_cast<type*>(this);                                                        \
        }                                                                                          \
        void* found = base1::getObject(name);                                                      \
        return found ? found : base2::getObject(name);                                             \
    }
#define YCLASSIMP(type, base)                                                                      \
    void* type::getObject(const TelEngine::String& name) const {                                   \
        return (name == YATOM(#type)) ? const_cast<type*>(this) : base::getObject(name);           \
    }
#define YCLASSIMP2(type, base1, base2)                                                             \
    void* type::getObject(const TelEngine::String& name) const {                                   \
        if (name == YATOM(#type)) {                                                                \
            return const_cast<type*>(this);                                                        \
        }                                                                                          \
        void* found = base1::getObject(name);                                                      \
        return found ? found : base2::getObject(name);                                             \
    }
#define YOBJECT(type, pntr)                                                                        \
    (static_cast<type*>(TelEngine::GenObject::getObject(YATOM(#type), pntr)))
#define YNOCOPY(type)                                                                              \
private:                                                                                           \
    type(const type&) = delete;                                                                    \
    void operator=(const type&) = delete
// NOLINTEND(bugprone-macro-parentheses)

#if defined(_DEBUG) || defined(DEBUG) || defined(XDEBUG)
#undef DEBUG
#define DEBUG 1
#endif
#ifdef DEBUG
#define DDebug Debug
#else
#define DDebug(...)
#endif
#ifdef XDEBUG
#define XDebug Debug
#else
#define XDebug(...)
#endif
#ifndef NDEBUG
#define NDebug Debug
#else
#define NDebug(...)
#endif

namespace TelEngine {

class GenObject;
class Lockable;
class Mutex;
class NamedCounter;
class ObjList;
class Regexp;
class RWLock;
class Semaphore;
class String;
class Thread;
struct StringMatch;

/// A number and its name, in tables that end with a null name.
struct TokenDict {
    const char* token;
    int value;
};

/// Severity of a log line; lower is worse.
enum DebugLevel {
    DebugFail = 0,
    DebugTest = 1,
    DebugCrit = 2,
    DebugGoOn = DebugCrit,
    DebugConf = 3,
    DebugStub = 4,
    DebugWarn = 5,
    DebugMild = 6,
    DebugNote = 7,
    DebugCall = 8,
    DebugInfo = 9,
    DebugAll = 10
};

/// The global threshold, and how to change it (clamped to CONF..ALL).
YATE_API int debugLevel();
YATE_API int debugLevel(int level);
YATE_API bool debugAt(int level);
YATE_API const char* debugLevelName(int level);

/// A threshold of one's own, usually of a plugin.
class YATE_API DebugEnabler {
public:
    inline explicit DebugEnabler(int level = TelEngine::debugLevel(), bool enabled = true)
        : m_enabled(enabled) {
        debugLevel(level);
    }
    inline ~DebugEnabler() {
        m_name = nullptr;
        m_chain = nullptr;
    }
    inline int debugLevel() const { return m_chain ? m_chain->debugLevel() : m_level; }
    int debugLevel(int level);
    inline bool debugEnabled() const { return m_chain ? m_chain->debugEnabled() : m_enabled; }
    inline void debugEnabled(bool enable) {
        m_enabled = enable;
        m_chain = nullptr;
    }
    inline const char* debugName() const { return m_name; }
    bool debugAt(int level) const;
    inline bool debugChained() const { return m_chain != nullptr; }
    inline void debugChain(const DebugEnabler* chain = nullptr) {
        m_chain = (chain != this) ? chain : nullptr;
    }
    /// Copies level and switch, not the chain.
    void debugCopy(const DebugEnabler* original = nullptr);
    /// Takes "level N", "level N+", "level N-" or "reset".
    void debugSet(const char* desc);

protected:
    inline void debugName(const char* name) { m_name = name; }

private:
    int m_level = DebugFail;
    bool m_enabled;
    const DebugEnabler* m_chain = nullptr;
    const char* m_name = nullptr;
};

YATE_API void Debug(int level, const char* format, ...) FORMAT_CHECK(2);
YATE_API void Debug(const char* facility, int level, const char* format, ...) FORMAT_CHECK(3);
YATE_API void Debug(const DebugEnabler* local, int level, const char* format, ...) FORMAT_CHECK(3);
/// Alarms are printed whatever the threshold is.
YATE_API void Alarm(const char* component, int level, const char* format, ...) FORMAT_CHECK(3);
YATE_API void Alarm(const DebugEnabler* component, int level, const char* format, ...)
    FORMAT_CHECK(3);
YATE_API void Alarm(const char* component, const char* info, int level, const char* format, ...)
    FORMAT_CHECK(4);
YATE_API void Alarm(const DebugEnabler* component, const char* info, int level, const char* format,
                    ...) FORMAT_CHECK(4);
/// A line without time or level, always printed.
YATE_API void Output(const char* format, ...) FORMAT_CHECK(1);

/// Indents the log for the life of the object, and the place for output's settings.
class YATE_API Debugger {
public:
    enum Formatting { None = 0, Relative, Absolute, Textual, TextLocal, TextSep, TextLSep };
    explicit Debugger(const char* name, const char* format = nullptr, ...);
    Debugger(int level, const char* name, const char* format = nullptr, ...);
    Debugger(DebugEnabler* enabler, int level, const char* name, const char* format = nullptr, ...);
    ~Debugger();
    /// The receiver of lines instead of the standard error; null silences it.
    static void setOutput(void (*outFunc)(const char*, int) = nullptr);
    /// A second receiver of each line.
    static void setIntOut(void (*outFunc)(const char*, int) = nullptr);
    /// Receives the text, level, component and info of each alarm.
    static void setAlarmHook(void (*alarmFunc)(const char*, int, const char*,
                                               const char*) = nullptr);
    /// Receives each line first; it then has to call relayOutput().
    static void setRelayHook(void (*relayFunc)(int, const char*, const char*,
                                               const char*) = nullptr);
    static void enableOutput(bool enable = true, bool colorize = false);
    static Formatting getFormatting();
    static void setFormatting(Formatting format, uint32_t startTimeSec = 0);
    static unsigned int formatTime(char* buf, Formatting format = getFormatting());
    static void relayOutput(int level, char* buffer, const char* component = nullptr,
                            const char* info = nullptr);
    YNOCOPY(Debugger);

private:
    void enter(const char* format, va_list args);
    const char* m_name;
    int m_level;
};

} // namespace TelEngine

#endif

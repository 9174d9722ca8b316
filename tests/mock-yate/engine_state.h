// SPDX-License-Identifier: GPL-2.0-or-later
//
// The state that the sources of the engine share. Modules don't use it.

#ifndef MOCK_YATE_ENGINE_STATE_H
#define MOCK_YATE_ENGINE_STATE_H

#include <yatengine.h>

namespace TelEngine {

/// A loaded library; closes it when deleted.
class Library {
public:
    /// Null if the file can't be loaded.
    static Library* load(const String& file, bool local, bool nounload);
    ~Library();
    const String& name() const { return m_name; }
    /// Asks the library's _unload whether it may go, or to get ready for it.
    bool unload(bool now) const;
    YNOCOPY(Library);

private:
    Library(void* handle, const String& name, bool nounload, size_t plugins)
        : m_name(name), m_handle(handle), m_noUnload(nounload), m_plugins(plugins) {}
    String m_name;
    void* m_handle;
    bool m_noUnload;
    size_t m_plugins;
};

/// The engine's state, which outlives all statics of the loaded libraries.
struct EngineState {
    Engine* engine = nullptr;
    Engine::RunMode mode = Engine::Stopped;
    String node;
    String configPath = "conf.d";
    String configName = "yate";
    String configSuffix = ".conf";
    String modulePath = "modules";
    String moduleSuffix = ".yate";
    std::vector<String> extraPaths;
    std::vector<String> commands;
    Configuration config;
    NamedList params{""};
    NamedList debugInit{""};
    unsigned int runId = 0;
    int minWorkers = 1;
    int maxWorkers = 10;
    int addWorkers = 1;
    bool localSymbols = false;
    bool keepLibraries = false;
    bool exitAfterInit = false;
    bool debugPending = true;
    bool earlyLibrary = false;
    std::atomic<int> haltCode{-1};
    std::atomic<bool> started{false};
    std::atomic<bool> initPending{false};
    std::atomic<bool> makeWorkers{true};
    std::atomic<int> workers{0};
    /// Guards the two lists, never held while foreign code runs.
    pthread_mutex_t listsLock = PTHREAD_MUTEX_INITIALIZER;
    std::vector<Plugin*> plugins;
    std::vector<Library*> libraries;

    /// A copy, so that the list may change while it is walked.
    std::vector<Plugin*> pluginList();
    bool hasPlugin(const Plugin* plugin);
    Plugin* plugin(const String& name);
    Library* library(const String& name);
    void addLibrary(Library* added, bool early);
    void removeLibrary(Library* gone);
};

EngineState& engineState();
/// The name of a library without directory and suffix.
String moduleBase(const String& file);
/// Sets the state from the command line; false if the program should end at once.
bool parseOptions(EngineState& state, int argc, const char** argv);
/// Reads what yate.conf has for the engine, and fills the run parameters.
void configure(EngineState& state);
/// The handlers of the engine's own messages.
void installEngineHandlers();

} // namespace TelEngine

#endif

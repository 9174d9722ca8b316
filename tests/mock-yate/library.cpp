// SPDX-License-Identifier: GPL-2.0-or-later
//
// Loading and unloading libraries, and the plugins that these register.

#include "engine_state.h"

#include "hold.h"

#include <algorithm>
#include <dirent.h>
#include <dlfcn.h>

using namespace TelEngine;

String TelEngine::moduleBase(const String& file) {
    String base = file.substr(file.rfind('/') + 1);
    const String& suffix = Engine::moduleSuffix();
    return base.endsWith(suffix) ? base.substr(0, static_cast<int>(base.length() - suffix.length()))
                                 : base;
}

std::vector<Plugin*> EngineState::pluginList() {
    const Hold hold(listsLock);
    return plugins;
}

bool EngineState::hasPlugin(const Plugin* plugin) {
    const Hold hold(listsLock);
    return std::find(plugins.begin(), plugins.end(), plugin) != plugins.end();
}

Plugin* EngineState::plugin(const String& name) {
    const Hold hold(listsLock);
    for (Plugin* p : plugins) {
        if (p->name() == name) {
            return p;
        }
    }
    return nullptr;
}

Library* EngineState::library(const String& name) {
    const Hold hold(listsLock);
    for (Library* l : libraries) {
        if (l->name() == name) {
            return l;
        }
    }
    return nullptr;
}

// Unloading goes from the front, so early ones go last.
void EngineState::addLibrary(Library* added, bool early) {
    const Hold hold(listsLock);
    libraries.insert(early ? libraries.end() : libraries.begin(), added);
}

void EngineState::removeLibrary(Library* gone) {
    {
        const Hold hold(listsLock);
        libraries.erase(std::remove(libraries.begin(), libraries.end(), gone), libraries.end());
    }
    delete gone;
}

Library* Library::load(const String& file, bool local, bool nounload) {
    const size_t before = engineState().pluginList().size();
    void* handle = dlopen(file, local ? RTLD_NOW : RTLD_NOW | RTLD_GLOBAL);
    if (!handle) {
        Debug(DebugWarn, "%s", dlerror());
        return nullptr;
    }
    return new Library(handle, moduleBase(file), nounload,
                       engineState().pluginList().size() - before);
}

Library::~Library() {
    if (m_noUnload || engineState().keepLibraries) {
        return;
    }
    const size_t before = engineState().pluginList().size();
    if (dlclose(m_handle)) {
        Debug(DebugCrit, "Error on dlclose(%p) of '%s'", m_handle, m_name.c_str());
    }
    const size_t removed = before - engineState().pluginList().size();
    if (removed != m_plugins) {
        Debug(DebugWarn, "Unloading '%s' removed %u out of %u plugins", m_name.c_str(),
              static_cast<unsigned int>(removed), static_cast<unsigned int>(m_plugins));
    }
}

bool Library::unload(bool now) const {
    if (m_noUnload) {
        return false;
    }
    auto* ask = reinterpret_cast<bool (*)(bool)>(dlsym(m_handle, "_unload"));
    return ask && ask(now);
}

Plugin::Plugin(const char* name, bool earlyInit) : m_name(name), m_early(earlyInit) {
    debugName(m_name);
    Engine::Register(this);
}

Plugin::~Plugin() {
    Engine::Register(this, false);
    debugName(nullptr);
}

YCLASSIMP(Plugin, GenObject)

bool Engine::Register(const Plugin* plugin, bool reg) {
    EngineState& state = engineState();
    const Hold hold(state.listsLock);
    const auto place = std::find(state.plugins.begin(), state.plugins.end(), plugin);
    if (!reg) {
        if (place != state.plugins.end()) {
            state.plugins.erase(place);
        }
        return true;
    }
    if (place != state.plugins.end()) {
        return false;
    }
    const bool early = plugin->earlyInit();
    state.earlyLibrary = state.earlyLibrary || early;
    state.plugins.insert(early ? state.plugins.begin() : state.plugins.end(),
                         const_cast<Plugin*>(plugin));
    return true;
}

bool Engine::pluginLoaded(const String& name) const {
    return engineState().library(name) != nullptr;
}

int Engine::usedPlugins() {
    int used = 0;
    for (const Plugin* p : engineState().pluginList()) {
        used += p->isBusy() ? 1 : 0;
    }
    return used;
}

bool Engine::loadPlugin(const String& file, bool local, bool nounload) {
    EngineState& state = engineState();
    state.earlyLibrary = false;
    Library* library = Library::load(file, local, nounload);
    if (library) {
        state.addLibrary(library, state.earlyLibrary);
    }
    return library != nullptr;
}

void Engine::tryPluginFile(const String& name, const String& path, bool defload) {
    const EngineState& state = engineState();
    if (!name.endsWith(state.moduleSuffix)) {
        return;
    }
    const NamedString* wanted = state.config.getKey("modules", name);
    if (wanted ? wanted->toBoolean(defload || wanted->null()) : defload) {
        loadPlugin(path + "/" + name,
                   state.config.getBoolValue("localsym", name, state.localSymbols),
                   state.config.getBoolValue("nounload", name));
    }
}

bool Engine::loadPluginDir(const String& relPath) {
    const EngineState& state = engineState();
    String path = state.modulePath;
    if (relPath.startsWith("/")) {
        path = relPath;
    } else if (relPath) {
        path << (path.endsWith("/") ? "" : "/") << relPath;
    }
    if (path.endsWith(state.moduleSuffix)) {
        const String name = path.substr(path.rfind('/') + 1);
        if (loadPlugin(path, state.config.getBoolValue("localsym", name, state.localSymbols),
                       state.config.getBoolValue("nounload", name))) {
            return true;
        }
    }
    if (path.endsWith("/")) {
        path = path.substr(0, static_cast<int>(path.length()) - 1);
    }
    DIR* dir = opendir(path);
    if (!dir) {
        return false;
    }
    const bool defload = state.config.getBoolValue("general", "modload", true);
    for (const dirent* entry = readdir(dir); entry && !exiting(); entry = readdir(dir)) {
        tryPluginFile(entry->d_name, path, defload);
    }
    closedir(dir);
    return true;
}

void Engine::loadPlugins() {
    EngineState& state = engineState();
    const auto loadListed = [&](const char* section) {
        const NamedList* files = state.config.getSection(section);
        for (const ObjList* l = files ? files->paramList()->skipNull() : nullptr; l && !exiting();
             l = l->skipNext()) {
            const auto* file = static_cast<const NamedString*>(l->get());
            String path = file->name();
            state.params.replaceParams(path);
            if (file->toBoolean(file->null())) {
                loadPlugin(path);
            }
        }
    };
    loadListed("preload");
    if (!loadPluginDir(String::empty())) {
        Debug(DebugWarn, "Engine::loadPlugins() failed directory '%s'", state.modulePath.safe());
    }
    for (const String& extra : state.extraPaths) {
        if (!loadPluginDir(extra)) {
            Debug(DebugWarn, "Engine::loadPlugins() failed directory '%s'", extra.safe());
        }
    }
    // In the engine's own tree the modules of a server have a directory of their own; a mock's
    // module directory seldom has one, so nothing is said if it is missing.
    loadPluginDir("server");
    if (const char* extra = state.config.getValue("general", "extrapath")) {
        loadPluginDir(extra);
    }
    loadListed("postload");
}

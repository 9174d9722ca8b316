// SPDX-License-Identifier: GPL-2.0-or-later

#include "host.h"

#include <yatephone.h>
#include <yateversn.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <link.h>

using namespace TelEngine;

namespace clustering {

namespace {

// The name of any engine's library, before the version.
constexpr char Library[] = "libyate.so.";

// Finds the version in the name of the engine's library. The first one is the engine's own: another
// module may have brought another one along.
int findVersion(dl_phdr_info* object, size_t, void* version) {
    const char* slash = ::strrchr(object->dlpi_name, '/');
    const char* name = slash ? slash + 1 : object->dlpi_name;
    if (::strncmp(name, Library, sizeof(Library) - 1) != 0) {
        return 0;
    }
    *static_cast<const char**>(version) = name + sizeof(Library) - 1;
    return 1;
}

// The table that a dynamic section points at. Most loaders have put the addresses right, some have
// not.
template <class Table> const Table* table(const link_map& object, ElfW(Addr) place) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are numbers there
    return reinterpret_cast<const Table*>(place < object.l_addr ? object.l_addr + place : place);
}

// A symbol of the engine's that this library needs and that isn't there; null where all are.
const char* missingSymbol() {
    static const char here = 0;
    Dl_info info;
    link_map* object = nullptr;
    if (!::dladdr1(&here, &info, reinterpret_cast<void**>(&object), RTLD_DL_LINKMAP)) {
        return nullptr;
    }
    const ElfW(Sym)* symbols = nullptr;
    const char* names = nullptr;
    const uint32_t* hash = nullptr;
    for (const ElfW(Dyn)* entry = object->l_ld; entry->d_tag != DT_NULL; entry++) {
        const ElfW(Addr) place = entry->d_un.d_ptr;
        switch (entry->d_tag) {
        case DT_SYMTAB:
            symbols = table<ElfW(Sym)>(*object, place);
            break;
        case DT_STRTAB:
            names = table<char>(*object, place);
            break;
        case DT_GNU_HASH:
            hash = table<uint32_t>(*object, place);
            break;
        }
    }
    if (!symbols || !names || !hash) {
        return nullptr;
    }
    // The table of hashes tells which symbol is the first that others find here. Before it are
    // those that are looked for elsewhere.
    const uint32_t own = hash[1];
    for (uint32_t i = 1; i < own; i++) {
        const char* name = names + symbols[i].st_name;
        if (::strstr(name, "9TelEngine") && !::dlsym(RTLD_DEFAULT, name)) {
            return name;
        }
    }
    return nullptr;
}

// Logs why the module isn't in the engine that it was built for.
bool misfit(const char* what, const char* found) {
    Debug("clustering", DebugConf,
          "Wrong Yate, this module was built for " YATE_VERSION " " YATE_STATUS YATE_RELEASE
          ": %s %s. Build it again for this one",
          what, found);
    return false;
}

} // namespace

bool matchesEngine() {
    // In this order: each step needs what the one before has made sure of.
    const char* version = nullptr;
    ::dl_iterate_phdr(findVersion, &version);
    if (version && ::strcmp(version, YATE_VERSION) != 0) {
        return misfit("this is", version);
    }
    if (const char* symbol = missingSymbol()) {
        return misfit("this one lacks", symbol);
    }
    const NamedList& params = Engine::runParams();
    if (params["version"] != YATE_VERSION) {
        return misfit("this is", params["version"].safe());
    }
    // The version has to do where the revision of one of them isn't known.
    const String& revision = params["revision"];
    if (revision && YATE_REVISION[0] && revision != YATE_REVISION) {
        return misfit("that was revision " YATE_REVISION ", this is", revision);
    }
    Output("Loaded module Clustering, built for Yate " YATE_VERSION " " YATE_STATUS YATE_RELEASE);
    return true;
}

} // namespace clustering

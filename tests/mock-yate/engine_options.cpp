// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line and yate.conf.

#include "engine_state.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <yateversn.h>

using namespace TelEngine;

namespace {

int logFile = -1;

void toLogFile(const char* line, int /*level*/) {
    YIGNORE(write(logFile, line, strlen(line)) < 0);
}

void openLog(const char* path) {
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (file < 0) {
        Debug(DebugWarn, "Can't open log file '%s' (%d: %s)", path, errno, strerror(errno));
        return;
    }
    if (logFile >= 0) {
        close(logFile);
    }
    logFile = file;
    Debugger::setOutput(toLogFile);
}

// The letters of -D; those of no use in a mock are accepted and ignored.
void debugFlags(EngineState& state, const char* flags, bool& timestamps) {
    for (; *flags; ++flags) {
        switch (*flags) {
        case 'l':
            state.localSymbols = true;
            break;
        case 'u':
            state.keepLibraries = true;
            break;
        case 'x':
            state.exitAfterInit = true;
            break;
        case 'i':
            state.initPending = true;
            break;
        case 'n':
            timestamps = false;
            break;
        default:
            break;
        }
    }
}

// Options that are followed by a value.
void setOption(EngineState& state, char option, const char* value) {
    switch (option) {
    case 'c':
        state.configPath = value;
        break;
    case 'm':
        state.modulePath = value;
        break;
    case 'x':
        state.extraPaths.emplace_back(value);
        break;
    case 'N':
        state.node = value;
        break;
    case 'n':
        state.configName = value;
        break;
    case 'l':
        openLog(value);
        break;
    case 'w':
        if (chdir(value)) {
            Debug(DebugWarn, "Can't change to directory '%s'", value);
        }
        break;
    default: // -e and -p: no shared files and no process to be found by its id
        break;
    }
}

void help(const char* program) {
    printf("Usage: %s [options] [commands ...]\n"
           "   -c DIR    configuration files (conf.d)\n"
           "   -m DIR    modules (modules)\n"
           "   -x PATH   more modules: a directory or one file\n"
           "   -n NAME   the main configuration file's name (yate)\n"
           "   -N NODE   node name\n"
           "   -l FILE   log file\n"
           "   -w DIR    work directory\n"
           "   -v, -q    log more, log less\n"
           "   -Dl       load libraries with local symbols\n"
           "   -Dn       no time in the log\n"
           "   -Du       never unload\n"
           "   -Dx       exit after initialization\n",
           program);
}

} // namespace

bool TelEngine::parseOptions(EngineState& state, int argc, const char** argv) {
    bool timestamps = true;
    for (int i = 1; i < argc; ++i) {
        const char* arg = argv[i];
        if (arg[0] != '-' || !arg[1]) {
            state.commands.emplace_back(arg);
            continue;
        }
        if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
            help(argv[0]);
            return false;
        }
        for (const char* letter = arg + 1; *letter; ++letter) {
            if (*letter == 'v' || *letter == 'q') {
                debugLevel(debugLevel() + (*letter == 'v' ? 1 : -1));
            } else if (*letter == 'D') {
                debugFlags(state, letter + 1, timestamps);
                break;
            } else if (strchr("cmxNnlwep", *letter)) {
                if (++i >= argc) {
                    fprintf(stderr, "Missing value of option -%c\n", *letter);
                    return false;
                }
                setOption(state, *letter, argv[i]);
                break;
            }
        }
    }
    Debugger::setFormatting(timestamps ? Debugger::TextLSep : Debugger::None);
    return true;
}

void TelEngine::configure(EngineState& state) {
    Configuration& config = state.config;
    NamedList& params = state.params;
    if (state.node.trimBlanks().null()) {
        char host[256] = "";
        gethostname(host, sizeof(host) - 1);
        state.node = config.getValue("general", "nodename", host);
        state.node.trimBlanks();
    }
    if (const char* path = config.getValue("general", "modpath")) {
        state.modulePath = path;
    }
    state.minWorkers = config.getIntValue("general", "minworkers", 1, 1, 500);
    state.maxWorkers = config.getIntValue("general", "maxworkers", 10, state.minWorkers, 1000);
    state.addWorkers = config.getIntValue("general", "addworkers", 1, 1, 10);
    // Another one may be claimed, for tests of the check.
    params.addParam("version", config.getValue("mock", "version", YATE_VERSION));
    params.addParam("release", YATE_STATUS YATE_RELEASE);
    params.addParam("revision", config.getValue("mock", "revision", YATE_REVISION));
    params.addParam("nodename", state.node);
    params.addParam("runid", state.runId);
    params.addParam("configname", state.configName);
    params.addParam("sharedpath", "");
    params.addParam("configpath", state.configPath);
    params.addParam("cfgsuffix", state.configSuffix);
    params.addParam("modulepath", state.modulePath);
    params.addParam("modsuffix", state.moduleSuffix);
    params.addParam("clientmode", false);
    params.addParam("supervised", false);
    params.addParam("minworkers", state.minWorkers);
    params.addParam("maxworkers", state.maxWorkers);
    params.addParam("addworkers", state.addWorkers);
    char path[4096];
    if (getcwd(path, sizeof(path))) {
        params.addParam("workpath", path);
    }
    const NamedList* more = config.getSection("run_params");
    for (const ObjList* l = more ? more->paramList()->skipNull() : nullptr; l; l = l->skipNext()) {
        const auto* param = static_cast<const NamedString*>(l->get());
        if (params.getParam(param->name())) {
            Debug(DebugMild, "Not overwriting runtime parameter '%s'", param->name().c_str());
            continue;
        }
        String value = *param;
        params.replaceParams(value);
        params.addParam(param->name(), value);
    }
    // Once more, now that the run parameters can be used in it.
    config.load();
    if (const NamedList* levels = config.getSection("debug")) {
        state.debugInit.copyParams(false, *levels);
    }
}

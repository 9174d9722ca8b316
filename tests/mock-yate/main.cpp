// SPDX-License-Identifier: GPL-2.0-or-later
//
// The yate-mock program: the engine, and the signals that stop and reload it.

#include <yatengine.h>

#include <csignal>

using namespace TelEngine;

namespace {

void onSignal(int number) {
    if (number == SIGHUP) {
        Engine::init();
    } else {
        Engine::halt(0);
    }
}

} // namespace

int main(int argc, const char** argv, const char** env) {
    signal(SIGINT, onSignal);
    signal(SIGTERM, onSignal);
    signal(SIGHUP, onSignal);
    return Engine::main(argc, argv, env);
}

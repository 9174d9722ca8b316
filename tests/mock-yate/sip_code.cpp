// SPDX-License-Identifier: GPL-2.0-or-later
//
// The engine's errors in SIP, and back.

#include "sip_code.h"

using namespace TelEngine;

namespace {

// An error becomes the first code it has here, and a code the first error. So a meaning that shares
// its code with another one (offline, timeout) arrives as that one.
const TokenDict Errors[] = {
    {"incomplete", 484},
    {"noroute", 404},
    {"noroute", 604},
    {"noconn", 503},
    {"noconn", 408},
    {"noauth", 401},
    {"noautoauth", 401},
    {"nomedia", 415},
    {"nocall", 481},
    {"busy", 486},
    {"busy", 600},
    {"noanswer", 480},
    {"noanswer", 487},
    {"rejected", 406},
    {"rejected", 606},
    {"forbidden", 403},
    {"forbidden", 603},
    {"offline", 404},
    {"congestion", 480},
    {"unallocated", 410},
    {"moved", 410},
    {"failure", 500},
    {"pending", 491},
    {"looping", 483},
    {"timeout", 408},
    {"timeout", 504},
    {"postdialdelay", 504},
    {"service-not-implemented", 501},
    {"unimplemented", 501},
    {"service-unavailable", 503},
    {"unacceptable", 488},
    {"noresource", 503},
    {"interworking", 500},
    {"interworking", 400},
    {"invalid-message", 400},
    {"protocol-error", 400},
    {nullptr, 0},
};

const TokenDict Phrases[] = {
    {"OK", 200},
    {"Bad Request", 400},
    {"Unauthorized", 401},
    {"Forbidden", 403},
    {"Not Found", 404},
    {"Method Not Allowed", 405},
    {"Not Acceptable", 406},
    {"Request Timeout", 408},
    {"Gone", 410},
    {"Unsupported Media Type", 415},
    {"Temporarily Unavailable", 480},
    {"Call/Transaction Does Not Exist", 481},
    {"Too Many Hops", 483},
    {"Address Incomplete", 484},
    {"Busy Here", 486},
    {"Request Terminated", 487},
    {"Not Acceptable Here", 488},
    {"Request Pending", 491},
    {"Server Internal Error", 500},
    {"Not Implemented", 501},
    {"Service Unavailable", 503},
    {"Server Time-out", 504},
    {"Busy Everywhere", 600},
    {"Decline", 603},
    {"Does Not Exist Anywhere", 604},
    {nullptr, 0},
};

} // namespace

int TelEngine::sipCode(const String& error, int unknown) {
    return error.toInteger(Errors, unknown);
}

const char* TelEngine::sipError(int code) {
    return lookup(code, Errors);
}

const char* TelEngine::sipPhrase(int code, const char* otherwise) {
    return lookup(code, Phrases, otherwise);
}

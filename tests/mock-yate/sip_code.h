// SPDX-License-Identifier: GPL-2.0-or-later
//
// The engine's errors in SIP, and back.

#ifndef MOCK_YATE_SIP_CODE_H
#define MOCK_YATE_SIP_CODE_H

#include <yatengine.h>

namespace TelEngine {

constexpr int SipOk = 200;
constexpr int SipTimeout = 408;

/// The code of an error, or of a number as text; the default if it is neither.
int sipCode(const String& error, int unknown);
/// The error that a code means; null if it means none.
const char* sipError(int code);
/// The usual phrase of a code; the text itself if there is none.
const char* sipPhrase(int code, const char* otherwise);

} // namespace TelEngine

#endif

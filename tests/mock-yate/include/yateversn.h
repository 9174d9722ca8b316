// SPDX-License-Identifier: GPL-2.0-or-later
//
// The version that the mock stands for.

#ifndef YATEVERSN_H
#define YATEVERSN_H

#define YATE_VERSION "6.4.1"
#define YATE_STATUS "mock"
#define YATE_RELEASE "1"
#define YATE_REVISION "mock"

#endif

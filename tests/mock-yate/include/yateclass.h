// SPDX-License-Identifier: GPL-2.0-or-later
//
// The mock engine's base classes, under the name that Yate's own header has.

#ifndef YATECLASS_H
#define YATECLASS_H

#include <mock/base.h>
#include <mock/named.h>
#include <mock/object.h>
#include <mock/string.h>
#include <mock/thread.h>

#endif

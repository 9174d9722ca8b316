// SPDX-License-Identifier: GPL-2.0-or-later

// A small file that outlives the engine.

#ifndef CLUSTERING_SHIM_STATE_FILE_H
#define CLUSTERING_SHIM_STATE_FILE_H

#include <yatephone.h>

namespace clustering {

/// The outcome of reading a file.
enum class FileRead {
    Done,
    /// There is no such file.
    Missing,
    /// It can't be read; `errno` has the reason.
    Failed,
};

/// Reads a whole file of text.
FileRead readFile(const TelEngine::String& path, TelEngine::String& text);

/// Replaces a file, so that at any time the old one or the new one is there, whole. `false` where
/// it can't be written; `errno` has the reason.
bool replaceFile(const TelEngine::String& path, const void* data, size_t length);

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

// Small files that are read or replaced whole.

#ifndef CLUSTERING_SHIM_STATE_FILE_H
#define CLUSTERING_SHIM_STATE_FILE_H

#include <vector>
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

/// Reads a whole file, NUL bytes too, which no string of the engine's can hold.
FileRead readFile(const TelEngine::String& path, std::vector<char>& content);

/// Replaces a file, so that at any time the old one or the new one is there, whole. `false` where
/// it can't be written; `errno` has the reason.
bool replaceFile(const TelEngine::String& path, const void* data, size_t length);

} // namespace clustering

#endif

// SPDX-License-Identifier: GPL-2.0-or-later

#include "state_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

using namespace TelEngine;

namespace clustering {

namespace {

// A file that is open.
class Descriptor {
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        const int error = errno;
        ::close(m_fd);
        errno = error;
    }
    int operator*() const { return m_fd; }
    bool isOpen() const { return m_fd >= 0; }

private:
    int m_fd;
};

bool writeAll(int fd, const char* data, size_t length) {
    while (length) {
        const ssize_t written = ::write(fd, data, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            data += written;
            length -= static_cast<size_t>(written);
        }
    }
    return ::fsync(fd) == 0;
}

} // namespace

FileRead readFile(const String& path, std::vector<char>& content) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.isOpen()) {
        return errno == ENOENT ? FileRead::Missing : FileRead::Failed;
    }
    char buffer[4096];
    ssize_t length = 0;
    while ((length = ::read(*file, buffer, sizeof(buffer))) != 0) {
        if (length > 0) {
            content.insert(content.end(), buffer, buffer + length);
        } else if (errno != EINTR) {
            return FileRead::Failed;
        }
    }
    return FileRead::Done;
}

bool replaceFile(const String& path, const void* data, size_t length) {
    const String next = path + ".new";
    {
        const Descriptor file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (!file.isOpen() || !writeAll(*file, static_cast<const char*>(data), length)) {
            return false;
        }
    }
    return ::rename(next.c_str(), path.c_str()) == 0;
}

} // namespace clustering

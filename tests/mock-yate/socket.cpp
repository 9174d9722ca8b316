// SPDX-License-Identifier: GPL-2.0-or-later
//
// Unix sockets that carry lines.

#include "socket.h"

#include "hold.h"

#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>

using namespace TelEngine;

namespace {

constexpr int PollMs = 50;

bool socketAddress(const char* path, sockaddr_un& address) {
    address = {};
    address.sun_family = AF_UNIX;
    if (null(path) || strlen(path) >= sizeof(address.sun_path)) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    return true;
}

bool readable(int fd, int timeoutMs) {
    pollfd wait = {fd, POLLIN, 0};
    return poll(&wait, 1, timeoutMs) > 0;
}

} // namespace

LineSocket::~LineSocket() {
    close(m_fd);
    pthread_mutex_destroy(&m_writeLock);
}

int LineSocket::connect(const char* path) {
    sockaddr_un address{};
    if (!socketAddress(path, address)) {
        return -1;
    }
    // Not blocking: a process that stands still must not stop those that connect to it.
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
        fcntl(fd, F_SETFL, 0) == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

bool LineSocket::readLine(std::string& line, int timeoutMs) {
    while (true) {
        const size_t end = m_buffer.find('\n');
        if (end != std::string::npos) {
            line.assign(m_buffer, 0, end);
            if (!line.empty() && line.back() == '\r') {
                line.pop_back();
            }
            m_buffer.erase(0, end + 1);
            return true;
        }
        if (m_closed || !readable(m_fd, timeoutMs)) {
            return false;
        }
        char data[4096];
        const ssize_t len = recv(m_fd, data, sizeof(data), 0);
        if (len > 0) {
            m_buffer.append(data, static_cast<size_t>(len));
        } else if (len == 0 || (errno != EINTR && errno != EAGAIN)) {
            m_closed = true;
        }
    }
}

bool LineSocket::writeLine(const char* line) {
    std::string text(c_safe(line));
    text += '\n';
    const Hold hold(m_writeLock);
    size_t done = 0;
    while (done < text.size() && !m_closed) {
        const ssize_t len = send(m_fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
        if (len > 0) {
            done += static_cast<size_t>(len);
        } else if (errno != EINTR) {
            m_closed = true;
        }
    }
    return done == text.size();
}

void LineSocket::shut() {
    m_closed = true;
    shutdown(m_fd, SHUT_RDWR);
}

int ListenThread::listen(const char* path) {
    sockaddr_un address{};
    const int fd =
        socketAddress(path, address) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) {
        return -1;
    }
    unlink(path);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) || ::listen(fd, 64)) {
        Debug(DebugWarn, "Can't listen at '%s' (%d: %s)", path, errno, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

void ListenThread::run() {
    while (!Thread::check(false)) {
        const int fd = readable(m_fd, PollMs) ? accept4(m_fd, nullptr, nullptr, SOCK_CLOEXEC) : -1;
        if (fd >= 0) {
            accepted(fd);
        }
    }
}

void ListenThread::cleanup() {
    close(m_fd);
    if (m_removeFile) {
        unlink(m_path.c_str());
    }
}

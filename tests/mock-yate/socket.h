// SPDX-License-Identifier: GPL-2.0-or-later
//
// Unix sockets that carry lines, for the external module protocol and for the wire.

#ifndef MOCK_YATE_SOCKET_H
#define MOCK_YATE_SOCKET_H

#include <yatengine.h>

#include <string>

namespace TelEngine {

/// A connected socket, read and written line by line.
class LineSocket {
public:
    explicit LineSocket(int fd) : m_fd(fd) {}
    ~LineSocket();
    /// Connects to a listening socket; -1 if nobody listens.
    static int connect(const char* path);
    /// Waits at most so long for a line. False if none came; then closed() tells why.
    bool readLine(std::string& line, int timeoutMs);
    /// Writes all of the line, from any thread.
    bool writeLine(const char* line);
    bool closed() const { return m_closed; }
    /// Ends the connection; a thread that reads sees it closed.
    void shut();
    YNOCOPY(LineSocket);

private:
    int m_fd;
    std::string m_buffer;
    pthread_mutex_t m_writeLock = PTHREAD_MUTEX_INITIALIZER;
    std::atomic<bool> m_closed{false};
};

/// Accepts connections until it is cancelled.
class ListenThread : public Thread {
public:
    /// The socket's file goes with the thread unless it is to be kept.
    ListenThread(const char* name, int fd, const char* path, bool removeFile = true)
        : Thread(name), m_fd(fd), m_path(path), m_removeFile(removeFile) {}
    /// A socket that listens at the path, which is replaced; -1 on failure.
    static int listen(const char* path);
    void run() override;
    void cleanup() override;

protected:
    /// Takes over the connection.
    virtual void accepted(int fd) = 0;

private:
    int m_fd;
    std::string m_path;
    bool m_removeFile;
};

} // namespace TelEngine

#endif

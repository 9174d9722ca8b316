// SPDX-License-Identifier: GPL-2.0-or-later
//
// A client of the external module protocol.

#ifndef MOCK_YATE_EXT_CLIENT_H
#define MOCK_YATE_EXT_CLIENT_H

#include "ext_message.h"
#include "socket.h"

#include <vector>

namespace TelEngine {

/// One connection.
class ExtClient : public Thread, public MessageReceiver {
public:
    /// Ends all clients; they go by themselves.
    static void dieAll();
    explicit ExtClient(int fd);
    void run() override;
    void cleanup() override;
    bool received(Message& msg, int id) override;
    /// While used it isn't deleted.
    void use() { ++m_uses; }
    void unuse() { --m_uses; }
    bool watches(const Message& msg);
    void write(const String& line) { m_socket.writeLine(line.c_str()); }
    void die();

private:
    /// A message that a handler waits to be answered.
    struct Waiting;
    void process(const String& line);
    void answer(const String& line);
    void install(String text);
    void watch(const String& name);
    void send(const String& line);

    LineSocket m_socket;
    std::atomic<bool> m_dead{false};
    std::atomic<int> m_uses{0};
    std::atomic<unsigned int> m_serial{0};
    std::vector<MessageRelay*> m_relays;
    std::vector<String> m_watched;
    RefPointer<ExtWatcher> m_watcher;
    std::vector<Waiting*> m_waiting;
    pthread_mutex_t m_lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t m_answered = PTHREAD_COND_INITIALIZER;
};

} // namespace TelEngine

#endif

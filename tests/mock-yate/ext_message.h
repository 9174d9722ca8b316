// SPDX-License-Identifier: GPL-2.0-or-later
//
// Messages between the engine and a client of the external module protocol.

#ifndef MOCK_YATE_EXT_MESSAGE_H
#define MOCK_YATE_EXT_MESSAGE_H

#include <yatengine.h>

namespace TelEngine {

class ExtClient;

/// A message sent by a client, which gets the result.
class ExtMessage : public Message {
public:
    ExtMessage() : Message("") {}
    ~ExtMessage() override;
    void* getObject(const String& name) const override;
    void sendFor(ExtClient* client);
    const ExtClient* client() const { return m_client; }
    String m_id;

protected:
    void dispatched(bool accepted) override {
        m_accepted = accepted;
        Message::dispatched(accepted);
    }

private:
    ExtClient* m_client = nullptr;
    bool m_accepted = false;
};

/// Shows a client the messages it watches, after they were dispatched.
class ExtWatcher : public MessagePostHook {
public:
    explicit ExtWatcher(ExtClient* client) : m_client(client) {}
    void dispatched(const Message& msg, bool handled) override;
    /// The client is about to go.
    void leave();

private:
    Mutex m_lock;
    ExtClient* m_client;
};

} // namespace TelEngine

#endif

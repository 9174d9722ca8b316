// SPDX-License-Identifier: GPL-2.0-or-later
//
// Messages between the engine and a client of the external module protocol.

#include "ext_message.h"

#include "ext_client.h"

using namespace TelEngine;

YCLASSIMP(ExtMessage, Message)

ExtMessage::~ExtMessage() {
    if (m_client) {
        m_client->write(encode(m_accepted, m_id));
        m_client->unuse();
    }
}

void ExtMessage::sendFor(ExtClient* client) {
    // A message without an id wants no answer.
    if (m_id) {
        m_client = client;
        client->use();
    }
    if (!Engine::enqueue(this)) {
        destruct();
    }
}

void ExtWatcher::dispatched(const Message& msg, bool handled) {
    const Lock lock(m_lock);
    if (!m_client || !m_client->watches(msg)) {
        return;
    }
    const auto* own = YOBJECT(ExtMessage, &msg);
    if (!own || own->client() != m_client) {
        m_client->write(msg.encode(handled, ""));
    }
}

void ExtWatcher::leave() {
    const Lock lock(m_lock);
    m_client = nullptr;
}

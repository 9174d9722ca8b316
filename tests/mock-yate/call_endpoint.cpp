// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ends of calls, and how they are joined and taken apart.

#include <yatephone.h>

using namespace TelEngine;

YCLASSIMP(CallEndpoint, RefObject)

CallEndpoint::CallEndpoint(const char* id) : m_id(id) {}

void CallEndpoint::setId(const char* newId) {
    m_id = newId;
}

Mutex& CallEndpoint::commonMutex() {
    static auto* mutex = new Mutex(true, "CallEndpoint");
    return *mutex;
}

void CallEndpoint::destroyed() {
    disconnect(true, nullptr, true, nullptr);
}

bool CallEndpoint::getPeerId(String& id) const {
    const Lock lock(commonMutex());
    id = m_peer ? m_peer->id() : String::empty();
    return !id.null();
}

String CallEndpoint::getPeerId() const {
    String id;
    getPeerId(id);
    return id;
}

bool CallEndpoint::getLastPeerId(String& id) const {
    const Lock lock(commonMutex());
    id = m_lastPeerId;
    return !id.null();
}

void CallEndpoint::setLastPeerId() {
    const Lock lock(commonMutex());
    if (m_peer) {
        m_lastPeerId = m_peer->id();
    }
}

bool CallEndpoint::connect(CallEndpoint* peer, const char* reason, bool notify) {
    if (!peer) {
        disconnect(reason, notify);
        return false;
    }
    const Lock lock(commonMutex());
    if (peer == m_peer) {
        return true;
    }
    if (peer == this || !ref()) {
        return false;
    }
    disconnect(reason, notify);
    if (!peer->ref()) {
        deref();
        return false;
    }
    peer->disconnect(reason, notify);
    setPeer(peer, reason);
    peer->setPeer(this, reason);
    return true;
}

bool CallEndpoint::disconnect(bool final, const char* reason, bool notify,
                              const NamedList* params) {
    CallEndpoint* peer = nullptr;
    {
        const Lock lock(commonMutex());
        peer = m_peer;
        if (!peer) {
            return false;
        }
        m_peer = nullptr;
        peer->setPeer(nullptr, reason, notify, params);
        if (final) {
            disconnected(true, reason);
        }
    }
    peer->deref();
    return !alive() || deref();
}

void CallEndpoint::setPeer(CallEndpoint* peer, const char* reason, bool notify,
                           const NamedList* params) {
    m_peer = peer;
    if (peer) {
        setDisconnect(nullptr);
        connected(reason);
    } else if (notify) {
        setDisconnect(params);
        disconnected(false, reason);
    }
}

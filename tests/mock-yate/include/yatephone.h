// SPDX-License-Identifier: GPL-2.0-or-later
//
// The module base class, and a call endpoint without media.

#ifndef YATEPHONE_H
#define YATEPHONE_H

#include <yatengine.h>

namespace TelEngine {

/// One end of a call: an identity, and the other end while there is one.
class YATE_API CallEndpoint : public RefObject {
    YNOCOPY(CallEndpoint);

public:
    void* getObject(const String& name) const override;
    const String& toString() const override { return m_id; }
    inline const String& id() const { return m_id; }
    /// Only to be used under the common mutex.
    inline CallEndpoint* getPeer() const { return m_peer; }
    bool getPeerId(String& id) const;
    String getPeerId() const;
    bool getLastPeerId(String& id) const;
    void setLastPeerId();
    /// Held while ends are taken apart, and by some of the engine's modules while they dispatch.
    static Mutex& commonMutex();
    /// Joins the two, which then hold each other; the ends that they were joined to before are
    /// told.
    bool connect(CallEndpoint* peer, const char* reason = nullptr, bool notify = true);
    /// Lets go of the other end and tells it why; true if this was the last reference to this end.
    inline bool disconnect(const char* reason = nullptr, bool notify = true,
                           const NamedList* params = nullptr) {
        return disconnect(false, reason, notify, params);
    }
    inline bool disconnect(const char* reason, const NamedList& params) {
        return disconnect(false, reason, true, &params);
    }
    void destroyed() override;

protected:
    explicit CallEndpoint(const char* id = nullptr);
    virtual void setId(const char* newId);
    virtual void connected(const char* /*reason*/) {}
    /// The other end is gone, or with final this one goes.
    virtual void disconnected(bool /*final*/, const char* /*reason*/) {}
    /// The parameters of the other end at its end; called before disconnected(), and without any at
    /// connect.
    virtual void setDisconnect(const NamedList* /*params*/) {}

private:
    bool disconnect(bool final, const char* reason, bool notify, const NamedList* params);
    void setPeer(CallEndpoint* peer, const char* reason, bool notify = true,
                 const NamedList* params = nullptr);
    CallEndpoint* m_peer = nullptr;
    String m_id;
    String m_lastPeerId;
};

/// A plugin that has relays for the messages every module answers.
class YATE_API Module : public Plugin, public Mutex, public MessageReceiver {
    YNOCOPY(Module);

public:
    void* getObject(const String& name) const override;
    inline const String& type() const { return m_type; }
    /// Have a module.update message sent in a while.
    void changed();
    static unsigned int updateDelay();
    static void updateDelay(unsigned int delay);
    inline bool filterInstalled() const { return !m_filter.null(); }
    bool filterDebug(const String& item) const;
    /// Adds the item to the TAB separated list if it starts with the partial word.
    static bool itemComplete(String& itemList, const String& item, const String& partWord);

protected:
    enum {
        Status = 0x00000001,
        Timer = 0x00000002,
        Level = 0x00000004,
        Command = 0x00000008,
        Help = 0x00000010,
        Halt = 0x00000020,
        Route = 0x00000040,
        Stop = 0x00000080,
        Execute = 0x00000100,
        Drop = 0x00000200,
        Locate = 0x00000400,
        Masquerade = 0x00000800,
        Ringing = 0x00001000,
        Answered = 0x00002000,
        Tone = 0x00004000,
        Text = 0x00008000,
        Progress = 0x00010000,
        Update = 0x00020000,
        Transfer = 0x00040000,
        Control = 0x00080000,
        MsgExecute = 0x00100000,
        PubLast = 0x00ffffff,
        Private = 0x01000000
    } RelayID;

    explicit Module(const char* name, const char* type = nullptr, bool earlyInit = false);
    ~Module() override;
    static const char* messageName(int id);
    static int relayId(const char* name);
    void initialize() override;
    /// Installs the timer, status, level and command relays, once.
    void setup();
    inline bool relayInstalled(int id) const { return (id & m_relays) != 0; }
    /// True also if the id is in use, whose priority then stays as it is.
    bool installRelay(int id, unsigned priority = 100, NamedString* filter = nullptr);
    bool installRelay(const char* name, unsigned priority = 100, NamedString* filter = nullptr);
    bool installRelay(int id, const char* name, unsigned priority = 100,
                      NamedString* filter = nullptr);
    bool installRelay(MessageRelay* relay);
    bool uninstallRelay(MessageRelay* relay, bool delRelay = true);
    /// Returns false whatever it did, as the engine's does.
    bool uninstallRelay(int id, bool delRelay = true);
    bool uninstallRelays();
    bool received(Message& msg, int id) override;
    virtual void genUpdate(Message& msg);
    virtual void msgTimer(Message& msg);
    virtual void msgStatus(Message& msg);
    virtual bool msgRoute(Message& msg);
    virtual bool msgCommand(Message& msg);
    virtual void statusModule(String& str);
    virtual void statusParams(String& str);
    virtual void statusDetail(String& str);
    virtual bool commandExecute(String& retVal, const String& line);
    virtual bool commandComplete(Message& msg, const String& partLine, const String& partWord);
    virtual bool setDebug(Message& msg, const String& target);

private:
    bool m_init = false;
    int m_relays = 0;
    String m_type;
    Regexp m_filter;
    uint64_t m_changed = 0;
    ObjList m_relayList;
};

} // namespace TelEngine

#endif

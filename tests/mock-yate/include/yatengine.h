// SPDX-License-Identifier: GPL-2.0-or-later
//
// Configuration, messages, plugins and the engine itself.

#ifndef YATENGINE_H
#define YATENGINE_H

#include <yatematchingitem.h>

#include <deque>
#include <vector>

namespace TelEngine {

/// A configuration file: sections of parameters.
class YATE_API Configuration : public String {
    YNOCOPY(Configuration);

public:
    Configuration() = default;
    explicit Configuration(const char* filename, bool warn = true);
    inline Configuration& operator=(const String& value) {
        String::operator=(value);
        return *this;
    }
    inline unsigned int sections() const { return m_sections.length(); }
    inline unsigned int count() const { return m_sections.count(); }
    NamedList* getSection(unsigned int index) const;
    NamedList* getSection(const String& sect) const;
    NamedString* getKey(const String& sect, const String& key) const;
    const char* getValue(const String& sect, const String& key,
                         const char* defvalue = nullptr) const;
    int getIntValue(const String& sect, const String& key, int defvalue = 0, int minvalue = INT_MIN,
                    int maxvalue = INT_MAX, bool clamp = true) const;
    int getIntValue(const String& sect, const String& key, const TokenDict* tokens,
                    int defvalue = 0) const;
    int64_t getInt64Value(const String& sect, const String& key, int64_t defvalue = 0,
                          int64_t minvalue = LLONG_MIN, int64_t maxvalue = LLONG_MAX,
                          bool clamp = true) const;
    double getDoubleValue(const String& sect, const String& key, double defvalue = 0.0) const;
    bool getBoolValue(const String& sect, const String& key, bool defvalue = false) const;
    void clearSection(const char* sect = nullptr);
    NamedList* createSection(const String& sect);
    void clearKey(const String& sect, const String& key);
    void addValue(const String& sect, const char* key, const char* value = nullptr);
    void setValue(const String& sect, const char* key, const char* value = nullptr);
    void setValue(const String& sect, const char* key, int value);
    void setValue(const String& sect, const char* key, bool value);
    /// Forgets all and reads the file; false if it or one that it requires is missing.
    bool load(bool warn = true);
    bool save() const;

private:
    ObjList m_sections;
};

class MessageDispatcher;

/// A message: its name, parameters, a returned text and an object that goes along.
class YATE_API Message : public NamedList {
    friend class MessageDispatcher;

public:
    explicit Message(const char* name, const char* retval = nullptr, bool broadcast = false);
    /// Copies don't get the user data.
    Message(const Message& original);
    Message(const Message& original, bool broadcast);
    ~Message() override;
    Message& operator=(const Message& value) = delete;
    /// Renames the message.
    inline Message& operator=(const char* value) {
        String::operator=(value);
        return *this;
    }
    void* getObject(const String& name) const override;
    inline String& retValue() { return m_return; }
    inline const String& retValue() const { return m_return; }
    inline RefObject* userData() const { return m_data; }
    void userData(RefObject* data);
    inline void* userObject(const String& name) const {
        return m_data ? m_data->getObject(name) : nullptr;
    }
    /// Tell the user data, if it is a MessageNotifier, after the dispatch.
    inline void setNotify(bool notify = true) { m_notify = notify; }
    inline bool broadcast() const { return m_broadcast; }
    inline Time& msgTime() { return m_time; }
    inline const Time& msgTime() const { return m_time; }
    /// The external module protocol's request line, its answer line, ...
    String encode(const char* id) const;
    String encode(bool received, const char* id) const;
    /// ... and the way to read them: -2 is success, -1 another kind of line, else the place of the
    /// error.
    int decode(const char* str, String& id);
    int decode(const char* str, bool& received, const char* id);

protected:
    /// Called after the dispatch.
    virtual void dispatched(bool accepted);

private:
    void encodeBody(String& str) const;
    int decodeBody(const char* str, int offs);
    String m_return;
    Time m_time;
    RefObject* m_data = nullptr; // NOLINT(clang-analyzer-webkit*): referenced by hand
    bool m_notify = false;
    bool m_broadcast;
};

/// A condition that a message must meet.
class YATE_API MessageFilter {
    YNOCOPY(MessageFilter);

public:
    MessageFilter() = default;
    inline ~MessageFilter() { clearFilter(); }
    /// Takes the condition over.
    void setFilter(MatchingItemBase* filter);
    /// A parameter's text, or a Regexp that a NamedPointer holds. Takes it over.
    void setFilter(NamedString* filter);
    void setFilter(const char* name, const char* value);
    inline void clearFilter() { setFilter(static_cast<MatchingItemBase*>(nullptr)); }
    inline const MatchingItemBase* getFilter() const { return m_filter; }
    inline bool matchesList(const NamedList& list) const {
        return !m_filter || m_filter->matchListParam(list);
    }
    inline bool matchesMsg(const Message& msg) const { return matchesList(msg); }

private:
    MatchingItemBase* m_filter = nullptr;
};

/// Handles messages of one name, or all of them if the name is null.
class YATE_API MessageHandler : public String, public MessageFilter {
    friend class MessageDispatcher;
    YNOCOPY(MessageHandler);

public:
    explicit MessageHandler(const char* name, unsigned priority = 100,
                            const char* trackName = nullptr, bool addPriority = true);
    ~MessageHandler() override;
    void destruct() override;
    /// True if the message was handled and need not go further.
    virtual bool received(Message& msg) = 0;
    inline unsigned priority() const { return m_priority; }
    inline const String& trackName() const { return m_trackName; }
    inline const String& trackNameOnly() const { return m_trackNameOnly; }
    /// Only while it isn't installed.
    void trackName(const char* name);
    inline NamedCounter* objectsCounter() const { return nullptr; }
    inline const MatchingItemBase* filter() const { return getFilter(); }

protected:
    void cleanup();
    virtual bool receivedInternal(Message& msg);
    /// From here on uninstall() no longer waits for this call.
    void safeNowInternal();

private:
    String m_trackName;
    String m_trackNameOnly;
    unsigned m_priority;
    std::atomic<int> m_unsafe{0};
    std::atomic<MessageDispatcher*> m_dispatcher{nullptr};
};

/// Receives the messages of several relays.
class YATE_API MessageReceiver : public GenObject {
public:
    virtual bool received(Message& msg, int id) = 0;
};

/// A handler that passes on to a receiver. It is safe to remove as soon as the receiver was called,
/// so the receiver may still be running when uninstall() is back.
class YATE_API MessageRelay : public MessageHandler {
    YNOCOPY(MessageRelay);

public:
    inline MessageRelay(const char* name, MessageReceiver* receiver, int id, int priority = 100,
                        const char* trackName = nullptr, bool addPriority = true)
        : MessageHandler(name, static_cast<unsigned>(priority), trackName, addPriority),
          m_receiver(receiver), m_id(id) {}
    bool received(Message& msg) override { return m_receiver && m_receiver->received(msg, m_id); }
    inline int id() const { return m_id; }

protected:
    bool receivedInternal(Message& msg) override;

private:
    MessageReceiver* m_receiver;
    int m_id;
};

/// Learns of a message after it was dispatched.
class YATE_API MessageNotifier {
public:
    MessageNotifier() = default;
    virtual ~MessageNotifier() = default;
    virtual void dispatched(const Message& msg, bool handled) = 0;
    YNOCOPY(MessageNotifier);
};

/// A notifier of all messages that pass its filter.
class YATE_API MessagePostHook : public RefObject, public MessageNotifier, public MessageFilter {};

/// Brings messages to the handlers, in order of priority and then of address.
class YATE_API MessageDispatcher : public GenObject {
    friend class Engine;
    YNOCOPY(MessageDispatcher);

public:
    explicit MessageDispatcher(const char* trackParam = nullptr);
    ~MessageDispatcher() override;
    inline const String& trackParam() const { return m_trackParam; }
    bool install(MessageHandler* handler);
    /// Waits until no thread is in the handler, so a handler can't uninstall itself.
    bool uninstall(MessageHandler* handler);
    bool dispatch(Message& msg);
    /// Owns the message if true.
    bool enqueue(Message* msg);
    bool dequeueOne();
    void dequeue();
    /// Waits for a message to be enqueued; false if no more is to be waited for.
    bool waitMessage(unsigned long maxUsec);
    /// Ends all waits for messages, now and later.
    void stopWorkers();
    inline void warnTime(uint64_t usec) { m_warnTime = usec; }
    /// Destructs all handlers and hooks.
    void clear();
    bool hasMessages();
    unsigned int messageCount();
    unsigned int handlerCount();
    unsigned int postHookCount();
    inline uint64_t enqueueCount() const { return m_enqueueCount; }
    inline uint64_t dequeueCount() const { return m_dequeueCount; }
    inline uint64_t dispatchCount() const { return m_dispatchCount; }
    inline RWLock& handlersLock() { return m_handlersLock; }
    bool setHook(MessagePostHook* hook, bool remove = false);

protected:
    inline void trackParam(const char* paramName) { m_trackParam = paramName; }

private:
    void track(Message& msg, const MessageHandler& handler) const;
    void runHooks(const Message& msg, bool handled);
    void warnSlow(const Message& msg, bool handled, uint64_t usec) const;
    std::vector<MessageHandler*> m_handlers;
    std::vector<RefPointer<MessagePostHook>> m_hooks;
    std::deque<Message*> m_messages;
    RWLock m_handlersLock{"DispatcherHandlers"};
    RWLock m_hooksLock{"DispatcherHooks"};
    pthread_mutex_t m_messagesLock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t m_messagesCond;
    bool m_stopped = false;
    String m_trackParam;
    unsigned int m_changes = 0;
    std::atomic<bool> m_haveHooks{false};
    uint64_t m_warnTime = 0;
    std::atomic<uint64_t> m_enqueueCount{0};
    std::atomic<uint64_t> m_dequeueCount{0};
    std::atomic<uint64_t> m_dispatchCount{0};
};

/// A plugin: a loaded library registers it, and the engine initializes it.
class YATE_API Plugin : public GenObject, public DebugEnabler {
    YNOCOPY(Plugin);

public:
    explicit Plugin(const char* name, bool earlyInit = false);
    ~Plugin() override;
    const String& toString() const override { return m_name; }
    void* getObject(const String& name) const override;
    /// Called after loading, at each reload, and when any module is loaded by command.
    virtual void initialize() = 0;
    virtual bool isBusy() const { return false; }
    inline const String& name() const { return m_name; }
    inline NamedCounter* objectsCounter() const { return nullptr; }
    inline bool earlyInit() const { return m_early; }

private:
    String m_name;
    bool m_early;
};

// NOLINTBEGIN(bugprone-macro-parentheses,bugprone-reserved-identifier): the names modules know
#define INIT_PLUGIN(pclass) static pclass __plugin
#ifdef DISABLE_UNLOAD
#define UNLOAD_PLUGIN(arg) static bool unusedUnload(bool arg)
#else
#define UNLOAD_PLUGIN(arg) extern "C" bool _unload(bool arg)
#endif
// NOLINTEND(bugprone-macro-parentheses,bugprone-reserved-identifier)

/// The engine: one a process, though its main() may run again after it returned.
class YATE_API Engine {
    YNOCOPY(Engine);

public:
    enum RunMode { Stopped = 0, Console = 1, Server = 2, Client = 3, ClientProxy = 4 };
    /// Runs the engine, on the calling thread, until halt(); returns the exit code. Installs no
    /// signal handlers, so that a test can run it on a thread of its own.
    static int main(int argc, const char** argv, const char** env, RunMode mode = Console);
    /// Creates the engine if there is none.
    static Engine* self();
    static bool Register(const Plugin* plugin, bool reg = true);
    static const String& nodeName();
    static String configFile(const char* name, bool user = false);
    static const String& configPath(bool user = false);
    static const String& configSuffix();
    static const String& modulePath();
    static const String& moduleSuffix();
    static const char* pathSeparator() { return "/"; }
    static const Configuration& config();
    /// The time of the start, in seconds.
    static unsigned int runId();
    static const NamedList& runParams();
    /// Asks the main thread to initialize all plugins again.
    static void init();
    /// Initializes one plugin at once, on the calling thread.
    static bool init(const String& name);
    static void halt(unsigned int code);
    static bool started();
    static bool exiting();
    static RunMode mode();
    static bool install(MessageHandler* handler);
    static bool uninstall(MessageHandler* handler);
    /// On false the message still is the caller's.
    static bool enqueue(Message* msg, bool skipHooks = false);
    static bool enqueue(const char* name, bool broadcast = false);
    static bool dispatch(Message* msg);
    static bool dispatch(Message& msg);
    static bool dispatch(const char* name, bool broadcast = false);
    static const String& trackParam();
    static MessageDispatcher* dispatcher();
    inline bool setHook(MessagePostHook* hook, bool remove = false) {
        return m_dispatcher.setHook(hook, remove);
    }
    bool pluginLoaded(const String& name) const;
    bool loadPluginDir(const String& relPath);
    int usedPlugins();
    inline unsigned int messageCount() { return m_dispatcher.messageCount(); }
    inline unsigned int handlerCount() { return m_dispatcher.handlerCount(); }
    inline unsigned int postHookCount() { return m_dispatcher.postHookCount(); }

private:
    friend class EngineCommand;
    Engine() = default;
    ~Engine() = default;
    void start();
    void run();
    void cleanup();
    void tick();
    void initPlugins();
    bool loadPlugin(const String& file, bool local = false, bool nounload = false);
    void loadPlugins();
    void tryPluginFile(const String& name, const String& path, bool defload);
    MessageDispatcher m_dispatcher;
};

} // namespace TelEngine

#endif

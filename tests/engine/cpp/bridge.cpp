// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine-bridge/cpp/bridge.h"

#include "engine-bridge/src/ffi.rs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <regex.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace TelEngine;

namespace engine_bridge {

namespace {

// The engine claims these for itself; a test process wants its own back.
constexpr std::array<int, 9> s_signals = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGCHLD,
                                          SIGABRT, SIGPIPE, SIGUSR1, SIGUSR2};
constexpr auto s_patience = std::chrono::seconds(20);
constexpr auto s_pause = std::chrono::milliseconds(2);
constexpr const char* s_ready = "bridge.ready";

std::thread s_thread;
std::atomic<bool> s_ended{false};
std::atomic<int> s_code{-1};
std::mutex s_stopping;
int s_log = -1;

void log_to_rust(const char* line, int level) {
    // Before Yate 6 a listener of notes hears of each call, too, which fills the memory that tests
    // measure.
    const bool chatter = DebugCall < DebugNote && level == DebugCall;
    if (line && !chatter) {
        log_line(Bytes(reinterpret_cast<const std::uint8_t*>(line), std::strlen(line)));
    }
}

void log_to_file(const char* line, int /*level*/) {
    const std::size_t length = std::strlen(line);
    if (write(s_log, line, length) != static_cast<ssize_t>(length)) {
        std::abort();
    }
}

template <typename Condition> bool wait_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + s_patience;
    while (!condition()) {
        if (s_ended || std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(s_pause);
    }
    return true;
}

Text optional(const String* text) {
    const bool present = text && text->c_str();
    return Text{present, present ? bytes_of(*text) : Buffer()};
}

rust::Vec<Param> params_of(const NamedList& list) {
    rust::Vec<Param> params;
    NamedIterator iterator(list);
    while (const NamedString* param = iterator.get()) {
        params.push_back(Param{bytes_of(param->name()), optional(param)});
    }
    return params;
}

rust::Vec<Text> cells_of(const Array* table) {
    rust::Vec<Text> cells;
    for (int row = 0; table && row < table->getRows(); row++) {
        for (int column = 0; column < table->getColumns(); column++) {
            cells.push_back(optional(YOBJECT(String, table->get(column, row))));
        }
    }
    return cells;
}

Bytes slice(const Buffer& bytes) {
    return {bytes.data(), bytes.size()};
}

class Handler : public MessageHandler {
public:
    Handler(const char* name, unsigned priority, const char* track, rust::Box<Callback> callback,
            std::shared_ptr<Installed::Slot> slot)
        : MessageHandler(name, priority, track), m_callback(std::move(callback)),
          m_slot(std::move(slot)) {}
    ~Handler() override {
        const std::lock_guard<std::mutex> lock(m_slot->mutex);
        m_slot->handler = nullptr;
    }
    bool received(Message& msg) override {
        Call call(msg);
        return m_callback->received(call);
    }

private:
    rust::Box<Callback> m_callback;
    std::shared_ptr<Installed::Slot> m_slot;
};

/// Answers the message by which start() sees that the engine's workers run.
class ReadyHandler : public MessageHandler {
public:
    explicit ReadyHandler(std::atomic<bool>& ready) : MessageHandler(s_ready), m_ready(ready) {}
    bool received(Message& /*msg*/) override {
        m_ready = true;
        return true;
    }

private:
    std::atomic<bool>& m_ready;
};

/// Waits for the main loop: only there the last signal handlers are in place and queued messages
/// are served.
bool wait_for_loop() {
    std::atomic<bool> ready{false};
    auto* handler = new ReadyHandler(ready);
    Engine::install(handler);
    const bool queued = enqueue(Packet{bytes_of(String(s_ready)), {}, false, 0, {}});
    const bool looping = queued && wait_until([&ready] { return ready.load(); });
    Engine::uninstall(handler);
    TelEngine::destruct(handler);
    return looping;
}

} // namespace

String text_of(Bytes bytes) {
    return bytes.empty() ? String()
                         : String(reinterpret_cast<const char*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
}

Buffer bytes_of(const String& text) {
    Buffer bytes;
    bytes.reserve(text.length());
    for (unsigned i = 0; i < text.length(); i++) {
        bytes.push_back(static_cast<std::uint8_t>(text.c_str()[i]));
    }
    return bytes;
}

Message* message_of(const Packet& packet) {
    auto* message = new Message(text_of(slice(packet.name)), nullptr, packet.broadcast);
    message->retValue() = text_of(slice(packet.retval));
    message->msgTime() -= static_cast<int64_t>(packet.age);
    for (const auto& param : packet.params) {
        message->addParam(text_of(slice(param.name)), text_of(slice(param.value.bytes)));
    }
    return message;
}

Buffer Call::name() const {
    return bytes_of(m_message);
}

rust::Vec<Param> Call::params() const {
    return params_of(m_message);
}

Text Call::get(Bytes name) const {
    return optional(m_message.getParam(text_of(name)));
}

void Call::set(Bytes name, const Text& value) {
    m_message.setParam(text_of(name), text_of(slice(value.bytes)));
}

void Call::clear(Bytes name) {
    m_message.clearParam(text_of(name));
}

Buffer Call::retval() const {
    return bytes_of(m_message.retValue());
}

void Call::set_retval(Bytes value) {
    m_message.retValue() = text_of(value);
}

Installed::~Installed() {
    MessageHandler* handler = nullptr;
    {
        const std::lock_guard<std::mutex> lock(m_slot->mutex);
        handler = m_slot->handler;
    }
    if (handler) {
        Engine::uninstall(handler);
        TelEngine::destruct(handler);
    }
}

std::unique_ptr<Installed> install(Bytes name, std::uint32_t priority, Bytes track,
                                   rust::Box<Callback> callback) {
    auto slot = std::make_shared<Installed::Slot>();
    slot->handler = new Handler(text_of(name), priority, text_of(track), std::move(callback), slot);
    Engine::install(slot->handler);
    return std::make_unique<Installed>(slot);
}

// The bridge hands a vector over by value.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
bool start(rust::Vec<rust::String> arguments, rust::Str log) {
    // The engine keeps pointers into its arguments, so they live as long as the process.
    static std::vector<std::string> s_arguments;
    static std::vector<const char*> s_argv;
    for (const auto& argument : arguments) {
        s_arguments.emplace_back(std::string(argument));
    }
    s_argv.reserve(s_arguments.size() + 1);
    for (const auto& argument : s_arguments) {
        s_argv.push_back(argument.c_str());
    }
    s_argv.push_back(nullptr);
    // As Yate 6 does by itself.
    debugLevel(std::max<int>(debugLevel(), DebugNote));
    std::array<struct sigaction, s_signals.size()> saved = {};
    for (std::size_t i = 0; i < s_signals.size(); i++) {
        sigaction(s_signals[i], nullptr, &saved[i]);
    }
    if (log.empty()) {
        Debugger::setOutput(log_to_rust);
    } else {
        s_log = open(std::string(log).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        Debugger::setOutput(log_to_file);
    }
    s_thread = std::thread([] {
        s_code = Engine::main(static_cast<int>(s_argv.size()) - 1, s_argv.data(),
                              const_cast<const char**>(environ));
        s_ended = true;
    });
    const bool ready = wait_until([] { return Engine::started(); }) && wait_for_loop();
    for (std::size_t i = 0; i < s_signals.size(); i++) {
        sigaction(s_signals[i], &saved[i], nullptr);
    }
    stop_at_exit();
    return ready;
}

void stop_at_exit() {
    std::atexit(at_exit);
}

std::int32_t stop() {
    const std::lock_guard<std::mutex> lock(s_stopping);
    if (s_thread.joinable()) {
        Engine::halt(0);
        s_thread.join();
    }
    return s_code;
}

Buffer node_name() {
    return bytes_of(Engine::nodeName());
}

Reply dispatch(const Packet& packet) {
    const std::unique_ptr<Message> message(message_of(packet));
    const bool handled = Engine::dispatch(*message);
    const auto* table = static_cast<const Array*>(message->userObject("Array"));
    return Reply{handled, bytes_of(message->retValue()), params_of(*message), cells_of(table),
                 table ? static_cast<std::size_t>(table->getColumns()) : 0};
}

bool enqueue(const Packet& packet) {
    Message* message = message_of(packet);
    const bool queued = Engine::enqueue(message);
    if (!queued) {
        TelEngine::destruct(message);
    }
    return queued;
}

bool initialize(Bytes plugin) {
    return Engine::init(text_of(plugin));
}

bool has_filters() {
#ifdef ENGINE_FILTERS
    return true;
#else
    return false;
#endif
}

rust::Vec<Text> posix_match(Bytes pattern, Bytes text) {
    rust::Vec<Text> found;
    regex_t regex;
    if (regcomp(&regex, text_of(pattern).safe(), 0)) {
        return found;
    }
    const String subject = text_of(text);
    std::array<regmatch_t, 10> groups = {};
    if (!regexec(&regex, subject.safe(), groups.size(), groups.data(), 0)) {
        for (const auto& group : groups) {
            const String part = group.rm_so < 0
                                    ? String()
                                    : subject.substr(static_cast<int>(group.rm_so),
                                                     static_cast<int>(group.rm_eo - group.rm_so));
            found.push_back(Text{group.rm_so >= 0, bytes_of(part)});
        }
    }
    regfree(&regex);
    return found;
}

} // namespace engine_bridge

// SPDX-License-Identifier: GPL-2.0-or-later

#include "decisions.h"

#include "clock.h"
#include "question.h"

#include <type_traits>

using namespace TelEngine;

namespace clustering {

namespace {

// What a filter has read last on this thread, of a message that it let through: the engine hands
// that message to the filter's handler next. A thread-local with a destructor would keep the
// library in memory after its unload.
static_assert(std::is_trivially_default_constructible<Reading>::value, "a thread makes nothing");
static_assert(std::is_trivially_destructible<Reading>::value, "a thread leaves nothing behind");
thread_local Reading s_read;

// What a message of ours came back with, as far as its parameters say it. It borrows from the
// message.
clustering_answer answerOf(const Message& asked) {
    const NamedString* error = asked.getParam("error");
    clustering_answer answer = {};
    answer.has_error = error != nullptr;
    answer.error = error ? bytes(*error) : clustering_bytes{nullptr, 0};
    answer.reason = bytes(asked["reason"]);
    return answer;
}

// The time that a message is decided by. A call that comes in is judged by when it came. What goes
// out is signed, and claimed, as of now: a fork that calls one phone after the other sends copies
// of one message, which are as old as the phones before have rung. Nothing else depends on it.
uint64_t timeOf(const Message& msg, uint32_t kind) {
    switch (kind) {
    case CLUSTERING_EXECUTE:
    case CLUSTERING_MESSAGE:
    case CLUSTERING_LOCATION:
        return roughlyNow();
    default:
        return msg.msgTime().usec();
    }
}

} // namespace

Decisions::Decisions(clustering_core* core, DebugEnabler& log) : m_core(core), m_log(log) {
    for (uint32_t kind = 0; kind < CLUSTERING_KINDS; kind++) {
        m_screens.emplace_back(m_names, clustering_kind_names(kind));
    }
}

// A message waits for an answer, unless the module is about to be gone: then it's as if it had gone
// a moment earlier.
class Decisions::Wait {
public:
    explicit Wait(Decisions& decisions) : m_decisions(decisions) {
        m_decisions.m_waiting++;
        m_allowed = !m_decisions.m_leaving;
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() { m_decisions.m_waiting--; }

    bool allowed() const { return m_allowed; }

private:
    Decisions& m_decisions;
    bool m_allowed;
};

bool Decisions::leave() {
    m_leaving = true;
    if (m_waiting) {
        m_leaving = false;
    }
    return m_leaving;
}

bool Decisions::wants(const String& name, uint32_t kind) const {
    return m_screens[kind].find(name) != Names::Other;
}

bool Decisions::concerns(NamedList& list, uint32_t kind) const {
    Reading& reading = s_read;
    reading.read(list, m_screens[kind]);
    const clustering_message message = reading.message(0);
    if (clustering_concerns(m_core, kind, &message)) {
        return true;
    }
    reading.list = nullptr;
    return false;
}

bool Decisions::decide(Message& msg, uint32_t kind, bool filtered) {
    // What the handler's filter has read on this thread just now need not be read again.
    if (!filtered || s_read.list != &msg) {
        Reading reading;
        reading.read(msg, m_screens[kind]);
        return decide(msg, kind, reading);
    }
    // Taken out, since other messages may be read on this thread while this one is decided.
    Reading reading(s_read);
    s_read.list = nullptr;
    return decide(msg, kind, reading);
}

// Decides one message. Nothing is locked while other modules are asked.
bool Decisions::decide(Message& msg, uint32_t kind, Reading& reading) {
    Parameters params(reading, m_names, timeOf(msg, kind));
    Verdict verdict;
    clustering_decide(m_core, kind, params.message(), verdict.out());
    if (verdict->action == CLUSTERING_NEED_ALL) {
        params.complete();
        clustering_decide(m_core, kind, params.message(), verdict.out());
    }
    switch (verdict->action) {
    case CLUSTERING_LOCATE:
        return locate(verdict, kind, msg);
    case CLUSTERING_ASK:
        return ask(verdict, kind, msg);
    case CLUSTERING_SEND:
        return send(verdict, kind, msg);
    default:
        return write(verdict, params, msg);
    }
}

// Has other modules handle a message of ours; `false` where the module is about to be gone.
bool Decisions::dispatch(Message& msg, bool& handled) {
    const Wait wait(*this);
    if (wait.allowed()) {
        handled = Engine::dispatch(msg);
    }
    return wait.allowed();
}

// Writes a verdict's edits into a message that isn't the one that was decided.
void Decisions::fill(Message& msg, const Screen& screen, const clustering_verdict& verdict) const {
    Reading reading;
    reading.read(msg, screen);
    Parameters(reading, m_names, 0).apply(verdict);
}

// Sends a copy of a message, which alone gets the edits: what the sender is answered with is made
// of the message itself.
bool Decisions::send(const Verdict& verdict, uint32_t kind, Message& msg) {
    say(verdict);
    Message sent(msg);
    sent.userData(msg.userData());
    fill(sent, m_screens[kind], *verdict);
    bool handled = false;
    if (!dispatch(sent, handled)) {
        return false;
    }
    msg.retValue() = sent.retValue();
    msg.copyParams(sent, "code,error,reason");
    return handled;
}

// Asks for the node of a call, and decides the call by the answer.
bool Decisions::locate(const Verdict& begun, uint32_t kind, Message& msg) {
    Message asked(string(begun->retval));
    fill(asked, m_all, *begun);
    bool handled = false;
    if (!dispatch(asked, handled)) {
        return false;
    }
    clustering_answer answer = answerOf(asked);
    answer.handled = handled;
    answer.node = bytes(asked.retValue());
    return goOn(begun, answer, kind, msg);
}

// Asks a database, and decides the message by what it says.
bool Decisions::ask(const Verdict& begun, uint32_t kind, Message& msg) {
    const String name(string(begun->retval));
    RefPointer<Question> question = new Question(name);
    // The pointer has its own reference.
    question->deref();
    fill(question->message(), m_all, *begun);
    const Wait wait(*this);
    // An engine that ends handles what is left after it has stopped all threads, and then closes
    // the libraries, with any new thread inside.
    if (!wait.allowed() || Engine::exiting()) {
        return false;
    }
    const Question::Outcome outcome = question->ask(begun->timeout);
    clustering_answer answer = {};
    if (outcome == Question::Outcome::Handled) {
        Message& asked = question->message();
        answer = answerOf(asked);
        answer.handled = true;
        const Array* rows = static_cast<Array*>(asked.userObject("Array"));
        // The first row has the names of the columns.
        if (rows && rows->getRows() > 1 && rows->getColumns() > 0) {
            const GenObject* cell = rows->get(0, rows->getRows() - 1);
            answer.has_row = true;
            answer.node = cell ? bytes(cell->toString()) : clustering_bytes{nullptr, 0};
        }
    }
    answer.timed_out = outcome == Question::Outcome::TimedOut;
    return goOn(begun, answer, kind, msg);
}

// Decides a message by the answer to what was asked for it.
bool Decisions::goOn(const Verdict& begun, const clustering_answer& answer, uint32_t kind,
                     Message& msg) {
    // Read anew, should somebody have changed the message meanwhile; and as of now, because a
    // signature is good for some seconds only and the answer may have taken as many.
    Reading reading;
    reading.read(msg, m_screens[kind]);
    Parameters params(reading, m_names, roughlyNow());
    params.complete();
    Verdict verdict;
    clustering_located(m_core, &*begun, params.message(), &answer, verdict.out());
    if (verdict->action == CLUSTERING_SEND) {
        return send(verdict, kind, msg);
    }
    return write(verdict, params, msg);
}

// Carries out a verdict; `true` where the message is handled.
bool Decisions::write(const Verdict& verdict, Parameters& params, Message& msg) {
    say(verdict);
    const bool handled = verdict->action == CLUSTERING_ANSWER;
    if (handled) {
        // First, since it may be the text of a parameter that is changed.
        msg.retValue().assign(chars(verdict->retval), static_cast<int>(verdict->retval.len));
    }
    params.apply(*verdict);
    return handled;
}

// Logs what a verdict has to say, if anybody listens at its level.
void Decisions::say(const Verdict& verdict) {
    const int level = engineLevel(verdict->level);
    if (level && m_log.debugAt(level)) {
        const CoreText line(clustering_verdict_line(&*verdict));
        Debug(&m_log, level, "%s", line.string().safe());
    }
}

} // namespace clustering

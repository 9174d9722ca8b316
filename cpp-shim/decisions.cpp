// SPDX-License-Identifier: GPL-2.0-or-later

#include "decisions.h"

#include "clock.h"
#include "db_query.h"
#include "resolver.h"

using namespace TelEngine;

namespace clustering {

namespace {

// A query by this name of a message.
RefPointer<DbQuery> newQuery(const char* name) {
    RefPointer<DbQuery> query = new DbQuery(name);
    // The pointer has its own reference.
    query->deref();
    return query;
}

} // namespace

Decisions::Decisions(clustering_core* core, DebugEnabler& log) : m_core(core), m_log(log) {
    for (uint32_t kind = 0; kind < CLUSTERING_KIND_COUNT; kind++) {
        m_filters.emplace_back(m_names, clustering_kind_names(kind));
        m_needsNow[kind] = clustering_kind_needs_now(kind);
        m_concerns.emplace_back(m_names, clustering_kind_concern_names(kind));
    }
}

// A message that waits for an answer. It may not begin to wait when the module is about to be gone:
// then it is handled as if the module had gone a moment earlier.
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

bool Decisions::active(uint32_t kind) const {
    return clustering_decides(m_core, kind);
}

bool Decisions::concerns(const NamedList& list, uint32_t kind) const {
    KnownParameters known;
    known.readValues(list, m_concerns[kind]);
    return clustering_concerns(m_core, kind, &known.message);
}

// Nothing is locked while other modules are asked.
bool Decisions::decide(Message& msg, uint32_t kind) {
    KnownParameters known;
    known.read(msg, m_filters[kind]);
    const uint64_t made = msg.msgTime().usec();
    Parameters params(known, m_names, made, m_needsNow[kind] ? roughlyNow() : made);
    Verdict verdict;
    clustering_decide(m_core, kind, params.message(), verdict.out());
    if (verdict->action == CLUSTERING_ACTION_NEED_ALL) {
        params.complete();
        clustering_decide(m_core, kind, params.message(), verdict.out());
    }
    switch (verdict->action) {
    case CLUSTERING_ACTION_LOCATE:
        return locate(verdict, kind, msg);
    case CLUSTERING_ACTION_ASK:
        return ask(verdict, kind, msg);
    case CLUSTERING_ACTION_SEND:
        return send(verdict, kind, msg);
    case CLUSTERING_ACTION_RESOLVE:
        return resolve(verdict, kind, msg);
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
void Decisions::fill(Message& msg, const NameFilter<ByHash>& filter,
                     const clustering_verdict& verdict) const {
    KnownParameters known;
    known.read(msg, filter);
    Parameters(known, m_names, 0, 0).apply(verdict);
}

// Sends a copy of a message, which alone gets the edits: the answer to the sender is made of the
// message itself.
bool Decisions::send(const Verdict& verdict, uint32_t kind, Message& msg) {
    say(verdict);
    Message sent(msg);
    sent.userData(msg.userData());
    fill(sent, m_filters[kind], *verdict);
    bool handled = false;
    if (!dispatch(sent, handled)) {
        return false;
    }
    msg.retValue() = sent.retValue();
    msg.copyParams(sent, "code,error,reason");
    if (!handled && msg["error"].null()) {
        // So that whoever meets the message next knows that it was sent in vain.
        msg.setParam("error", "noconn");
    }
    return handled;
}

// Asks for the node of a call, and decides the call by the answer.
bool Decisions::locate(const Verdict& pending, uint32_t kind, Message& msg) {
    Message asked(string(pending->retval));
    fill(asked, m_all, *pending);
    bool handled = false;
    if (!dispatch(asked, handled)) {
        return false;
    }
    clustering_reply reply = replyOf(asked);
    reply.handled = handled;
    reply.retval = borrowed(asked.retValue());
    return resume(pending, reply, kind, msg);
}

// Asks a database, and decides the message by its answer.
bool Decisions::ask(const Verdict& pending, uint32_t kind, Message& msg) {
    const String name(string(pending->retval));
    RefPointer<DbQuery> query = newQuery(name);
    fill(query->message(), m_all, *pending);
    bool handled = false;
    ask(*query, pending->timeout,
        [&](const clustering_reply& reply) { handled = resume(pending, reply, kind, msg); });
    return handled;
}

// Asks a database, and hands the reply on; does neither where the module is about to be gone.
void Decisions::ask(DbQuery& query, unsigned timeout,
                    const std::function<void(const clustering_reply&)>& take) {
    const Wait wait(*this);
    // An engine that ends handles its last messages after it has stopped all threads, and then
    // closes the libraries, with any new thread inside.
    if (!wait.allowed() || Engine::exiting()) {
        return;
    }
    clustering_reply reply = {};
    query.ask(timeout, reply);
    if (reply.handled) {
        take(*DbReply(query.message(), true));
    } else {
        take(reply);
    }
}

void Decisions::query(clustering_command_line& command, const std::function<void()>& carryOut) {
    OwnedText account;
    OwnedText text;
    uint32_t timeout = 0;
    bool done = false;
    if (clustering_command_query(m_core, &command, account.out(), text.out(), &timeout)) {
        RefPointer<DbQuery> query = newQuery("database");
        query->message().setParam("account", account.string());
        query->message().setParam("query", text.string());
        ask(*query, timeout, [&](const clustering_reply& reply) {
            command.reply = &reply;
            carryOut();
            command.reply = nullptr;
            done = true;
        });
    }
    if (!done) {
        carryOut();
    }
}

// Waits until the name of the sender's node was looked up. Where it may not wait the message is
// decided by what is known: it must not go on as it is.
bool Decisions::resolve(const Verdict& pending, uint32_t kind, Message& msg) {
    const Wait wait(*this);
    if (wait.allowed()) {
        Resolver::start(m_core);
        Resolver::wait(m_core, pending->retval, pending->timeout);
    }
    return resume(pending, {}, kind, msg);
}

// Decides a message by the reply to the message that was dispatched for it.
bool Decisions::resume(const Verdict& pending, const clustering_reply& reply, uint32_t kind,
                       Message& msg) {
    // Read anew, since another module may have changed the message meanwhile.
    KnownParameters known;
    known.read(msg, m_filters[kind]);
    Parameters params(known, m_names, msg.msgTime().usec(), roughlyNow());
    params.complete();
    Verdict verdict;
    clustering_resume(m_core, &*pending, params.message(), &reply, verdict.out());
    if (verdict->action == CLUSTERING_ACTION_SEND) {
        return send(verdict, kind, msg);
    }
    return write(verdict, params, msg);
}

// Carries out a verdict; `true` where the message is handled.
bool Decisions::write(const Verdict& verdict, Parameters& params, Message& msg) {
    say(verdict);
    if (verdict->action == CLUSTERING_ACTION_REFUSE) {
        // The dispatcher compares the name before each handler: none is found any more.
        msg << ".refused";
    }
    const bool handled = verdict->action == CLUSTERING_ACTION_ANSWER;
    if (handled) {
        // First, since it may be the text of a parameter that is changed.
        msg.retValue().assign(chars(verdict->retval), static_cast<int>(verdict->retval.len));
    }
    params.apply(*verdict);
    return handled;
}

// Logs the line of a verdict, if anybody listens at its level.
void Decisions::say(const Verdict& verdict) {
    const int level = engineLevel(verdict->level);
    if (level && m_log.debugAt(level)) {
        const OwnedText line(clustering_verdict_line(&*verdict));
        Debug(&m_log, level, "%s", line.string().safe());
    }
}

} // namespace clustering

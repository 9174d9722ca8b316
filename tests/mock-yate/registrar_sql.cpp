// SPDX-License-Identifier: GPL-2.0-or-later
//
// A registrar whose queries are the operator's, as the engine's module `register` has them.
// register.conf:
//   [general]
//   user.register=yes       have this message handled; so for the others below
//   [default]
//   account=NAME            of the `database` message
//   priority=50
//   [user.register]         or user.unregister, call.route; each may have an account and a priority
//                           of its own
//   query=SQL               ${NAME} is the message's parameter, escaped
//   initquery=SQL           asked when the engine starts
//   result=COLUMN           of call.route: the one that is the target. Other columns become
//                           parameters

#include "registrar.h"

#include <yatengine.h>

using namespace TelEngine;

namespace {

enum class Kind { Register, Unregister, Route };

const struct {
    const char* message;
    Kind kind;
} Kinds[] = {{"user.register", Kind::Register},
             {"user.unregister", Kind::Unregister},
             {"call.route", Kind::Route}};

/// Asks the database, and answers one kind of message by its answer.
class QueryHandler : public MessageHandler {
public:
    QueryHandler(const char* message, Kind kind, const Configuration& config);
    bool received(Message& msg) override;
    /// Asks the initial query.
    void start() const;

private:
    Message question(const NamedList& params, const String& query, bool results) const;
    bool routed(Message& msg) const;
    Kind m_kind;
    String m_account;
    String m_query;
    String m_initQuery;
    String m_result;
    bool m_offline;
};

int priorityOf(const char* message, const Configuration& config) {
    return config.getIntValue(message, "priority", config.getIntValue("default", "priority", 50));
}

void enqueue(const Message& question) {
    auto* msg = new Message(question);
    if (!Engine::enqueue(msg)) {
        msg->destruct();
    }
}

// Row 1 of an answer becomes parameters, but for the result.
void copyRow(Message& msg, const Message& answer, const String& result) {
    const auto* table = static_cast<const Array*>(answer.userObject("Array"));
    for (int column = 0; table && column < table->getColumns(); ++column) {
        const auto* name = YOBJECT(String, table->get(column, 0));
        const auto* value = YOBJECT(String, table->get(column, 1));
        if (name && *name && value && *name == result) {
            msg.retValue() = *value;
        } else if (name && *name && value) {
            msg.setParam(*name, *value);
        }
    }
}

QueryHandler::QueryHandler(const char* message, Kind kind, const Configuration& config)
    : MessageHandler(message, static_cast<unsigned int>(priorityOf(message, config)), "register"),
      m_kind(kind),
      m_account(config.getValue(message, "account", config.getValue("default", "account"))),
      m_query(config.getValue(message, "query")),
      m_initQuery(config.getValue(message, "initquery")),
      m_result(config.getValue(message, "result")),
      m_offline(config.getBoolValue("call.route", "offlineauto", true)) {}

Message QueryHandler::question(const NamedList& params, const String& query, bool results) const {
    Message asked("database");
    String account = m_account;
    String text = query;
    params.replaceParams(account, true);
    params.replaceParams(text, true);
    asked.addParam("account", account);
    asked.addParam("query", text);
    asked.addParam("results", results);
    return asked;
}

void QueryHandler::start() const {
    if (m_account && m_initQuery) {
        enqueue(question(Engine::runParams(), m_initQuery, false));
    }
}

bool QueryHandler::received(Message& msg) {
    if (m_account.null() || m_query.null()) {
        return false;
    }
    Message asked = question(msg, m_query, true);
    if (!Engine::dispatch(asked) || m_kind == Kind::Unregister) {
        return false;
    }
    const bool found = asked.getIntValue("rows") >= 1;
    if (m_kind == Kind::Register) {
        return found || asked.getIntValue("affected") >= 1;
    }
    if (!found) {
        return false;
    }
    copyRow(msg, asked, m_result);
    return routed(msg);
}

// A user that is known but has no target is offline; yet others may know better.
bool QueryHandler::routed(Message& msg) const {
    if (msg.retValue()) {
        return true;
    }
    if (m_offline) {
        msg.retValue() = "-";
        msg.setParam("error", "offline");
        msg.setParam("reason", "Offline");
    }
    return false;
}

/// Has the initial queries asked, once there are threads for them.
class StartHandler : public MessageHandler {
public:
    explicit StartHandler(std::vector<QueryHandler*> handlers)
        : MessageHandler("engine.start", 150), m_handlers(std::move(handlers)) {}
    bool received(Message& /*msg*/) override {
        for (const QueryHandler* handler : m_handlers) {
            handler->start();
        }
        return false;
    }

private:
    std::vector<QueryHandler*> m_handlers;
};

} // namespace

bool TelEngine::sqlRegistrarStart() {
    Configuration config;
    config = Engine::configFile("register");
    if (!config.load(false)) {
        return false;
    }
    std::vector<QueryHandler*> handlers;
    for (const auto& known : Kinds) {
        if (config.getBoolValue("general", known.message)) {
            handlers.push_back(new QueryHandler(known.message, known.kind, config));
            Engine::install(handlers.back());
        }
    }
    Engine::install(new StartHandler(handlers));
    return true;
}

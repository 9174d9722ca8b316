// SPDX-License-Identifier: GPL-2.0-or-later
//
// The `database` message, as the engine's modules sqlitedb and pgsqldb answer it, each with their
// own configuration file; and toydb, for a database that has gone bad (see database_toy.cpp).

#include "database.h"

using namespace TelEngine;

namespace {

/// Answers for the accounts of one driver.
class DatabaseHandler : public MessageHandler {
public:
    DatabaseHandler(const char* driver, const Configuration& config, DatabaseDriver make);
    bool received(Message& msg) override;

private:
    String m_driver;
    std::vector<std::unique_ptr<DatabaseAccount>> m_accounts;
};

// An account that can't be opened now is no account, unless it isn't to be opened before its first
// query.
DatabaseHandler::DatabaseHandler(const char* driver, const Configuration& config,
                                 DatabaseDriver make)
    : MessageHandler("database",
                     static_cast<unsigned int>(config.getIntValue("general", "priority", 100)),
                     driver),
      m_driver(driver) {
    for (unsigned int i = 0; i < config.sections(); ++i) {
        const NamedList* section = config.getSection(i);
        if (!section || *section == "general") {
            continue;
        }
        std::unique_ptr<DatabaseAccount> account(make(*section));
        if (!section->getBoolValue("autostart", true) || account->open()) {
            m_accounts.push_back(std::move(account));
        }
    }
}

bool DatabaseHandler::received(Message& msg) {
    const String& name = msg["account"];
    for (const auto& account : m_accounts) {
        if (name == *account) {
            if (const String& query = msg["query"]) {
                account->query(query, msg);
            }
            msg.setParam("dbtype", m_driver);
            return true;
        }
    }
    return false;
}

} // namespace

DatabaseAccount::DatabaseAccount(const char* name, int timeoutMs, Pool connections)
    : String(name), m_timeout(timeoutMs), m_lock(false, name), m_free(std::move(connections)) {}

DatabaseAccount::~DatabaseAccount() = default;

bool DatabaseAccount::open() {
    bool any = false;
    for (const auto& connection : m_free) {
        any = connection->open() || any;
    }
    return any;
}

void DatabaseAccount::query(const String& query, Message& msg) {
    std::unique_ptr<DatabaseConnection> connection = take();
    const bool ok = connection && connection->query(query, msg);
    if (!ok) {
        msg.setParam("error", "failure");
    }
    giveBack(std::move(connection));
}

std::unique_ptr<DatabaseConnection> DatabaseAccount::take() {
    const uint64_t end = Time::now() + static_cast<uint64_t>(m_timeout) * 1000;
    do {
        {
            const Lock lock(m_lock);
            if (!m_free.empty()) {
                std::unique_ptr<DatabaseConnection> connection = std::move(m_free.back());
                m_free.pop_back();
                return connection;
            }
        }
        Thread::idle();
    } while (Time::now() < end);
    Debug("database", DebugWarn, "All connections of account '%s' are in use", c_str());
    return nullptr;
}

void DatabaseAccount::giveBack(std::unique_ptr<DatabaseConnection> connection) {
    if (connection) {
        const Lock lock(m_lock);
        m_free.push_back(std::move(connection));
    }
}

void TelEngine::databaseStart() {
    const struct {
        const char* name;
        DatabaseDriver make;
    } drivers[] = {
        {"sqlitedb", sqliteAccount},
        {"toydb", toyAccount},
#ifdef MOCK_POSTGRESQL
        {"pgsqldb", postgresAccount},
#endif
    };
    for (const auto& driver : drivers) {
        Configuration config;
        config = Engine::configFile(driver.name);
        if (config.load(false)) {
            Engine::install(new DatabaseHandler(driver.name, config, driver.make));
        }
    }
}

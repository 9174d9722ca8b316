// SPDX-License-Identifier: GPL-2.0-or-later
//
// The `database` message: accounts, each with some connections to a database. See database.cpp.

#ifndef MOCK_YATE_DATABASE_H
#define MOCK_YATE_DATABASE_H

#include <yatengine.h>

#include <memory>
#include <vector>

namespace TelEngine {

/// A connection of an account, used by one thread at a time.
class DatabaseConnection {
public:
    DatabaseConnection() = default;
    virtual ~DatabaseConnection() = default;
    /// Connects, unless it is connected.
    virtual bool open() = 0;
    /// Runs a query and writes the result into the message; false if it has no result, for which
    /// the message has no more than "failure".
    virtual bool query(const String& query, Message& msg) = 0;
    YNOCOPY(DatabaseConnection);
};

/// An account: a section of a driver's configuration file.
class DatabaseAccount : public String {
public:
    using Pool = std::vector<std::unique_ptr<DatabaseConnection>>;
    /// A query that finds all connections in use waits for one so many milliseconds.
    DatabaseAccount(const char* name, int timeoutMs, Pool connections);
    ~DatabaseAccount() override;
    /// Whether any connection can be opened.
    bool open();
    void query(const String& query, Message& msg);
    YNOCOPY(DatabaseAccount);

private:
    std::unique_ptr<DatabaseConnection> take();
    void giveBack(std::unique_ptr<DatabaseConnection> connection);
    int m_timeout;
    Mutex m_lock;
    Pool m_free;
};

/// Makes the account of a section.
using DatabaseDriver = DatabaseAccount* (*)(const NamedList& section);

DatabaseAccount* sqliteAccount(const NamedList& section);
DatabaseAccount* postgresAccount(const NamedList& section);
DatabaseAccount* toyAccount(const NamedList& section);

/// Installs the handlers of the drivers that have a configuration file.
void databaseStart();

} // namespace TelEngine

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
//
// PostgreSQL behind the `database` message. pgsqldb.conf, a section for each account:
//   host, port, database, user, password    the place of the database, and the asking user
//   connection=TEXT                         or all of that, as libpq wants it
//   timeout=10000                           the time to connect, and that of a query, in ms
//   retry=5                                 the number of tries for either
//   poolsize=1                              the number of connections
// A query that comes to no end is sent again, so in all it takes up to retry times the timeout.

#include "database.h"

#include <libpq-fe.h>
#include <poll.h>

using namespace TelEngine;

namespace {

constexpr int PollMs = 5;

// Waits for the connection's socket, or a little while if there is nothing to wait for.
void wait(PGconn* connection, PostgresPollingStatusType what) {
    pollfd socket = {PQsocket(connection), 0, 0};
    socket.events = what == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
    poll(&socket, 1, PollMs);
}

enum class Outcome { Done, Failed, TimedOut };

class PostgresConnection : public DatabaseConnection {
public:
    PostgresConnection(const String& where, int timeoutMs, int retry)
        : m_where(where), m_timeout(static_cast<uint64_t>(timeoutMs) * 1000), m_retry(retry) {}
    ~PostgresConnection() override { PQfinish(m_db); }
    bool open() override;
    bool query(const String& query, Message& msg) override;

private:
    bool connected() const { return m_db && PQstatus(m_db) == CONNECTION_OK; }
    bool connect();
    void drop();
    Outcome run(const char* query, Message& msg);
    String m_where;
    uint64_t m_timeout;
    int m_retry;
    PGconn* m_db = nullptr;
};

bool PostgresConnection::open() {
    for (int i = 0; i < m_retry && !connected(); ++i) {
        connect();
    }
    return connected();
}

void PostgresConnection::drop() {
    PQfinish(m_db);
    m_db = nullptr;
}

bool PostgresConnection::connect() {
    drop();
    const uint64_t end = Time::now() + m_timeout;
    m_db = PQconnectStart(m_where);
    // Not to the standard error stream.
    PQsetNoticeProcessor(
        m_db, [](void*, const char* text) { Debug("pgsqldb", DebugInfo, "%s", text); }, nullptr);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(m_db) != CONNECTION_BAD && Time::now() < end) {
        wait(m_db, state);
        state = PQconnectPoll(m_db);
        if (state == PGRES_POLLING_OK) {
            PQsetnonblocking(m_db, 1);
            return true;
        }
    }
    Debug("pgsqldb", DebugWarn, "Failed to connect to %s: %s", m_where.c_str(),
          PQerrorMessage(m_db));
    drop();
    return false;
}

bool PostgresConnection::query(const String& query, Message& msg) {
    for (int i = 0; i < m_retry; ++i) {
        const Outcome outcome = run(query, msg);
        if (outcome != Outcome::TimedOut) {
            return outcome == Outcome::Done;
        }
    }
    return false;
}

// A table of names and rows.
Array* table(const PGresult* result) {
    const int rows = PQntuples(result);
    auto* made = new Array(PQnfields(result), rows + 1);
    for (int column = 0; column < made->getColumns(); ++column) {
        made->set(new String(PQfname(result, column)), column, 0);
        for (int row = 0; row < rows; ++row) {
            if (!PQgetisnull(result, row, column)) {
                made->set(new String(PQgetvalue(result, row, column)), column, row + 1);
            }
        }
    }
    return made;
}

// A query that the server refuses is done: the server's text is in the message, which has no rows.
Outcome PostgresConnection::run(const char* query, Message& msg) {
    if (!open()) {
        return Outcome::Failed;
    }
    if (!PQsendQuery(m_db, query)) {
        msg.setParam("error", PQerrorMessage(m_db));
        return Outcome::Failed;
    }
    const uint64_t end = Time::now() + m_timeout;
    int rows = 0;
    int affected = 0;
    while (Time::now() < end) {
        PQflush(m_db);
        PQconsumeInput(m_db);
        if (PQisBusy(m_db)) {
            wait(m_db, PGRES_POLLING_READING);
            continue;
        }
        PGresult* result = PQgetResult(m_db);
        if (!result) {
            msg.setParam("rows", rows);
            msg.setParam("affected", affected);
            return Outcome::Done;
        }
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            affected += String(PQcmdTuples(result)).toInteger();
        } else if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT) {
            Debug("pgsqldb", DebugWarn, "Query '%s' error: %s", query,
                  PQresultErrorMessage(result));
            msg.setParam("error", PQresultErrorMessage(result));
        }
        if (PQntuples(result) > 0) {
            rows += PQntuples(result);
            msg.setParam("columns", PQnfields(result));
            if (msg.getBoolValue("results", true)) {
                Array* rowsFound = table(result);
                msg.userData(rowsFound);
                rowsFound->deref();
            }
        }
        PQclear(result);
    }
    Debug("pgsqldb", DebugWarn, "Query '%s' timed out", query);
    msg.setParam("error", "query timeout");
    drop();
    return Outcome::TimedOut;
}

String connectionText(const NamedList& section) {
    String text = section["connection"];
    if (text) {
        return text;
    }
    const struct {
        const char* name;
        const char* key;
        const char* otherwise;
    } parts[] = {{"host", "host", "localhost"},
                 {"port", "port", nullptr},
                 {"dbname", "database", "yate"},
                 {"user", "user", "postgres"},
                 {"password", "password", nullptr}};
    for (const auto& part : parts) {
        const String value = section.getValue(part.key, part.otherwise);
        if (value) {
            text.append(part.name, " ") << "='" << value << "'";
        }
    }
    return text;
}

} // namespace

DatabaseAccount* TelEngine::postgresAccount(const NamedList& section) {
    const String where = connectionText(section);
    const int timeout = section.getIntValue("timeout", 10000, 500);
    const int retry = section.getIntValue("retry", 5);
    DatabaseAccount::Pool pool;
    for (int i = section.getIntValue("poolsize", 1, 1); i > 0; --i) {
        pool.push_back(std::make_unique<PostgresConnection>(where, timeout, retry));
    }
    return new DatabaseAccount(section, timeout, std::move(pool));
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// SQLite behind the `database` message. sqlitedb.conf, a section for each account:
//   database=FILE           run parameters are replaced; by default it is in memory
//   initialize=QUERIES      run when the account is opened; with @FILE those of a file
//   timeout=2000            the time that a query waits for its turn, in milliseconds
//   retry=5                 the number of further tries, every 5 ms, while another has the lock

#include "database.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <sqlite3.h>
#include <string>

using namespace TelEngine;

namespace {

class SqliteConnection : public DatabaseConnection {
public:
    SqliteConnection(const String& file, const String& initialize, int retry)
        : m_file(file), m_initialize(initialize), m_retry(retry) {}
    ~SqliteConnection() override { sqlite3_close(m_db); }
    bool open() override;
    bool query(const String& query, Message& msg) override;

private:
    /// The result of a query so far.
    struct Result {
        int rows = 0;
        int columns = 0;
        RefPointer<Array> table;
    };
    bool run(const char* query, bool results, Result& result);
    bool step(sqlite3_stmt* statement, bool results, Result& result);
    template <class Attempt> int patiently(Attempt attempt) const;
    String m_file;
    String m_initialize;
    int m_retry;
    sqlite3* m_db = nullptr;
};

bool SqliteConnection::open() {
    if (m_db) {
        return true;
    }
    if (sqlite3_open(m_file.safe(), &m_db) != SQLITE_OK) {
        Debug("sqlitedb", DebugWarn, "Failed to open '%s': %s", m_file.safe(),
              sqlite3_errmsg(m_db));
        sqlite3_close(m_db);
        m_db = nullptr;
        return false;
    }
    Result ignored;
    if (!run(m_initialize.safe(), false, ignored)) {
        Debug("sqlitedb", DebugWarn, "Failed to initialize '%s'", m_file.safe());
    }
    return true;
}

bool SqliteConnection::query(const String& query, Message& msg) {
    if (!open()) {
        return false;
    }
    const bool results = msg.getBoolValue("results", true);
    const int before = sqlite3_total_changes(m_db);
    Result result;
    const bool ok = run(query, results, result);
    if (results) {
        msg.userData(ok ? static_cast<Array*>(result.table) : nullptr);
    }
    if (ok) {
        msg.setParam("rows", result.rows);
        msg.setParam("columns", result.columns);
        msg.setParam("affected", sqlite3_total_changes(m_db) - before);
    }
    return ok;
}

// Tries again while another connection has the lock.
template <class Attempt> int SqliteConnection::patiently(Attempt attempt) const {
    int code = attempt();
    for (int i = 0; i < m_retry && (code == SQLITE_BUSY || code == SQLITE_LOCKED); ++i) {
        Thread::idle();
        code = attempt();
    }
    return code;
}

// Statement by statement; the last that has rows, or else the last, is the one that counts.
bool SqliteConnection::run(const char* query, bool results, Result& result) {
    while (true) {
        while (*query && strchr("; \t\r\n", *query)) {
            ++query;
        }
        if (!*query) {
            return true;
        }
        sqlite3_stmt* statement = nullptr;
        const char* rest = nullptr;
        const int code =
            patiently([&] { return sqlite3_prepare_v2(m_db, query, -1, &statement, &rest); });
        const bool ok = code == SQLITE_OK && statement && step(statement, results, result);
        if (!ok) {
            Debug("sqlitedb", DebugWarn, "Query '%s' failed: %s", query, sqlite3_errmsg(m_db));
        }
        sqlite3_finalize(statement);
        if (!ok) {
            return false;
        }
        query = rest;
    }
}

// Null for NULL, and for a BLOB, which is no text.
GenObject* cell(sqlite3_stmt* statement, int column) {
    const int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL || type == SQLITE_BLOB) {
        return nullptr;
    }
    return new String(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)));
}

// A table of names and rows, which takes the cells.
RefPointer<Array> table(sqlite3_stmt* statement, int columns,
                        const std::vector<GenObject*>& cells) {
    auto* made = new Array(columns, static_cast<int>(cells.size()) / columns + 1);
    for (int column = 0; column < columns; ++column) {
        made->set(new String(sqlite3_column_name(statement, column)), column, 0);
    }
    int place = columns;
    for (GenObject* object : cells) {
        made->set(object, place % columns, place / columns);
        ++place;
    }
    RefPointer<Array> held(made);
    made->deref();
    return held;
}

bool SqliteConnection::step(sqlite3_stmt* statement, bool results, Result& result) {
    const int columns = sqlite3_column_count(statement);
    std::vector<GenObject*> cells;
    int rows = 0;
    int code = patiently([&] { return sqlite3_step(statement); });
    for (; code == SQLITE_ROW; code = patiently([&] { return sqlite3_step(statement); })) {
        ++rows;
        for (int column = 0; results && column < columns; ++column) {
            cells.push_back(cell(statement, column));
        }
    }
    if (code != SQLITE_DONE) {
        for (GenObject* object : cells) {
            TelEngine::destruct(object);
        }
        return false;
    }
    if (rows || !result.rows) {
        result.rows = rows;
        result.columns = rows ? columns : 0;
        result.table = rows && results ? table(statement, columns, cells) : nullptr;
    }
    return true;
}

// The queries that an account begins with.
String initialQueries(const NamedList& section) {
    String text = section["initialize"];
    if (!text.startSkip("@", false)) {
        return text;
    }
    Engine::runParams().replaceParams(text);
    std::ifstream file(text.trimBlanks().safe());
    if (!file) {
        Debug("sqlitedb", DebugWarn, "Missing init file '%s'", text.safe());
    }
    const std::string queries((std::istreambuf_iterator<char>(file)), {});
    return queries.c_str();
}

} // namespace

DatabaseAccount* TelEngine::sqliteAccount(const NamedList& section) {
    String file = section.getValue("database", ":memory:");
    Engine::runParams().replaceParams(file);
    DatabaseAccount::Pool pool;
    pool.push_back(std::make_unique<SqliteConnection>(file, initialQueries(section),
                                                      section.getIntValue("retry", 5, 0, 100)));
    return new DatabaseAccount(section, section.getIntValue("timeout", 2000, 100), std::move(pool));
}

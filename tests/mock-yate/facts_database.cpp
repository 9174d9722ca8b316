// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of the `database` message: the result of a query in SQLite and, where FACTS_POSTGRES names
// the directory of a server's socket, in PostgreSQL.

#include "facts_running.h"

#include <stdlib.h>

using namespace TelEngine;

namespace {

// A query and the result in its message.
class Query : public Message {
public:
    Query(const char* account, const char* query, bool results = true) : Message("database") {
        addParam("account", account);
        addParam("query", query);
        if (!results) {
            addParam("results", "false");
        }
        m_handled = Engine::dispatch(*this);
    }
    bool handled() const { return m_handled; }
    const Array* table() const { return static_cast<const Array*>(userObject("Array")); }
    // A cell's text; null for NULL.
    String cell(int column, int row) const {
        const auto* text = table() ? YOBJECT(String, table()->get(column, row)) : nullptr;
        return text ? *text : String();
    }
    // rows/columns/affected, each - if it isn't there.
    String counts() const {
        String text;
        for (const char* name : {"rows", "columns", "affected"}) {
            text.append(getValue(name, "-"), "/");
        }
        return text;
    }

private:
    bool m_handled = false;
};

// The facts that all databases have in common.
void common(const char* account, const char* type) {
    CHECK(Query(account, "DROP TABLE IF EXISTS t").handled());
    const Query made(account, "CREATE TABLE t(n INT PRIMARY KEY, s TEXT)");
    CHECK(made.handled());
    CHECK_TEXT(made["dbtype"], type);
    CHECK(!made.getParam("error"));
    CHECK(!made.table());
    CHECK_TEXT(Query(account, "INSERT INTO t VALUES(1,'one'),(2,NULL)")["affected"], "2");
    const Query all(account, "SELECT n AS number, s FROM t ORDER BY n");
    CHECK(!all.getParam("error"));
    CHECK_TEXT(all["rows"], "2");
    CHECK_TEXT(all["columns"], "2");
    CHECK(all.table() != nullptr);
    if (all.table()) {
        CHECK(all.table()->getRows() == 3);
        CHECK(all.table()->getColumns() == 2);
        CHECK(all.table()->get(1, 2) == nullptr);
    }
    CHECK_TEXT(all.cell(0, 0), "number");
    CHECK_TEXT(all.cell(0, 1), "1");
    CHECK_TEXT(all.cell(1, 1), "one");
    const Query unwanted(account, "SELECT n FROM t", false);
    CHECK_TEXT(unwanted["rows"], "2");
    CHECK(!unwanted.table());
    const Query none(account, "SELECT n FROM t WHERE n=9");
    CHECK_TEXT(none["rows"], "0");
    CHECK(!none.table());
    // The returned rows count as rows and as affected.
    const Query claim(account, "INSERT INTO t VALUES(1,'x') ON CONFLICT(n) DO UPDATE SET s='x' "
                               "RETURNING s");
    CHECK_TEXT(claim.counts(), "1/1/1");
    CHECK_TEXT(claim.cell(0, 1), "x");
    // Of several statements the rows are those of the last that has any.
    const Query several(account,
                        "SELECT n FROM t ORDER BY n; UPDATE t SET s='y'; SELECT 1 WHERE 0=1");
    CHECK_TEXT(several["rows"], "2");
    CHECK_TEXT(several.cell(0, 1), "1");
    const Query empty(account, "");
    CHECK(empty.handled());
    CHECK_TEXT(empty.counts(), "-/-/-");
    CHECK_TEXT(empty["dbtype"], type);
    CHECK(!Query("nobody", "SELECT 1").handled());
    CHECK(!Query("", "SELECT 1").handled());
}

void sqlite() {
    common("lite", "sqlitedb");
    CHECK_TEXT(Query("lite", "SELECT n FROM t").counts(), "2/1/0");
    CHECK_TEXT(Query("lite", "SELECT n FROM t WHERE n=9").counts(), "0/0/0");
    CHECK_TEXT(Query("lite", "UPDATE t SET s='z'").counts(), "0/0/2");
    // The error has no more than that.
    const Query bad("lite", "SELECT nothing FROM t");
    CHECK(bad.handled());
    CHECK_TEXT(bad["error"], "failure");
    CHECK_TEXT(bad.counts(), "-/-/-");
    CHECK_TEXT(Query("lite", "-- nothing")["error"], "failure");
    // Another connection has the lock, and patience is short.
    CHECK(!Query("other", "BEGIN IMMEDIATE").getParam("error"));
    const uint64_t start = Time::now();
    CHECK_TEXT(Query("lite", "UPDATE t SET s='l'")["error"], "failure");
    CHECK(Time::now() - start >= 20000);
    CHECK_TEXT(Query("lite", "SELECT s FROM t").cell(0, 1), "z");
    CHECK(!Query("other", "COMMIT").getParam("error"));
    CHECK_TEXT(Query("lite", "UPDATE t SET s='l'")["affected"], "2");
    CHECK(!Query("unopened", "SELECT 1").handled());
    CHECK_TEXT(Query("made", "SELECT n FROM begun").cell(0, 1), "7");
}

void postgres() {
    common("post", "pgsqldb");
    CHECK_TEXT(Query("post", "SELECT n FROM t").counts(), "2/1/2");
    CHECK_TEXT(Query("post", "SELECT n FROM t WHERE n=9").counts(), "0/-/0");
    CHECK_TEXT(Query("post", "UPDATE t SET s='z'").counts(), "0/-/2");
    // There are rows, none, and yet it failed.
    const Query bad("post", "SELECT nothing FROM t");
    CHECK(bad["error"].startsWith("ERROR:  column \"nothing\" does not exist\n"));
    CHECK_TEXT(bad.counts(), "0/-/0");
    // All of them were rolled back, but they count.
    const Query half("post", "UPDATE t SET s='h'; SELECT nothing FROM t");
    CHECK(half["error"].startsWith("ERROR:"));
    CHECK_TEXT(half["affected"], "2");
    CHECK_TEXT(Query("post", "SELECT s FROM t").cell(0, 1), "z");
    // Sent twice, as the account retries.
    const uint64_t start = Time::now();
    const Query slow("hasty", "SELECT pg_sleep(5)");
    CHECK(Time::now() - start >= 1000000);
    CHECK_TEXT(slow["error"], "failure");
    CHECK_TEXT(slow.counts(), "-/-/-");
    const Query gone("lazy", "SELECT 1");
    CHECK(gone.handled());
    CHECK_TEXT(gone["error"], "failure");
    CHECK_TEXT(gone["dbtype"], "pgsqldb");
    CHECK(!Query("down", "SELECT 1").handled());
}

} // namespace

void facts::configureDatabases(const String& directory) {
    String lite;
    lite << "[lite]\ndatabase=" << directory << "/facts.db\n";
    lite << "[other]\ndatabase=${configpath}/facts.db\n[unopened]\ndatabase=/nowhere/facts.db\n";
    lite << "[made]\ninitialize=@${configpath}/made.sql\n";
    write(directory + "/made.sql", "-- Not in one line\nCREATE TABLE begun(n INT);\n"
                                   "INSERT INTO begun VALUES(7);\n");
    write(directory + "/sqlitedb.conf", lite);
    write(directory + "/register.conf",
          "[general]\nuser.register=yes\nuser.unregister=yes\ncall.route=yes\n"
          "[default]\naccount=lite\n"
          "[user.register]\ninitquery=CREATE TABLE users(name TEXT PRIMARY KEY, place TEXT)\n"
          "query=INSERT INTO users VALUES('${username}', '${data}') \\\n"
          " ON CONFLICT(name) DO UPDATE SET place=excluded.place WHERE '${expires}' <> '1'\n"
          "[user.unregister]\nquery=UPDATE users SET place=NULL WHERE name='${username}'\n"
          "[call.route]\nquery=SELECT place, name AS owner FROM users WHERE name='${called}'\n"
          "result=place\n");
    if (const char* where = getenv("FACTS_POSTGRES")) {
        String post("[lazy]\nautostart=no\nhost=/nowhere\n[down]\nhost=/nowhere\n");
        post << "[post]\nhost=" << where << "\ndatabase=postgres\nuser=postgres\n";
        post << "[hasty]\nhost=" << where << "\ndatabase=postgres\nuser=postgres\n";
        post << "timeout=500\nretry=2\n";
        write(directory + "/pgsqldb.conf", post);
    }
}

void facts::registrar() {
    // The table is made by one of the engine's threads, some time after its start.
    const uint64_t end = Time::now() + Patience;
    while (Query("lite", "SELECT * FROM users").getParam("error") && Time::now() < end) {
        Thread::msleep(5);
    }
    CHECK(!Query("lite", "SELECT * FROM users").getParam("error"));
    Message known("user.register");
    known.addParam("username", "registered");
    known.addParam("data", "sip/sip:o'brien@192.0.2.1");
    CHECK(Engine::dispatch(known));
    CHECK_TEXT(known["handlers"], "register:50");
    CHECK(!known.getParam("query"));
    // No row is affected, so nobody is registered.
    Message late("user.register");
    late.addParam("username", "registered");
    late.addParam("expires", "1");
    CHECK(!Engine::dispatch(late));
    Message route("call.route");
    route.addParam("called", "registered");
    CHECK(Engine::dispatch(route));
    CHECK_TEXT(route.retValue(), "sip/sip:o'brien@192.0.2.1");
    CHECK_TEXT(route["owner"], "registered");
    CHECK(!route.getParam("place"));
    // It never reports that it has unregistered a user.
    Message gone("user.unregister");
    gone.addParam("username", "registered");
    CHECK(!Engine::dispatch(gone));
    Message offline("call.route");
    offline.addParam("called", "registered");
    CHECK(!Engine::dispatch(offline));
    CHECK_TEXT(offline.retValue(), "-");
    CHECK_TEXT(offline["error"], "offline");
    CHECK(Query("lite", "DELETE FROM users").handled());
    Message unknown("call.route");
    unknown.addParam("called", "registered");
    CHECK(!Engine::dispatch(unknown));
    CHECK(unknown.retValue().null());
    CHECK(!unknown.getParam("error"));
}

void facts::databases() {
    sqlite();
    if (getenv("FACTS_POSTGRES")) {
        postgres();
    }
}

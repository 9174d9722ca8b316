// SPDX-License-Identifier: GPL-2.0-or-later
//
// Databases that have gone bad, for tests. toydb.conf, a section for each account; every query gets
// the same:
//   delay=0                 sleep so many milliseconds first
//   error=TEXT              fail: "failure" as a database that is gone does, else as a server that
//                           refuses the query does, with its text
//   answer=name,n|bob,1     the names of the columns, then the rows
//   rows=1                  claim so many rows, whatever there are; so for columns and affected

#include "database.h"

using namespace TelEngine;

namespace {

class ToyConnection : public DatabaseConnection {
public:
    explicit ToyConnection(const NamedList& section) : m_section(section) {}
    bool open() override { return true; }
    bool query(const String& query, Message& msg) override;

private:
    NamedList m_section;
};

bool ToyConnection::query(const String& /*query*/, Message& msg) {
    Thread::msleep(static_cast<unsigned long>(m_section.getIntValue("delay", 0, 0)));
    const String& error = m_section["error"];
    if (error == "failure") {
        return false;
    }
    msg.setParam("rows", 0);
    msg.setParam("affected", 0);
    if (error) {
        msg.setParam("error", error);
    } else if (const String& answer = m_section["answer"]) {
        ObjList rows;
        answer.split(rows, '|');
        ObjList names;
        static_cast<const String*>(rows.get())->split(names, ',');
        const int columns = static_cast<int>(names.count());
        auto* table = new Array(columns, static_cast<int>(rows.count()));
        for (int row = 0; row < table->getRows(); ++row) {
            ObjList cells;
            static_cast<const String*>(rows.at(row))->split(cells, ',');
            for (int column = 0; column < columns; ++column) {
                const auto* text = static_cast<const String*>(cells.at(column));
                table->set(text && *text ? new String(*text) : nullptr, column, row);
            }
        }
        msg.userData(table);
        table->deref();
        msg.setParam("columns", columns);
        msg.setParam("rows", table->getRows() - 1);
    }
    for (const char* claim : {"rows", "columns", "affected"}) {
        if (const String* text = m_section.getParam(claim)) {
            msg.setParam(claim, *text);
        }
    }
    return true;
}

} // namespace

DatabaseAccount* TelEngine::toyAccount(const NamedList& section) {
    DatabaseAccount::Pool pool;
    for (int i = section.getIntValue("poolsize", 8, 1); i > 0; --i) {
        pool.push_back(std::make_unique<ToyConnection>(section));
    }
    return new DatabaseAccount(section, 10000, std::move(pool));
}

// SPDX-License-Identifier: GPL-2.0-or-later
//
// A registrar for the demo: user, location and connection in a file that all nodes share, as a
// cluster shares its database. Its priorities are those that Yate's register module has by default.

#include "registrar.h"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <sys/file.h>

using namespace TelEngine;

namespace {

constexpr unsigned int Priority = 50;

struct Registration {
    String user;
    String data;
    String connection;
};

/// The file, locked against the other nodes for the life of the object.
class Registrations {
public:
    explicit Registrations(const std::string& path)
        : m_file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
        if (m_file >= 0) {
            flock(m_file, LOCK_EX);
            load();
        }
    }
    ~Registrations() {
        if (m_file >= 0) {
            close(m_file);
        }
    }
    void save() const {
        std::string text;
        for (const Registration& r : rows) {
            text.append(r.user.msgEscape().safe()).append("\t");
            text.append(r.data.msgEscape().safe()).append("\t");
            text.append(r.connection.msgEscape().safe()).append("\n");
        }
        if (m_file < 0 || ftruncate(m_file, 0) ||
            pwrite(m_file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
            Debug("register", DebugWarn, "Can't save registrations");
        }
    }
    std::vector<Registration> rows;
    YNOCOPY(Registrations);

private:
    void load() {
        std::string text;
        char data[4096];
        for (ssize_t len = read(m_file, data, sizeof(data)); len > 0;
             len = read(m_file, data, sizeof(data))) {
            text.append(data, static_cast<size_t>(len));
        }
        ObjList lines;
        String(text.c_str()).split(lines, '\n', false);
        for (const ObjList* l = lines.skipNull(); l; l = l->skipNext()) {
            ObjList fields;
            static_cast<const String*>(l->get())->split(fields, '\t');
            const auto field = [&](int i) {
                const auto* text = static_cast<const String*>(fields.at(i));
                return text ? text->msgUnescape() : String();
            };
            rows.push_back({field(0), field(1), field(2)});
        }
    }
    int m_file;
};

/// user.register stores, user.unregister removes, call.route finds.
class Registrar : public MessageHandler {
public:
    Registrar(const char* message, const std::string& path)
        : MessageHandler(message, Priority, "register"), m_path(path) {}
    bool received(Message& msg) override {
        if (msg == "user.register") {
            return add(msg);
        }
        return msg == "user.unregister" ? remove(msg) : route(msg);
    }

private:
    bool add(const Message& msg) {
        const String& user = msg[YSTRING("username")];
        const String& data = msg[YSTRING("data")];
        if (user.null() || data.null()) {
            return false;
        }
        Registrations all(m_path);
        auto& rows = all.rows;
        rows.erase(std::remove_if(rows.begin(), rows.end(),
                                  [&](const Registration& r) { return r.user == user; }),
                   rows.end());
        rows.push_back({user, data, msg[YSTRING("connection_id")]});
        all.save();
        return true;
    }
    // By user, or by connection when a transport is gone and nothing else is known.
    bool remove(const Message& msg) {
        const String& user = msg[YSTRING("username")];
        const String& connection = msg[YSTRING("connection_id")];
        Registrations all(m_path);
        auto& rows = all.rows;
        const auto end = std::remove_if(rows.begin(), rows.end(), [&](const Registration& r) {
            return user ? r.user == user : connection && r.connection == connection;
        });
        const bool found = end != rows.end();
        rows.erase(end, rows.end());
        if (found) {
            all.save();
        }
        return found;
    }
    bool route(Message& msg) {
        const String& called = msg[YSTRING("called")];
        for (const Registration& r : Registrations(m_path).rows) {
            if (called && r.user == called) {
                msg.retValue() = r.data;
                return true;
            }
        }
        return false;
    }
    std::string m_path;
};

} // namespace

void TelEngine::registrarStart(const String& directory) {
    if (!sqlRegistrarStart()) {
        if (directory.null()) {
            return;
        }
        const std::string path = std::string(directory) + "/registrations.tsv";
        for (const char* message : {"user.register", "user.unregister", "call.route"}) {
            Engine::install(new Registrar(message, path));
        }
    }
    registrarCommandStart();
}

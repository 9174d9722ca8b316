// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of the way of a message from handler to handler.

#include "facts.h"

using namespace TelEngine;
using facts::route;
using facts::trace;

namespace {

const char* const Null = nullptr;

// Writes its letter to the trace and does what it was told.
class Probe : public MessageHandler {
public:
    Probe(const char* name, unsigned priority, char letter, bool result = false,
          const char* track = nullptr)
        : MessageHandler(name, priority, track), m_letter(letter), m_result(result) {}
    bool received(Message& msg) override {
        trace << m_letter;
        if (m_rename) {
            msg = m_rename;
        }
        if (m_add) {
            Engine::install(m_add);
            m_add = nullptr;
        }
        if (m_remove) {
            Engine::uninstall(m_remove);
            m_remove = nullptr;
        }
        return m_result;
    }
    const char* m_rename = nullptr;
    MessageHandler* m_add = nullptr;
    MessageHandler* m_remove = nullptr;

private:
    char m_letter;
    bool m_result;
};

void order() {
    Probe a("test", 10, 'a');
    Probe b("test", 20, 'b', true);
    Probe c("test", 30, 'c');
    Probe any(nullptr, 15, '*');
    CHECK(Engine::install(&c));
    CHECK(Engine::install(&a));
    CHECK(Engine::install(&b));
    CHECK(!Engine::install(&b));
    CHECK_TEXT(route("test"), "ab+");
    CHECK_TEXT(route("test", true), "abc+");
    CHECK_TEXT(route("unknown"), "-");
    Engine::install(&any);
    CHECK_TEXT(route("test"), "a*b+");
    CHECK_TEXT(route("unknown"), "*-");
    CHECK(Engine::uninstall(&any));
    CHECK(!Engine::uninstall(&any));

    Probe other("renamed", 25, 'r');
    Engine::install(&other);
    a.m_rename = "renamed";
    CHECK_TEXT(route("test"), "ar-");
    a.m_rename = nullptr;
    Engine::uninstall(&other);

    Probe late("test", 12, 'l');
    Probe early("test", 5, 'e');
    a.m_add = &late;
    CHECK_TEXT(route("test"), "alb+");
    late.m_add = &early;
    CHECK_TEXT(route("test"), "alb+");
    CHECK_TEXT(route("test"), "ealb+");
    a.m_remove = &late;
    CHECK_TEXT(route("test"), "eab+");
    Engine::uninstall(&early);

    struct {
        Probe first{"same", 50, 'x'};
        Probe second{"same", 50, 'y'};
    } same;
    Engine::install(&same.second);
    Engine::install(&same.first);
    CHECK_TEXT(route("same"), "xy-");
    Engine::uninstall(&same.first);
    Engine::uninstall(&same.second);
    Engine::uninstall(&a);
    Engine::uninstall(&b);
    Engine::uninstall(&c);
    CHECK(!Engine::enqueue(static_cast<Message*>(nullptr)));
}

/// A condition of a module's own making, which may be negated.
class OwnItem : public MatchingItemBase {
public:
    explicit OwnItem(bool negated) : MatchingItemBase(TypeUnknown, "own", negated) {}

protected:
    bool runMatchListParam(const NamedList& list, MatchingParams* /*params*/) const override {
        return list.count() > 1;
    }
    MatchingItemBase* copyItem() const override { return new OwnItem(negated()); }
};

void ownFilters() {
    Probe f("test", 10, 'f');
    Engine::install(&f);
    const auto passes = [&](bool negated, bool second) {
        trace.clear();
        f.setFilter(new OwnItem(negated));
        Message msg("test");
        msg.addParam("first", "1");
        if (second) {
            msg.addParam("second", "2");
        }
        Engine::dispatch(msg);
        return !trace.null();
    };
    CHECK(passes(false, true));
    CHECK(!passes(false, false));
    CHECK(!passes(true, true));
    CHECK(passes(true, false));
    Engine::uninstall(&f);
}

void filters() {
    Probe f("test", 10, 'f');
    f.setFilter(new NamedString("key", "Value"));
    CHECK(f.filter() != nullptr);
    Engine::install(&f);
    const auto passes = [&](const char* value) {
        trace.clear();
        Message msg("test");
        if (value) {
            msg.addParam("key", value);
        }
        Engine::dispatch(msg);
        return !trace.null();
    };
    CHECK(passes("Value"));
    CHECK(!passes("value"));
    CHECK(!passes(Null));
    f.setFilter(new NamedString("key"));
    CHECK(passes(Null));
    CHECK(passes(""));
    CHECK(!passes("x"));
    f.setFilter(new NamedPointer("key", new Regexp("^a.c$")));
    CHECK(passes("abc"));
    CHECK(!passes("xabc"));
    CHECK(!passes(Null));
    f.clearFilter();
    CHECK(passes("x"));
    Engine::uninstall(&f);
}

void tracking() {
    Probe named("test", 10, 'n', false, "first");
    Probe bare("test", 20, 'b');
    CHECK_TEXT(named.trackName(), "first:10");
    CHECK(bare.trackName().null());
    MessageHandler* plain = new Probe("test", 1, 'p', false, nullptr);
    plain->destruct();
}

class Hook : public MessagePostHook {
public:
    void dispatched(const Message& msg, bool handled) override {
        trace << "[" << msg << (handled ? "+]" : "-]");
    }
};

void hooks() {
    Hook* hook = new Hook;
    CHECK(Engine::self()->setHook(hook));
    CHECK(!Engine::self()->setHook(hook));
    CHECK_TEXT(route("hooked"), "[hooked-]-");
    CHECK(Engine::self()->setHook(hook, true));
    CHECK(!Engine::self()->setHook(hook, true));
    CHECK_TEXT(route("hooked"), "-");
    hook->destruct();
}

} // namespace

String facts::trace;

String facts::route(const char* name, bool broadcast) {
    trace.clear();
    Message msg(name, nullptr, broadcast);
    const bool handled = Engine::dispatch(msg);
    trace << (handled ? "+" : "-");
    return trace;
}

void facts::dispatching() {
    order();
    filters();
    ownFilters();
    tracking();
    hooks();
}

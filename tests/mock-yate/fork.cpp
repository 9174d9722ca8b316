// SPDX-License-Identifier: GPL-2.0-or-later
//
// The target "fork a b | c": calls a and b, and c when both have failed. Each branch is a
// call.execute of its own, and is dispatched with the common mutex of all calls held, as the
// engine's callfork does: a handler that takes its time stops all calls. What is next after a
// branch failed is dispatched by the thread that brought the failure, often the one that brings all
// answers.

#include "fork.h"

#include <yatephone.h>

#include <algorithm>
#include <memory>

using namespace TelEngine;

namespace {

class ForkBranch;

/// What the caller is connected to until a branch answers.
class ForkMaster : public CallEndpoint {
    YNOCOPY(ForkMaster);

public:
    ForkMaster(const String& id, const String& targets) : CallEndpoint(id) {
        targets.split(m_targets, ' ', false);
        m_next = m_targets.skipNull();
    }
    /// Calls the first branches; whether any is under way.
    bool start(Message& msg);
    void lost(ForkBranch* branch, const char* reason);
    bool answered(Message& msg, const String& branch);
    void destroyed() override;
    static RefPointer<ForkMaster> find(const String& branch);

private:
    bool callGroup();
    bool callBranch(const String& target);
    ObjList m_targets;
    const ObjList* m_next;
    std::unique_ptr<Message> m_execute;
    std::vector<ForkBranch*> m_branches;
    unsigned int m_count = 0;
    bool m_answered = false;
};

/// The caller of one branch.
class ForkBranch : public CallEndpoint {
    YNOCOPY(ForkBranch);

public:
    ForkBranch(ForkMaster* master, const String& id) : CallEndpoint(id), m_master(master) {}
    void leave() { m_master = nullptr; }
    void destroyed() override {
        lost(nullptr);
        CallEndpoint::destroyed();
    }

protected:
    void disconnected(bool /*final*/, const char* reason) override { lost(reason); }

private:
    void lost(const char* reason) {
        const Lock lock(commonMutex());
        const RefPointer<ForkMaster> master(m_master);
        leave();
        if (master) {
            master->lost(this, reason);
        }
    }
    ForkMaster* m_master;
};

// All that is below is guarded by the common mutex.
std::vector<ForkMaster*>& masters() {
    static auto* all = new std::vector<ForkMaster*>;
    return *all;
}
unsigned int masterCount = 0;

RefPointer<ForkMaster> ForkMaster::find(const String& branch) {
    const String id = branch.substr(0, branch.rfind('/'));
    for (ForkMaster* master : masters()) {
        if (master->id() == id) {
            return master;
        }
    }
    return {};
}

bool ForkMaster::start(Message& msg) {
    masters().push_back(this);
    m_execute = std::make_unique<Message>(msg);
    m_execute->clearParam("peerid");
    m_execute->setParam("fork.master", id());
    m_execute->setParam("fork.origid", getPeerId());
    if (callGroup()) {
        msg.setParam("peerid", id());
        msg.setParam("targetid", id());
        return true;
    }
    if (const char* reason = m_execute->getValue("reason")) {
        msg.setParam("reason", reason);
    }
    const char* error = m_execute->getValue("error");
    msg.setParam("error", error);
    disconnect(error);
    return false;
}

// Until the end of a group in which any branch is under way.
bool ForkMaster::callGroup() {
    bool any = false;
    while (m_next) {
        const auto* target = static_cast<const String*>(m_next->get());
        m_next = m_next->skipNext();
        if (!target->startsWith("|")) {
            any = callBranch(*target) || any;
        } else if (any) {
            break;
        }
    }
    return any;
}

bool ForkMaster::callBranch(const String& target) {
    m_execute->clearParam("error");
    m_execute->clearParam("reason");
    Message msg(*m_execute);
    msg.setParam("callto", target);
    msg.setParam("cdrtrack", false);
    String name = id();
    auto* branch = new ForkBranch(this, name << "/" << ++m_count);
    msg.setParam("id", branch->id());
    msg.userData(branch);
    const bool ok = Engine::dispatch(msg);
    msg.userData(nullptr);
    // If only we hold it, it has lost its call already.
    const bool calling = ok && branch->refcount() > 1;
    if (calling) {
        m_branches.push_back(branch);
    } else {
        branch->leave();
    }
    branch->deref();
    return calling;
}

void ForkMaster::lost(ForkBranch* branch, const char* reason) {
    const auto place = std::find(m_branches.begin(), m_branches.end(), branch);
    if (place == m_branches.end()) {
        // It is being called just now.
        return;
    }
    m_branches.erase(place);
    if (m_answered) {
        return;
    }
    if (reason) {
        m_execute->setParam("fork.reason", reason);
    }
    if (m_branches.empty() && !callGroup()) {
        disconnect(reason);
    }
}

// The caller is connected to who answered, and the other branches are let go.
bool ForkMaster::answered(Message& msg, const String& branch) {
    const auto place = std::find_if(m_branches.begin(), m_branches.end(),
                                    [&](const ForkBranch* b) { return b->id() == branch; });
    const RefPointer<CallEndpoint> caller(getPeer());
    if (m_answered || place == m_branches.end() || !caller) {
        return false;
    }
    const RefPointer<CallEndpoint> callee((*place)->getPeer());
    if (!callee) {
        return false;
    }
    m_answered = true;
    msg.setParam("fork.master", id());
    msg.setParam("peerid", caller->id());
    msg.setParam("targetid", caller->id());
    callee->connect(caller);
    return true;
}

void ForkMaster::destroyed() {
    const Lock lock(commonMutex());
    auto& all = masters();
    all.erase(std::remove(all.begin(), all.end(), this), all.end());
    std::vector<ForkBranch*> left;
    left.swap(m_branches);
    for (ForkBranch* branch : left) {
        branch->leave();
        branch->disconnect(m_answered ? "pickup" : "hangup");
    }
    CallEndpoint::destroyed();
}

class ForkExecute : public MessageHandler {
public:
    ForkExecute() : MessageHandler("call.execute", 100, "callfork") {}
    bool received(Message& msg) override {
        auto* caller = YOBJECT(CallEndpoint, msg.userData());
        String targets = msg["callto"];
        if (!caller || !targets.startSkip("fork")) {
            return false;
        }
        const Lock lock(CallEndpoint::commonMutex());
        String id("fork/");
        auto* master = new ForkMaster(id << ++masterCount, targets);
        const bool ok = master->connect(caller, msg.getValue("reason")) && master->start(msg);
        master->deref();
        return ok;
    }
};

/// Says to whom an answer goes.
class ForkAnswered : public MessageHandler {
public:
    ForkAnswered() : MessageHandler("call.answered", 20, "callfork") {}
    bool received(Message& msg) override {
        const String branch = msg["peerid"];
        const Lock lock(CallEndpoint::commonMutex());
        const RefPointer<ForkMaster> master = ForkMaster::find(branch);
        if (master) {
            master->answered(msg, branch);
        }
        return false;
    }
};

} // namespace

void TelEngine::forkStart() {
    Engine::install(new ForkExecute);
    Engine::install(new ForkAnswered);
}

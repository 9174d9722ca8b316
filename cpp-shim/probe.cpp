// SPDX-License-Identifier: GPL-2.0-or-later

#include "probe.h"

#include "clock.h"

using namespace TelEngine;

namespace clustering {

namespace {

// Where nobody answers, or nothing can be sent, the engine itself gives one of these codes, without
// any header of an answer.
bool isOwn(int code) {
    return code == 408 || code == 500;
}

bool hasHeaders(const NamedList& answer) {
    for (const ObjList* o = answer.paramList()->skipNull(); o; o = o->skipNext()) {
        if (static_cast<const NamedString*>(o->get())->name().startsWith("sip_")) {
            return true;
        }
    }
    return false;
}

} // namespace

Probe::Probe(clustering_core* core, const clustering_chore& chore)
    : Worker("Cluster Probe"), m_core(core), m_node(string({chore.node.ptr, chore.node.len})),
      m_uri(string({chore.text.ptr, chore.text.len})), m_number(chore.number),
      m_tries(chore.tries) {}

void Probe::send(clustering_core* core, const clustering_chore& chore) {
    // The engine's timer goes on while it ends, but the SIP channel doesn't survive to be asked for
    // a request after its own end.
    if (Engine::exiting()) {
        return;
    }
    if (!start(new Probe(core, chore))) {
        // No fault of the node's.
        clustering_probed(core, {chore.node.ptr, chore.node.len}, chore.number,
                          CLUSTERING_UNHANDLED, 0, steadyTime());
    }
}

void Probe::work() {
    Message request("xsip.generate");
    request.addParam("method", "OPTIONS");
    request.addParam("uri", m_uri);
    request.addParam("wait", "true");
    request.addParam("xsip_trans_count", String(m_tries));
    const bool handled = Engine::dispatch(request);
    const int code = request.getIntValue("code");
    uint32_t outcome = CLUSTERING_FAILED;
    if (!handled && !request.getParam("error")) {
        outcome = CLUSTERING_UNHANDLED;
    } else if (handled && code > 0 && (!isOwn(code) || hasHeaders(request))) {
        outcome = CLUSTERING_ANSWERED;
    }
    clustering_probed(m_core, bytes(m_node), m_number, outcome, static_cast<uint32_t>(code),
                      steadyTime());
}

} // namespace clustering

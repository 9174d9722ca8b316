// SPDX-License-Identifier: GPL-2.0-or-later

#include "probe.h"

#include "clock.h"

using namespace TelEngine;

namespace clustering {

namespace {

bool hasHeaders(const NamedList& answer) {
    for (const ObjList* o = answer.paramList()->skipNull(); o; o = o->skipNext()) {
        if (static_cast<const NamedString*>(o->get())->name().startsWith("sip_")) {
            return true;
        }
    }
    return false;
}

} // namespace

Probe::Probe(clustering_core* core, const clustering_task& task)
    : Worker("Cluster Probe"), m_core(core), m_node(string(borrowed(task.node))),
      m_uri(string(borrowed(task.text))), m_connection(string(borrowed(task.connection))),
      m_transport(string(borrowed(task.transport))), m_number(task.number), m_tries(task.tries) {}

void Probe::send(clustering_core* core, const clustering_task& task) {
    // The engine's timer goes on while the engine ends, but the SIP channel crashes when it is
    // asked for a request after its own end.
    if (Engine::exiting()) {
        return;
    }
    if (!start(new Probe(core, task))) {
        clustering_probe_report report = {};
        report.no_thread = true;
        clustering_probed(core, borrowed(task.node), task.number, &report, steadyTime());
    }
}

void Probe::work() {
    Message request("xsip.generate");
    request.addParam("method", "OPTIONS");
    request.addParam("uri", m_uri);
    request.addParam("connection_id", m_connection, false);
    request.addParam("ip_transport", m_transport, false);
    request.addParam("wait", "true");
    request.addParam("xsip_trans_count", String(m_tries));
    clustering_probe_report report = {};
    report.handled = Engine::dispatch(request);
    report.has_error = request.getParam("error") != nullptr;
    report.has_headers = hasHeaders(request);
    report.code = static_cast<uint32_t>(request.getIntValue("code", 0, 0));
    report.retry_after = borrowed(request[YSTRING("sip_retry-after")]);
    clustering_probed(m_core, borrowed(m_node), m_number, &report, steadyTime());
}

} // namespace clustering

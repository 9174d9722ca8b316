// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.preroute`: a call that another node sent goes on with the billid that it began with. A call that
//! begins here has this node's name in its billid, so that nodes that were started in the same second make no
//! billid twice.
//!
//! A channel can be given its billid only here. So this message joins the CDRs of all legs of a call on
//! all nodes. The headers are authenticated as for `call.route`, which has the last word and logs it; here an
//! untrusted header is simply not taken.

use crate::auth::authenticate::{NonceUse, authenticate, tolerates};
use crate::auth::derived::wait;
use crate::auth::trust::AuthError;
use crate::decision::Decision;
use crate::messages::{Name, Parameters};
use crate::settings::Settings;
use crate::text::Text;
use crate::verdict::Action;

/// Whether a call gets another billid: it is the cluster's and brings one, or billids have the node's name.
pub(crate) fn concerns<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    settings.billid_node || brings_billid(settings, message)
}

fn brings_billid<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    settings.has_prefix(message.get(Name::Called)) && message.get(Name::SipBillid).is_some()
}

/// Decides an incoming call.
#[inline(never)]
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    let brought = decision.filled(Name::SipBillid);
    let brought = brought.filter(|_| brings_billid(decision.settings, decision.message));
    let authenticated = brought.map(|_| authenticate(decision, NonceUse::Peek));
    if matches!(authenticated, Some(Err(AuthError::Pending))) && wait(decision) {
        return;
    }
    let is_trusted = authenticated
        .is_some_and(|signer| signer.map_or_else(|cause| tolerates(decision, cause), |_| true));
    if let (Some(billid), true) = (brought, is_trusted) {
        decision.verdict.action = Action::Change;
        decision.set(Name::Billid, billid);
        return;
    }
    let node = decision.node;
    if decision.settings.billid_node
        && let Some(billid) = decision.filled(Name::Billid)
    {
        decision.verdict.action = Action::Change;
        decision.set_made(Name::Billid, |text| write(node, billid, text));
    }
}

/// Writes `NODE-BILLID`, with only those bytes of the node's name that no reader of CDRs and no header
/// stumbles over.
fn write(node: &[u8], billid: &[u8], out: &mut Text) {
    let plain = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => *byte,
        _ => b'_',
    };
    out.extend(node.iter().map(plain));
    out.push(b'-');
    out.extend_from_slice(billid);
}

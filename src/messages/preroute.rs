// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.preroute`: a call that another node sent goes on with the billid that it began with; one that begins
//! here has this node's name in it, so that nodes that were started in the same second make no billid twice.
//!
//! Only here can a channel be given its billid, so this is what joins the CDRs of all legs of a call on
//! all nodes. Whose headers count is decided as for `call.route`, which has the last word, and says so
//! in the log; here an untrusted header is simply not taken.

use crate::auth::authenticate::{NonceUse, authenticate};
use crate::decision::Context;
use crate::messages::{Name, Parameters};
use crate::text::Text;
use crate::verdict::{Action, Verdict};

/// Decides an incoming call.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let called = message.get(Name::Called);
    let is_ours = called.is_some_and(|to| context.settings.prefix.strip(to).is_some());
    if let Some(billid) = message.filled(Name::SipBillid).filter(|_| is_ours)
        && authenticate(context, message, NonceUse::Peek).is_ok()
    {
        verdict.action = Action::Change;
        verdict.set(Name::Billid, billid);
        return;
    }
    let Some(billid) = message.filled(Name::Billid) else {
        return;
    };
    if context.settings.billid_node {
        verdict.action = Action::Change;
        verdict.set_made(Name::Billid, |text| write(context.node, billid, text));
    }
}

/// Writes `NODE-BILLID`, of the node's name only what no reader of CDRs and no header stumbles over.
fn write(node: &[u8], billid: &[u8], out: &mut Text) {
    let plain = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => *byte,
        _ => b'_',
    };
    out.extend(node.iter().map(plain));
    out.push(b'-');
    out.extend_from_slice(billid);
}

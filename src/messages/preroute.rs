// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.preroute`: a call that another node sent goes on with the billid that it began with.
//!
//! Only here can a channel be given its billid, so this is what joins the CDRs of all legs of a call on
//! all nodes. The headers are authenticated as for `call.route`, which has the last word and logs it; here an
//! untrusted header is simply not taken.

use crate::auth::authenticate::{NonceUse, authenticate};
use crate::decision::Decision;
use crate::messages::{Name, Parameters};
use crate::settings::Settings;
use crate::verdict::Action;

/// Whether a call is the cluster's and brings a billid.
pub(crate) fn concerns<'m>(settings: &Settings, message: &impl Parameters<'m>) -> bool {
    settings.has_prefix(message.get(Name::Called)) && message.get(Name::SipBillid).is_some()
}

/// Decides an incoming call.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if !concerns(decision.settings, decision.message) {
        return;
    }
    let Some(billid) = decision.filled(Name::SipBillid) else {
        return;
    };
    if authenticate(decision, NonceUse::Peek).is_ok() {
        decision.verdict.action = Action::Change;
        decision.set(Name::Billid, billid);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! `call.preroute`: a call that another node sent goes on with the billid that it began with.
//!
//! Only here can a channel be given its billid, so this is what joins the CDRs of all legs of a call on
//! all nodes. Whose headers count is decided as for `call.route`, which has the last word, and says so
//! in the log; here an untrusted header is simply not taken.

use crate::auth::authenticate::{NonceUse, authenticate};
use crate::decision::Context;
use crate::messages::{Name, Parameters};
use crate::verdict::{Action, Verdict};

/// Decides an incoming call.
pub(crate) fn decide<'m>(
    context: &Context<'_, 'm>,
    message: &impl Parameters<'m>,
    verdict: &mut Verdict<'m>,
) {
    let called = message.get(Name::Called);
    let is_ours = called.is_some_and(|to| context.settings.prefix.strip(to).is_some());
    let Some(billid) = message.filled(Name::SipBillid).filter(|_| is_ours) else {
        return;
    };
    if authenticate(context, message, NonceUse::Peek).is_ok() {
        verdict.action = Action::Change;
        verdict.set(Name::Billid, billid);
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! `chan.disconnected`: a call that another node has sent ends by the phone's own SIP code.
//!
//! The engine has a word for some codes and one code for each word, so it says another code than the phone: 487 to a
//! caller whose phone was told 302. The caller's node would change that once more, to 480. With the phone's own code it
//! says what it would say of a phone of its own.

use crate::decision::Decision;
use crate::messages::arrivals::Arrivals;
use crate::messages::{Name, Parameters};
use crate::verdict::Action;

/// Whether a channel that another node has sent ends by a code of SIP.
pub(crate) fn concerns<'m>(arrivals: &Arrivals, message: &impl Parameters<'m>) -> bool {
    let channel = message.filled(Name::Id);
    message.filled(Name::CauseSip).is_some() && channel.is_some_and(|id| arrivals.has(id))
}

/// Has the channel end by the phone's own code.
pub(crate) fn decide<'m, P: Parameters<'m>>(decision: &mut Decision<'_, 'm, P>) {
    if !concerns(&decision.shared.arrivals, decision.message) {
        return;
    }
    // Without words it was the engine that met nobody, not the phone that said so.
    let said = decision.filled(Name::ReasonSip).is_some();
    if let Some(code @ [b'3'..=b'6', b'0'..=b'9', b'0'..=b'9']) = decision.get(Name::CauseSip)
        && said
    {
        decision.verdict.action = Action::Change;
        decision.set(Name::Reason, code);
    }
}

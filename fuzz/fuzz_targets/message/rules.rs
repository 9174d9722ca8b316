// SPDX-License-Identifier: GPL-2.0-or-later

//! The rules that hold for every verdict, and for those on messages of a kind.

use clustering::addressing::template::Host;
use clustering::auth::trust::Trust;
use clustering::ffi::CLUSTERING_NAME_COUNT;
use clustering::messages::{CLUSTER_HEADERS, Kind, Name, Parameters};
use clustering::settings::Settings;
use clustering::verdict::Action;
use clustering_fuzz::is_line;

use super::{List, Seen, get};

/// Checks the rules for every verdict.
pub fn check(seen: &Seen) {
    assert!(
        seen.edits
            .iter()
            .all(|(name, _)| *name < CLUSTERING_NAME_COUNT)
    );
    assert_eq!(seen.line.is_empty(), seen.level == 0, "{seen:?}");
    assert!(is_line(&seen.line), "{seen:?}");
    if seen.is(Action::Pass) || seen.is(Action::NeedAll) || seen.is(Action::Resolve) {
        assert!(seen.edits.is_empty(), "{seen:?}");
    }
    let returns = seen.is(Action::Answer) || seen.asks();
    assert_eq!(seen.retval.is_empty(), !returns, "{seen:?}");
}

/// Whether a message's cluster headers can't be trusted, whatever its signature is worth.
fn is_strange(settings: &Settings, own: &[u8], list: &List) -> bool {
    let filled = |name| get(list, name).filter(|value| !value.is_empty());
    let sender = filled(Name::IpHostReceived).or(filled(Name::IpHost));
    let signs = settings.keys.are_set();
    let by_address = !settings.trust.is_unset() || !signs;
    // No name is ever looked up here, so only literal addresses are derived.
    let is_derived = || {
        let derived = settings.derived.as_ref()?;
        let node = filled(Name::SipNodename)?;
        let Ok(Host::Address(host)) = derived.host(own, &settings.pattern, node) else {
            return None;
        };
        let trust = Trust::parse(&host.to_string()).ok()?;
        trust.trusts(sender).then_some(())
    };
    (by_address && !settings.trust.trusts(sender) && is_derived().is_none())
        || CLUSTER_HEADERS
            .iter()
            .any(|name| list.as_slice().is_repeated(*name))
        || CLUSTER_HEADERS
            .iter()
            .any(|name| get(list, *name).is_some_and(has_control))
        || (signs && filled(Name::SipSignature).is_none())
}

fn has_control(text: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    text.iter().any(is_control)
}

/// Checks the rules for the messages of a kind.
pub fn check_kind(kind: Kind, settings: &Settings, own: &[u8], list: &List, seen: &Seen) {
    if !settings.decides(kind) {
        assert!(seen.is(Action::Pass));
        return;
    }
    let written = seen.written(list);
    match kind {
        Kind::Route if seen.is(Action::Resolve) => {
            assert!(is_strange(settings, own, list), "{seen:?}");
        }
        Kind::Route if is_strange(settings, own, list) => {
            let left = CLUSTER_HEADERS
                .iter()
                .any(|name| get(&written, *name).is_some());
            assert!(!left, "headers of a stranger are left: {written:?}");
            assert!(!seen.is(Action::Answer) || seen.retval == b"-", "{seen:?}");
        }
        Kind::Preroute if seen.is(Action::Change) => {
            let billid = get(&written, Name::Billid).unwrap_or_default();
            let own = get(list, Name::Billid).unwrap_or_default();
            let is_own = settings.billid_node && billid.ends_with(own) && billid.len() > own.len();
            let is_sent = || get(list, Name::SipBillid) == Some(billid);
            assert!(
                is_own || is_sent() && !is_strange(settings, own, list),
                "{written:?}"
            );
        }
        Kind::Route | Kind::Preroute => {}
        Kind::Execute | Kind::Message | Kind::LateExecute | Kind::LateMessage => {
            if seen.is(Action::Locate) {
                assert_eq!(seen.retval, *settings.locate);
            }
            if seen.is(Action::Send) {
                assert!(matches!(kind, Kind::Message | Kind::LateMessage));
                let left = CLUSTER_HEADERS
                    .iter()
                    .any(|name| get(&written, *name).is_some());
                assert!(!left, "headers of the hop before are left: {written:?}");
            }
            let sent = [
                Name::OsipCallto,
                Name::OsipBillid,
                Name::OsipNodename,
                Name::OsipUsername,
            ];
            let sent = sent.iter().filter_map(|name| seen.value(*name));
            assert!(!sent.clone().any(has_control), "{seen:?}");
            // The core's own reason goes out as a SIP phrase.
            if let Some(reason) = seen.value(Name::Reason) {
                assert!(is_line(reason), "{seen:?}");
            }
        }
        Kind::Locate if seen.is(Action::Ask) => {
            assert!(!settings.lease.account.is_empty() && seen.value(Name::Query).is_some());
        }
        Kind::Locate => {
            let node = settings.nodes.find(&seen.retval);
            assert_eq!(seen.is(Action::Answer), node.is_some(), "{seen:?}");
        }
        Kind::Disconnected if seen.is(Action::Change) => {
            assert_eq!(get(&written, Name::Reason), get(list, Name::CauseSip));
        }
        Kind::Disconnected | Kind::Startup | Kind::Hangup => assert!(seen.is(Action::Pass)),
        Kind::Register | Kind::Unregister => {
            let stored = get(&written, Name::Data).filter(|data| !data.is_empty());
            assert!(stored.is_none_or(|data| settings.prefix.strip(data).is_some()));
        }
        Kind::Cdr => {
            for name in [Name::Nodename, Name::Nodeprefix] {
                assert!(get(&written, name).is_some(), "{written:?}");
                assert!(get(list, name).is_none_or(|old| get(&written, name) == Some(old)));
            }
        }
    }
}

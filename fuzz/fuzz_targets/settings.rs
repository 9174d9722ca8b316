// SPDX-License-Identifier: GPL-2.0-or-later

//! Files of settings: taken whole or refused with reasons that are fit for a log.
//!
//! Patterns that would use up the machine are left out, see [`clustering_fuzz::is_bounded`].
#![no_main]

use arbitrary::Arbitrary;
use clustering::messages::Kind;
use clustering::settings::Settings;
use clustering_fuzz::{File, Text, is_line};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    node: Text,
    file: File,
}

/// The highest priority that the documentation allows.
const LAST_PRIORITY: u32 = 1_000_000;

/// The parts of the settings that can be compared.
fn facts(settings: &Settings) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        settings.enabled,
        settings.prefix.clone(),
        settings.location_prefix.clone(),
        settings.callto.clone(),
        (settings.locate.clone(), settings.connection.clone()),
        settings.trust.clone(),
        (settings.hops, settings.window),
        Kind::ALL.map(|kind| (settings.priority(kind), settings.decides(kind))),
    )
}

fuzz_target!(|input: Input| {
    let node = &input.node.0;
    let mut entries = input.file.entries();
    let settings = match Settings::parse(node, "clustering.conf", &entries) {
        Ok(settings) => settings,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors {
                assert!(!error.reason.is_empty(), "{error:?}");
                assert!(is_line(error.to_string().as_bytes()), "{error:?}");
            }
            return;
        }
    };
    let prefix = settings.prefix.as_bytes();
    assert!(prefix.ends_with(b"/"));
    assert_eq!(*settings.location_prefix, [prefix, node, b"/"].concat());
    assert!(!settings.enabled || !node.is_empty());
    for kind in Kind::ALL {
        let priority = settings.priority(kind);
        assert!(!settings.decides(kind) || (settings.enabled && priority > 0));
        assert!(priority <= LAST_PRIORITY);
    }
    // Of several entries of one key the first counts.
    entries.extend_from_within(..);
    let again = Settings::parse(node, "", &entries);
    assert_eq!(again.map(|again| facts(&again)), Ok(facts(&settings)));
});

// SPDX-License-Identifier: GPL-2.0-or-later

//! The engine notes each handler in a parameter of the message, between the handler's filter and the handler.
//! An operator chooses the parameter, so it may be one that the cluster reads and writes.

use engine_bridge::{Message, Setup, engine};

use crate::child::in_child;

#[test]
fn the_parameter_that_handlers_are_noted_in_is_read_as_it_is_then() {
    in_child(
        "tracked::the_parameter_that_handlers_are_noted_in_is_read_as_it_is_then",
        || {
            let settings = "[general]\nregexp=^node[0-9]$\ncallto=sip/sip:cluster/@\\0.lab\n";
            let engine = engine(&Setup {
                files: vec![
                    ("yate".into(), "[general]\ntrackparam=username\n".into()),
                    ("clustering".into(), settings.into()),
                ],
                ..Setup::default()
            });
            let call = || Message::new("call.execute").with("callto", "cluster/node2/park/1");
            let long =
                "a user whose name has no room behind it, so that it moves when something is added";
            for user in [None, Some("alice"), Some(long)] {
                let call = match user {
                    None => call(),
                    Some(user) => call().with("username", user),
                };
                let sent = engine.dispatch(&call);
                let noted = match user {
                    None => "clustering:50".to_owned(),
                    Some(user) => format!("{user},clustering:50"),
                };
                let values = sent.params.iter().filter(|(name, _)| name == b"username");
                assert_eq!(values.count(), 1);
                assert_eq!(sent.get("username"), Some(noted.as_bytes()));
                assert_eq!(sent.get("osip_x-username"), Some(noted.as_bytes()));
            }
            0
        },
    )
    .assert_clean();
}

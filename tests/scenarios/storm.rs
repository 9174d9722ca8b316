// SPDX-License-Identifier: GPL-2.0-or-later
//! Settings that change while messages are decided: no message is lost, and each is decided by one
//! file of settings.

use std::thread;
use std::time::Duration;

use engine_bridge::{Memory, Message};

use crate::lab::{Lab, MODULE, execute, registration, text};
use crate::traffic::{Traffic, assert_steady, rounds};

/// The rounds after which the engine and the allocator have all the memory that they need.
const RUN_IN: usize = 500;

/// Two files, both of which change every message below, and each in its own way.
const FILES: [&str; 2] = [
    "[general]\nprefix=farm\nregexp=^node[0-9]\\+$\ncallto=sip/a-\\0\n",
    "[general]\nprefix=farm/node2\nregexp=^host\ncallto=iax/b-\\0\n",
];

/// Dispatches a call, a registration and a record; each comes out as one of the files has it.
fn one_or_the_other(lab: &Lab) -> bool {
    let call = lab.engine.dispatch(&execute("farm/node2/host/x"));
    let params = ["callto", "osip_x-callto", "error"].map(|name| text(call.get(name)));
    let expected = [["sip/a-node2", "host/x", ""], ["iax/b-host", "x", ""]];
    assert!(expected.iter().any(|one| params == *one), "{params:?}");

    let data = text(lab.engine.dispatch(&registration()).get("data"));
    let expected = ["farm/node1/sip/bob@lab", "farm/node2/node1/sip/bob@lab"];
    assert!(expected.contains(&&*data), "{data}");

    let record = lab.engine.dispatch(&Message::new("call.cdr"));
    let prefix = text(record.get("nodeprefix"));
    let expected = ["farm/node1/", "farm/node2/node1/"];
    assert!(expected.contains(&&*prefix), "{prefix}");
    true
}

/// Reloads the two files in turn under traffic, each with the text that `priorities` gives for the round, and
/// pauses after each.
fn storm(
    lab: &Lab,
    rounds: usize,
    pause: Duration,
    files: [&str; 2],
    priorities: fn(usize) -> String,
) {
    let reload = |round: usize| {
        let file = files[round % 2];
        lab.engine
            .configure(MODULE, format!("{file}{}", priorities(round)));
        assert!(lab.engine.reload(Some(MODULE)), "round {round}");
        // The log would grow, and nobody reads it.
        drop(lab.engine.take_log());
    };
    reload(0);
    Traffic::around(
        || one_or_the_other(lab),
        |traffic| {
            let mut before = None;
            for round in 0..rounds {
                if round == RUN_IN {
                    before = Some(Memory::now());
                }
                reload(round);
                thread::sleep(pause);
            }
            traffic.flows();
            if let Some(before) = before {
                assert_steady(before, rounds - RUN_IN, 0);
            }
            println!("{} messages of each kind", traffic.treated());
        },
    );
    let status = text(Some(&lab.engine.status(MODULE)));
    assert!(status.contains(",panics=0"), "{status}");
}

#[test]
fn ten_thousand_reloads_lose_no_message_and_mix_no_settings() {
    let lab = Lab::with(FILES[0]);
    let rounds = rounds(10_000);
    storm(&lab, rounds, Duration::ZERO, FILES, |_| String::new());
}

#[test]
fn priorities_that_change_all_the_time_lose_no_message() {
    let lab = Lab::with(FILES[0]);
    // One prefix: a message that met two handlers would be decided once all the same, but not lost.
    let files = [
        FILES[0],
        "[general]\nprefix=farm\nregexp=^node[0-9]\\+$\ncallto=sip/a-\\0\nlocate=x\n",
    ];
    // So that each is in force for some messages.
    let pause = Duration::from_millis(10);
    storm(&lab, rounds(600), pause, files, |round| {
        let early = round % 3;
        format!(
            "[priorities]\ncall.execute={}\nuser.register={}\ncall.cdr={}\n",
            50 + early,
            49 - early,
            25 + early
        )
    });
}

#[test]
fn message_on_its_way_is_decided_once_however_the_handlers_move_meanwhile() {
    let file = |prefix: &str, priority: u32| {
        format!(
            "[general]\nprefix={prefix}\nregexp=n\ncallto=sip/\\0\n\
             [priorities]\nuser.register={priority}\n"
        )
    };
    let off = "[general]\nregexp=n\ncallto=sip/\\0\nuser.register=no\n".to_owned();
    let moves = [
        // Later, earlier, and later with a time between in which there was none.
        (49, vec![file("farm", 60)]),
        (60, vec![file("farm", 49)]),
        (49, vec![off, file("farm", 60)]),
    ];
    for (priority, files) in moves {
        let lab = Lab::with(&file("cluster", priority));
        let engine = lab.engine;
        let shown = format!("from {priority} by {files:?}");
        let between = engine.handle("user.register", 55, move |_| {
            for file in &files {
                engine.configure(MODULE, file);
                assert!(engine.reload(Some(MODULE)));
            }
            false
        });
        let data = lab.register();
        let expected = ["cluster/node1/sip/bob@lab", "farm/node1/sip/bob@lab"];
        assert!(expected.contains(&&*data), "{shown}: {data}");
        drop(between);
        assert_eq!(lab.register(), "farm/node1/sip/bob@lab", "{shown}");
    }
}

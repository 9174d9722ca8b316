// SPDX-License-Identifier: GPL-2.0-or-later
//! The bridge itself, with no module: its promises about any engine that it drives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use engine_bridge::{Engine, Message, Setup, engine, is_mapped, posix_match};

fn bare() -> &'static Engine {
    engine(&Setup {
        node: "bridge-node".into(),
        modules: Vec::new(),
        ..Setup::default()
    })
}

#[test]
fn engine_starts_once_with_the_given_node_name() {
    assert_eq!(bare().node_name(), b"bridge-node");
    assert!(Engine::start(&Setup::default()).is_err());
}

#[test]
fn names_and_values_pass_byte_true_and_in_order() {
    let message = Message::new("bridge.nobody")
        .with("a", b"\xff\xfe ")
        .with(b"b\xc3", "")
        .with("a", "second");
    let outcome = bare().dispatch(&message);
    assert!(!outcome.handled);
    assert_eq!(
        outcome.untraced(),
        [
            (b"a".to_vec(), Some(b"\xff\xfe ".to_vec())),
            (b"b\xc3".to_vec(), None),
            (b"a".to_vec(), Some(b"second".to_vec())),
        ]
    );
}

#[test]
fn handler_changes_the_message_until_it_is_dropped() {
    let message = Message::new("bridge.change")
        .with("old", "1")
        .with("keep", "2");
    let handler = bare().handle("bridge.change", 7, |call| {
        assert_eq!(call.name(), b"bridge.change");
        assert_eq!(call.get("old").as_deref(), Some(&b"1"[..]));
        assert_eq!(call.get("none"), None);
        call.clear("old");
        call.set("keep", "3");
        call.set("new", "4");
        call.set_retval("done");
        true
    });
    let outcome = bare().dispatch(&message);
    assert!(outcome.handled);
    assert_eq!(outcome.retval, b"done");
    assert_eq!(outcome.get("handlers"), Some(&b"test:7"[..]));
    assert_eq!(outcome.get("old"), None);
    assert_eq!(outcome.get("keep"), Some(&b"3"[..]));
    assert_eq!(outcome.get("new"), Some(&b"4"[..]));
    drop(handler);
    assert!(!bare().dispatch(&message).handled);
}

#[test]
#[should_panic(expected = "seen by the test")]
fn panic_of_a_handler_reaches_the_dispatching_test() {
    let _handler = bare().handle("bridge.panic", 1, |_| panic!("seen by the test"));
    let _ = bare().dispatch(&Message::new("bridge.panic"));
}

#[test]
fn queued_message_is_served_by_a_worker() {
    let (sender, receiver) = mpsc::sync_channel(1);
    let _handler = bare().handle("bridge.queued", 1, move |call| {
        sender.send(call.get("n")).is_ok()
    });
    assert!(bare().enqueue(&Message::new("bridge.queued").with("n", "5")));
    let got = receiver
        .recv_timeout(Duration::from_secs(10))
        .expect("it is served");
    assert_eq!(got.as_deref(), Some(&b"5"[..]));
}

#[test]
fn handlers_can_be_dropped_while_other_threads_dispatch() {
    let served = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let _ = bare().dispatch(&Message::new("bridge.race"));
                }
            });
        }
        for _ in 0..200 {
            let counter = Arc::clone(&served);
            let _handler = bare().handle("bridge.race", 1, move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                true
            });
        }
    });
    assert_eq!(Arc::strong_count(&served), 1, "no handler is left");
}

#[test]
fn command_and_status_answer_as_the_console_does() {
    assert_eq!(bare().command("no such command"), None);
    assert!(bare().command("module list").is_some());
    assert!(!bare().is_loaded("clustering"));
    let status = bare().status("engine");
    assert!(
        status.starts_with(b"name=engine,"),
        "{}",
        String::from_utf8_lossy(&status)
    );
    assert!(!bare().reload(Some("nobody")));
}

#[test]
fn mapped_files_are_found_by_name() {
    assert!(is_mapped("libc.so.6"));
    assert!(!is_mapped("no-such-library.so"));
}

#[test]
fn posix_groups_follow_the_leftmost_longest_rule() {
    let groups = posix_match(br"\(a*\)\(ab\)*\(b*\)", b"abb").expect("it matches");
    assert_eq!(groups[0].as_deref(), Some(&b"abb"[..]));
    assert_eq!(groups[1].as_deref(), Some(&b"a"[..]));
    assert_eq!(groups[2], None);
    assert_eq!(groups[3].as_deref(), Some(&b"bb"[..]));
    assert_eq!(posix_match(b"^x", b"yx"), None);
}

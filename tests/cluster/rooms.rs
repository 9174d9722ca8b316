// SPDX-License-Identifier: GPL-2.0-or-later

//! Rooms: each is on one node, wherever its guests come in.

use engine_process::Message;

use crate::lab::Lab;

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn guests_of_two_nodes_meet_in_a_room_on_a_third() {
    let lab = Lab::of(3)
        .dial("^room\\([0-9]*\\)$=cluster/*/conf/\\1")
        .start();
    for node in ["node1", "node2"] {
        let serve = |locate: &mut Message| {
            "node3".clone_into(&mut locate.retval);
            locate.get("callto") == "conf/7"
        };
        lab.node(node).handle("cluster.locate", 50, Box::new(serve));
    }
    let host = lab.node("node3");
    host.watch(&["call.execute"]);
    let carol = lab.phone("carol").at("node1");
    let dave = lab.phone("dave").at("node2");
    let mut talks = Vec::new();
    for (guest, users) in [(&carol, "1"), (&dave, "2")] {
        talks.push(guest.call("room7").answered());
        let entered = host.seen("a guest", |message| message.get("room") == "conf/7");
        assert_eq!(entered.get("users"), users, "{entered:?}");
    }
    let rooms = host.command("status conf");
    assert!(rooms.contains("chans=2,rooms=1;"), "{rooms}");
    for node in ["node1", "node2"] {
        let rooms = lab.node(node).command("status conf");
        assert!(rooms.contains("rooms=0"), "{rooms}");
    }
    for talk in talks {
        talk.hang_up();
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! A call that comes back to a node for something else is a spiral, and goes on. A loop is the same node
//! asked for the same thing again, and ends.

use std::time::{Duration, Instant};

use crate::lab::Lab;

/// All legs of a call on these nodes have one billid: that many records on each.
fn records_join(lab: &Lab, legs: &[(&str, usize)]) {
    let cdrs: Vec<_> = legs
        .iter()
        .flat_map(|(node, count)| lab.node(node).cdrs(*count))
        .collect();
    let first = cdrs[0].get("billid");
    assert!(
        cdrs.iter().all(|cdr| cdr.get("billid") == first),
        "{cdrs:#?}"
    );
}

/// A hunt group on the second node rings a phone there, and one on the node that the caller came from.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_group_on_another_node_rings_a_phone_on_the_callers_node() {
    let plan = Lab::of(2).dial("^group$=cluster/node2/fork lateroute/carol lateroute/dave");
    let lab = plan.start();
    let (carol, dave) = (lab.phone("carol"), lab.phone("dave"));
    carol.register_at("node1");
    dave.register_at("node2");
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call("group");
    let (carols, daves) = (carol.called(), dave.called());
    assert_eq!(carols.from(), lab.sip("node1").into());
    assert_eq!(daves.from(), lab.sip("node2").into());
    daves.ring();
    carols.ring();
    calling.rings();
    let talk = carols.answer();
    daves.cancelled();
    calling.answered().hang_up();
    talk.ended();
    records_join(&lab, &[("node1", 4), ("node2", 3)]);
}

#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_call_that_another_node_sends_back_rings_here() {
    let plan = Lab::of(2).dial("^back$=cluster/node2/cluster/node1/sip/sip:carol@NET.101:5060");
    let lab = plan.start();
    let carol = lab.phone("carol");
    let alice = lab.phone("alice").at("node1");
    let calling = alice.call("back");
    let carols = carol.called();
    assert_eq!(carols.from(), lab.sip("node1").into());
    carols.ring();
    calling.rings();
    let talk = carols.answer();
    calling.answered().hang_up();
    talk.ended();
    records_join(&lab, &[("node1", 4), ("node2", 2)]);
}

/// Each of two nodes is told that a number is with the other one.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn two_nodes_that_send_a_number_to_each_other_soon_end_it() {
    let plan = Lab::of(2).clustering("[general]\ncallto=sip/sip:cluster/${called}@NET.\\1:5060\n");
    let lab = plan.start();
    for (node, other) in [("node1", "node2"), ("node2", "node1")] {
        let route = format!("[default]\n^700$=cluster/{other}/700\n");
        let node = lab.node(node);
        node.configure("regexroute.conf", &route);
        node.command("reload regexroute");
    }
    let begun = Instant::now();
    let alice = lab.phone("alice").at("node1");
    assert_eq!(alice.call("700").refused().code, 483);
    lab.log("node1").wait_for("is looping at node");
    assert!(begun.elapsed() < Duration::from_secs(1));
    let received = ["node1", "node2"].map(|node| {
        let status = lab.node(node).status();
        status.get("received").parse::<u32>().expect("a number")
    });
    assert!(received.iter().sum::<u32>() <= 8, "{received:?}");
}

/// A fork asks the other node for two new things each time, so that only the number of forwards ends it.
#[test]
#[ignore = "needs a real engine: YATE_ROOT"]
fn a_fork_does_not_multiply_a_call_that_goes_round() {
    let plan = Lab::of(2).clustering("[general]\ncallto=sip/sip:cluster/${called}@NET.\\1:5060\n");
    let lab = plan.start();
    for (node, other) in [("node1", "node2"), ("node2", "node1")] {
        let route = format!(
            "[default]\n^\\(7[0-9]*\\)$=fork cluster/{other}/\\11 cluster/{other}/\\12;called=\\10\n"
        );
        let node = lab.node(node);
        node.configure("regexroute.conf", &route);
        node.command("reload regexroute");
    }
    let alice = lab.phone("alice").at("node1");
    assert_ne!(alice.call("7").refused().code, 200);
    let received = ["node1", "node2"].map(|node| {
        let status = lab.node(node).status();
        status.get("received").parse::<u32>().expect("a number")
    });
    // Two and four on the first two ways, then that many on each node; without a bound it were 510.
    assert!(
        received.iter().sum::<u32>() <= 2 + 4 + 2 * 32,
        "{received:?}"
    );
}

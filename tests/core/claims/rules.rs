// SPDX-License-Identifier: GPL-2.0-or-later

//! The use of the database, and the rules without it.

use clustering::placement::claim::{
    DatabaseChange, DatabaseState, DbError, Eligibility, Purpose, QueryOutcome, Resolution, Source,
};

use super::nodes::{Found, Node, found};

use Purpose::{Claim, Lookup};
use Source::{Cache, Database, Hashing};

const ROOM: &[u8] = b"conf/1";

/// Three nodes, of which hashing gives the room to node3.
fn node() -> Node {
    Node::new(&[("node1", 100), ("node2", 100), ("node3", 100)])
}

fn on(name: &str, source: Source) -> Found {
    (Some(name.to_owned()), Some(source))
}

fn query(answer: Resolution) -> String {
    match answer {
        Resolution::Ask { query, .. } => String::from_utf8(query).unwrap(),
        answer => panic!("{answer:?}"),
    }
}

/// Has the database answer that a node has the room.
fn claim(node: &Node, owner: &str) {
    let found = node.find(Claim, ROOM, |_| Some(owner.to_owned()));
    assert_eq!(found, on(owner, Database));
}

#[test]
fn without_an_account_nothing_is_asked() {
    let mut node = node();
    node.terms.account = Box::default();
    for purpose in [Claim, Lookup] {
        assert_eq!(found(&node.look(purpose, ROOM)), on("node3", Hashing));
    }
}

#[test]
fn a_claim_is_answered_from_memory_for_a_while() {
    let mut node = node();
    claim(&node, "node1");
    for purpose in [Claim, Lookup] {
        assert_eq!(found(&node.look(purpose, ROOM)), on("node1", Cache));
    }
    node.now += u64::from(node.terms.cache) - 1;
    assert_eq!(found(&node.look(Claim, ROOM)), on("node1", Cache));
    node.now += 1;
    query(node.look(Claim, ROOM));
    node.terms.cache = 0;
    claim(&node, "node1");
    query(node.look(Claim, ROOM));
}

#[test]
fn a_lookup_is_not_remembered_since_its_lease_may_end_soon() {
    let node = node();
    let found = node.find(Lookup, ROOM, |_| Some("node1".to_owned()));
    assert_eq!(found, on("node1", Database));
    query(node.look(Lookup, ROOM));
}

#[test]
fn a_lookup_that_finds_nothing_is_an_answer() {
    let mut node = node();
    claim(&node, "node1");
    node.now += 100;
    assert_eq!(node.find(Lookup, ROOM, |_| None), (None, None));
    assert_eq!(node.claims.remembered_count(), 0);
}

#[test]
fn the_query_names_the_winner_of_those_that_are_up_and_all_that_may_keep_it() {
    let mut node = node();
    assert!(query(node.look(Claim, ROOM)).contains("VALUES ('conf/1', 'node3', 1800014400)"));
    node.set("node3", Eligibility::Keep);
    node.set("node2", Eligibility::Nothing);
    let claim = query(node.look(Claim, ROOM));
    assert!(
        claim.contains("VALUES ('conf/1', 'node1', 1800014400)"),
        "{claim}"
    );
    assert!(
        claim.contains("expires >= 1800000000 AND held.node NOT IN ('node2')"),
        "{claim}"
    );
    assert!(
        claim.contains(
            "held.node NOT IN ('node1', 'node3') AND held.node NOT IN ('node2') THEN held.expires"
        ),
        "{claim}"
    );
}

#[test]
fn where_all_nodes_are_draining_what_was_claimed_is_still_found() {
    let mut node = node();
    for name in ["node1", "node2", "node3"] {
        node.set(name, Eligibility::Keep);
    }
    let Resolution::Ask { query, purpose } = node.look(Claim, ROOM) else {
        panic!("nothing is asked");
    };
    assert!(query.starts_with(b"SELECT"));
    assert_eq!(purpose, Lookup);
    let reply = QueryOutcome::Done(None);
    assert_eq!(
        node.answered(purpose, ROOM, reply),
        (Resolution::Nobody, None)
    );
    let reply = QueryOutcome::Done(Some(b"node2"));
    let (answer, change) = node.answered(purpose, ROOM, reply);
    assert_eq!((found(&answer), change), (on("node2", Database), None));
}

#[test]
fn where_all_nodes_are_out_nobody_is_asked() {
    let mut node = node();
    claim(&node, "node1");
    for name in ["node1", "node2", "node3"] {
        node.set(name, Eligibility::Nothing);
    }
    assert_eq!(node.look(Claim, ROOM), Resolution::Nobody);
}

#[test]
fn a_remembered_node_that_is_out_is_not_used_and_one_that_drains_is() {
    let mut node = node();
    claim(&node, "node1");
    node.set("node1", Eligibility::Keep);
    assert_eq!(found(&node.look(Claim, ROOM)), on("node1", Cache));
    node.set("node1", Eligibility::Nothing);
    let claim = query(node.look(Claim, ROOM));
    assert!(claim.contains("NOT IN ('node1')"), "{claim}");
}

#[test]
fn a_node_that_went_down_after_it_was_asked_for_is_not_used_and_the_database_not_blamed() {
    let mut node = node();
    claim(&node, "node1");
    node.set("node1", Eligibility::Nothing);
    let (answer, change) = node.answered(Claim, ROOM, QueryOutcome::Done(Some(b"node1")));
    assert_eq!((found(&answer), change), (on("node3", Hashing), None));
    node.set("node1", Eligibility::Take);
    query(node.look(Claim, ROOM));
}

#[test]
fn a_database_that_fails_is_left_alone_for_a_while_and_it_is_logged_once() {
    let cases = [
        (
            QueryOutcome::Failed(b"ERROR:  no\ntable\n"),
            "the query failed: ERROR:  no\\x0atable",
        ),
        (QueryOutcome::TimedOut, "no answer within 500 ms"),
        (
            QueryOutcome::Unhandled,
            "no database module has this account; accounts are read when the engine starts",
        ),
        (
            QueryOutcome::Done(None),
            "the query that claims a resource gave no row",
        ),
    ];
    for (reply, text) in cases {
        let mut node = node();
        query(node.look(Claim, ROOM));
        query(node.look(Claim, b"conf/2"));
        let (answer, change) = node.answered(Claim, ROOM, reply);
        assert_eq!(found(&answer), on("node3", Hashing), "{text}");
        let Some(DatabaseChange::Lost(error)) = change else {
            panic!("{change:?}");
        };
        assert_eq!(error.to_string(), text);
        assert_eq!(node.claims.state(), DatabaseState::Down);
        // The other query was asked for before, so its failure is no news.
        assert_eq!(node.answered(Claim, b"conf/2", reply).1, None);

        node.now += u64::from(node.terms.retry) - 1;
        assert_eq!(found(&node.look(Claim, ROOM)), on("node3", Hashing));
        node.now += 1;
        query(node.look(Claim, ROOM));
        assert_eq!(
            found(&node.look(Claim, ROOM)),
            on("node3", Hashing),
            "one asks"
        );
        assert_eq!(node.answered(Claim, ROOM, reply).1, None);

        node.now += 60;
        query(node.look(Claim, ROOM));
        let (answer, change) = node.answered(Claim, ROOM, QueryOutcome::Done(Some(b"node2")));
        assert_eq!(
            (found(&answer), change),
            (on("node2", Database), Some(DatabaseChange::Back))
        );
        assert_eq!(node.claims.state(), DatabaseState::Up);
    }
}

#[test]
fn a_lookup_brings_the_database_back_too() {
    let node = node();
    node.answered(Claim, ROOM, QueryOutcome::TimedOut);
    let (_, change) = node.answered(Lookup, ROOM, QueryOutcome::Done(None));
    assert_eq!(change, Some(DatabaseChange::Back));
}

#[test]
fn without_the_database_a_claim_counts_as_long_as_its_lease_runs() {
    let mut node = node();
    claim(&node, "node1");
    node.now += u64::from(node.terms.lease) - 1;
    query(node.look(Claim, ROOM));
    let (answer, change) = node.answered(Claim, ROOM, QueryOutcome::TimedOut);
    assert_eq!(change, Some(DatabaseChange::Lost(DbError::TimedOut(500))));
    assert_eq!(found(&answer), on("node1", Cache));
    assert_eq!(found(&node.look(Claim, ROOM)), on("node1", Cache));
    node.now += 1;
    assert_eq!(found(&node.look(Claim, ROOM)), on("node3", Hashing));
}

#[test]
fn a_resource_that_a_database_might_refuse_for_its_length_is_never_asked_for() {
    let node = node();
    query(node.look(Claim, &[b'x'; 255]));
    let answer = node.look(Claim, &[b'x'; 256]);
    assert_eq!(found(&answer).1, Some(Hashing));
}

#[test]
fn a_node_outside_of_the_list_keeps_what_it_has_until_it_departs() {
    let node = node();
    let claim = query(node.look(Claim, ROOM));
    assert!(
        claim.contains("held.node NOT IN ('') THEN held.node"),
        "{claim}"
    );
    let (answer, change) = node.answered(Claim, ROOM, QueryOutcome::Done(Some(b"node%0a4")));
    let unlisted = Resolution::Unlisted(b"node\n4".to_vec());
    assert_eq!((answer, change), (unlisted, None));
    assert_eq!(node.claims.state(), DatabaseState::Up);
    node.claims.depart(b"node\n4");
    let claim = query(node.look(Claim, ROOM));
    assert!(
        claim.contains("NOT IN ('node%0A4') THEN held.node"),
        "{claim}"
    );
    // One that is in the list has not departed.
    node.claims.depart(b"node2");
    let claim = query(node.look(Claim, ROOM));
    assert!(
        claim.contains("NOT IN ('node%0A4') THEN held.node"),
        "{claim}"
    );
}

// SPDX-License-Identifier: GPL-2.0-or-later

use super::*;

const OLD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
const NEW: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 3));

fn second(seconds: u64) -> SteadyTime {
    SteadyTime(seconds * SECOND)
}

fn at(millis: u64) -> WallTime {
    WallTime(1_795_383_063_000_000 + millis * 1000)
}

/// Looks at a name, and has its lookup started if it waits.
fn ask(lookups: &Lookups, name: &str, address: IpAddr, millis: u64) -> Checked {
    lookups.check(name, address, at(millis), true)
}

fn answer(lookups: &Lookups, name: &str, answer: Answer, now: SteadyTime) -> Option<Change> {
    assert_eq!(lookups.next().as_deref(), Some(name));
    lookups.answered(name, answer, now)
}

#[test]
fn a_message_waits_for_a_name_and_is_decided_by_its_addresses() {
    let lookups = Lookups::default();
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::Wait);
    assert!(lookups.is_open("node2.test"));
    let found = Answer::Found(vec![NEW, OLD, OLD]);
    assert_eq!(answer(&lookups, "node2.test", found, second(1)), None);
    assert!(!lookups.is_open("node2.test"));
    assert_eq!(ask(&lookups, "node2.test", OLD, 1), Checked::Match);
    assert_eq!(ask(&lookups, "node2.test", NEW, 1), Checked::Match);
    let other = "192.0.2.4".parse().unwrap();
    assert_eq!(ask(&lookups, "node2.test", other, 1), Checked::Other);
    assert_eq!(lookups.next(), None);
}

#[test]
fn no_message_waits_longer_than_the_bound_and_few_wait_for_one_name() {
    let lookups = Lookups::default();
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::Wait);
    let wait = u64::from(WAIT);
    // The same call is looked at a second time, after it has waited.
    assert_eq!(ask(&lookups, "node2.test", OLD, wait), Checked::Unknown);
    assert_eq!(
        lookups.check("node2.test", OLD, at(1), false),
        Checked::Unknown
    );
    let waiting = (0..100).filter(|_| ask(&lookups, "node2.test", OLD, 1) == Checked::Wait);
    assert_eq!(waiting.count(), usize::from(MOST_WAITING) - 1);
    // It comes late: the next call needs no wait.
    answer(&lookups, "node2.test", Answer::Found(vec![OLD]), second(9));
    assert_eq!(ask(&lookups, "node2.test", OLD, 9000), Checked::Match);
}

#[test]
fn a_name_that_never_has_an_address_is_asked_for_from_time_to_time() {
    let lookups = Lookups::default();
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::Wait);
    answer(&lookups, "node2.test", Answer::NoName, second(1));
    assert_eq!(ask(&lookups, "node2.test", OLD, 1), Checked::NoAddress);
    lookups.tick(second(10));
    assert_eq!(ask(&lookups, "node2.test", OLD, 9999), Checked::NoAddress);
    lookups.tick(second(11));
    assert_eq!(ask(&lookups, "node2.test", OLD, 10_000), Checked::Wait);
}

#[test]
fn another_address_later_is_followed_by_time_and_at_once_by_a_call_from_there() {
    for by_call in [false, true] {
        let lookups = Lookups::default();
        lookups.watch(["node2.test"].into_iter());
        let found = Answer::Found(vec![OLD]);
        let first = answer(&lookups, "node2.test", found, second(1));
        assert_eq!(first, Some(Change::Found(vec![OLD])));
        lookups.tick(second(30));
        assert_eq!(lookups.next(), None);
        if by_call {
            assert_eq!(ask(&lookups, "node2.test", NEW, 0), Checked::Wait);
        } else {
            lookups.tick(second(61));
        }
        assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::Match);
        let change = answer(&lookups, "node2.test", Answer::Found(vec![NEW]), second(62));
        assert_eq!(change, Some(Change::Changed(vec![NEW])));
        assert_eq!(ask(&lookups, "node2.test", NEW, 1), Checked::Match);
        assert_eq!(ask(&lookups, "node2.test", OLD, 1), Checked::Other);
    }
}

#[test]
fn addresses_outlive_a_name_server_for_an_hour_and_not_the_name() {
    let lookups = Lookups::default();
    lookups.watch(["node2.test"].into_iter());
    answer(&lookups, "node2.test", Answer::Found(vec![OLD]), second(0));
    for minute in 1..60 {
        lookups.tick(second(minute * 60));
        answer(&lookups, "node2.test", Answer::Failed, second(minute * 60));
        assert_eq!(
            ask(&lookups, "node2.test", OLD, 0),
            Checked::Match,
            "{minute}"
        );
    }
    lookups.tick(second(3600));
    let change = answer(&lookups, "node2.test", Answer::Failed, second(3600));
    assert_eq!(change, Some(Change::Lost));
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::NoAddress);
    lookups.tick(second(3610));
    let change = answer(
        &lookups,
        "node2.test",
        Answer::Found(vec![OLD]),
        second(3610),
    );
    assert_eq!(change, Some(Change::Changed(vec![OLD])));
    lookups.tick(second(3670));
    let change = answer(&lookups, "node2.test", Answer::NoName, second(3670));
    assert_eq!(change, Some(Change::Lost));
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::NoAddress);
}

#[test]
fn a_flood_of_invented_names_does_bounded_work_and_drives_out_no_node() {
    let lookups = Lookups::default();
    lookups.watch(["section.test"].into_iter());
    answer(
        &lookups,
        "section.test",
        Answer::Found(vec![OLD]),
        second(0),
    );
    assert_eq!(ask(&lookups, "proven.test", NEW, 0), Checked::Wait);
    answer(&lookups, "proven.test", Answer::Found(vec![NEW]), second(0));
    assert_eq!(ask(&lookups, "proven.test", NEW, 0), Checked::Match);

    let (mut looked_up, mut waited) = (0, 0);
    for number in 0..100_000_u64 {
        // A thousand a second. Nobody has such names; some servers never say so.
        let (name, millis) = (format!("n{number}.test"), 1000 + number);
        if number % 1000 == 0 {
            lookups.tick(second(1 + number / 1000));
        }
        waited += u32::from(ask(&lookups, &name, OLD, millis) == Checked::Wait);
        if let Some(name) = lookups.next() {
            let now = second(1 + number / 1000);
            if !name.starts_with('n') {
                lookups.answered(&name, Answer::Found(vec![OLD, NEW]), now);
                continue;
            }
            looked_up += 1;
            if number % 2 == 0 {
                lookups.answered(&name, Answer::NoName, now);
            }
        }
        assert!(lookups.lock().names.len() <= 2 + MOST_STRANGE);
        assert!(lookups.lock().queue.len() <= MOST_STRANGE_QUEUED + 2);
    }
    // Of 100,000 in 100 seconds.
    assert!(
        (1..=101 * MOST_STRANGE_A_SECOND).contains(&waited),
        "{waited}"
    );
    assert!(looked_up <= waited + 4, "{looked_up}");
    assert_eq!(ask(&lookups, "section.test", OLD, 200_000), Checked::Match);
    assert_eq!(ask(&lookups, "proven.test", NEW, 200_000), Checked::Match);
    // The threads that never come back are not all that there are.
    lookups.tick(second(200));
    assert!(lookups.next().is_some_and(|name| !name.starts_with('n')));
}

#[test]
fn few_names_are_looked_up_at_a_time() {
    let lookups = Lookups::default();
    let names: Vec<_> = (0..100)
        .map(|number| format!("node{number}.test"))
        .collect();
    lookups.watch(names.iter().map(String::as_str));
    let started: Vec<_> = std::iter::from_fn(|| lookups.next()).collect();
    assert_eq!(started.len(), MOST_LOOKUPS);
    lookups.answered(&started[0], Answer::Failed, second(1));
    assert!(lookups.next().is_some());
    assert_eq!(lookups.next(), None);
}

#[test]
fn a_name_that_nobody_was_trusted_by_for_a_day_is_forgotten() {
    let lookups = Lookups::default();
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::Wait);
    answer(&lookups, "node2.test", Answer::Found(vec![OLD]), second(0));
    assert_eq!(ask(&lookups, "node2.test", OLD, 0), Checked::Match);
    lookups.tick(second(24 * 3600 - 1));
    assert_eq!(lookups.addresses("node2.test"), Some(vec![OLD]));
    answer(
        &lookups,
        "node2.test",
        Answer::Found(vec![OLD]),
        second(24 * 3600 - 1),
    );
    lookups.tick(second(24 * 3600));
    assert_eq!(lookups.addresses("node2.test"), None);
}

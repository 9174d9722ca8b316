// SPDX-License-Identifier: GPL-2.0-or-later
//! Threads that dispatch messages while something is done to the module.

use std::env;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use engine_bridge::Memory;

use crate::lab::{Lab, PATIENCE, execute, text};

/// The variable with the greatest number of rounds.
const ROUNDS: &str = "LIFE_ROUNDS";

/// The number of rounds of a test: the usual one, or fewer where `LIFE_ROUNDS` says so, for runs in which
/// everything takes longer.
pub fn rounds(rule: usize) -> usize {
    let wish = env::var(ROUNDS).ok();
    let most = wish.map_or(rule, |wish| wish.parse().expect("LIFE_ROUNDS is a number"));
    rule.min(most)
}

/// The state that the threads of a test have in common.
#[derive(Default)]
pub struct Traffic {
    done: AtomicBool,
    treated: AtomicUsize,
}

/// Ends the traffic, also when an assertion fails meanwhile.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Traffic {
    /// Runs `body` while two threads, which the engine doesn't know of, dispatch one message after the other.
    /// `one` dispatches one and returns whether the module had it. The threads end after `body` does.
    pub fn around(one: impl Fn() -> bool + Sync, body: impl FnOnce(&Self)) {
        let traffic = Self::default();
        thread::scope(|scope| {
            let dispatch = || {
                while !traffic.done.load(Ordering::Relaxed) {
                    traffic
                        .treated
                        .fetch_add(usize::from(one()), Ordering::Relaxed);
                }
            };
            let threads = [scope.spawn(dispatch), scope.spawn(dispatch)];
            let stop = Stop(&traffic.done);
            body(&traffic);
            drop(stop);
            for thread in threads {
                thread.join().expect("the thread ends without harm");
            }
        });
    }

    /// The number of messages that the module had so far.
    pub fn treated(&self) -> usize {
        self.treated.load(Ordering::Relaxed)
    }

    /// Waits until the module had one more message.
    pub fn flows(&self) {
        let before = self.treated();
        let end = Instant::now() + PATIENCE;
        while self.treated() == before {
            assert!(Instant::now() < end, "the module gets no messages");
            thread::yield_now();
        }
    }
}

/// A call to this node, one to another and a registration, each of which comes out either as the
/// module makes it with the general settings or as it went in; whether the module had the last one.
pub fn whole_or_untouched(lab: &Lab) -> bool {
    let local = lab.target("cluster/node1/x");
    assert!(matches!(&*local, "x" | "cluster/node1/x"), "{local}");
    let outcome = lab.engine.dispatch(&execute("cluster/node2/x"));
    match text(outcome.get("callto")).as_str() {
        "cluster/node2/x" => assert_eq!(outcome.get("osip_x-callto"), None),
        forwarded => {
            assert_eq!(forwarded, "sip/sip:4021@node2.lab");
            assert_eq!(text(outcome.get("osip_x-callto")), "x");
            assert_eq!(text(outcome.get("osip_x-nodename")), "node1");
        }
    }
    let data = lab.register();
    let had = data == "cluster/node1/sip/bob@lab";
    assert!(had || data == "sip/bob@lab", "{data}");
    had
}

/// Holds memory to its size after a test's run-in. It may grow by a little, whatever the number of rounds,
/// and with each round by `each` bytes of the heap: the engine and the C library keep these, which a module
/// can't help. Where `LIFE_ROUNDS` is set a tool is at work that has a heap of its own, and looks for leaks
/// itself.
pub fn assert_steady(before: Memory, rounds: usize, each: u64) {
    /// Of the heap.
    const SPARE: u64 = 256 << 10;
    /// In RAM, where the allocator keeps a part of what was freed.
    const SPARE_RESIDENT: u64 = 8 << 20;
    let after = Memory::now();
    let allocated = after.allocated.saturating_sub(before.allocated);
    let resident = after.resident.saturating_sub(before.resident);
    println!(
        "{rounds} rounds: {before:?}, then {after:?}: +{allocated} heap, +{resident} resident"
    );
    if env::var_os(ROUNDS).is_some() {
        return;
    }
    let rounds_share = each * u64::try_from(rounds).expect("there are few rounds");
    assert!(
        allocated < SPARE + rounds_share,
        "the heap grew by {allocated} bytes in {rounds} rounds"
    );
    assert!(
        resident < SPARE_RESIDENT + rounds_share,
        "the process grew by {resident} bytes in {rounds} rounds"
    );
}

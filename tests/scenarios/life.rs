// SPDX-License-Identifier: GPL-2.0-or-later
//! The module among living threads: slow lookups, and unloading under traffic.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use engine_bridge::{is_mapped, module_path};

use crate::lab::{GENERAL, Lab, MODULE, PATIENCE};

#[test]
fn registrations_are_served_while_a_lookup_is_under_way() {
    let lab = Lab::with(GENERAL);
    let (entered, wait_entered) = channel();
    let (release, wait_release) = channel();
    let wait_release = Mutex::new(wait_release);
    let _lookup = lab.engine.handle("cluster.locate", 50, move |call| {
        let _ = entered.send(());
        let released = wait_release
            .lock()
            .expect("one lookup")
            .recv_timeout(PATIENCE);
        call.set_retval(if released == Err(RecvTimeoutError::Timeout) {
            "-"
        } else {
            "node2"
        });
        true
    });
    let mut times = thread::scope(|scope| {
        let call = scope.spawn(|| lab.target("cluster/*/conf/7"));
        wait_entered
            .recv_timeout(PATIENCE)
            .expect("the lookup is made");
        let times: Vec<_> = (0..2000)
            .map(|_| {
                let begin = Instant::now();
                assert_eq!(lab.register(), "cluster/node1/sip/bob@lab");
                begin.elapsed()
            })
            .collect();
        release.send(()).expect("the lookup waits");
        let target = call.join().expect("the call ends");
        assert_eq!(
            target, "sip/sip:4021@node2.lab",
            "the lookup outlasted the registrations"
        );
        times
    });
    times.sort_unstable();
    println!(
        "registration during a lookup: p99 {:?}",
        times[times.len() * 99 / 100]
    );
}

/// Ends the traffic, also when an assertion fails meanwhile.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn module_is_truly_unmapped_fifty_times_under_traffic() {
    const ROUNDS: usize = 50;
    let lab = Lab::with(GENERAL);
    assert!(lab.engine.unload(MODULE));
    let (done, treated) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let traffic = || {
            while !done.load(Ordering::Relaxed) {
                match lab.target("cluster/node1/x").as_str() {
                    "x" => drop(treated.fetch_add(1, Ordering::Relaxed)),
                    untouched => assert_eq!(untouched, "cluster/node1/x"),
                }
                assert!(lab.register().ends_with("sip/bob@lab"));
                let _ = lab.target("cluster/node2/x");
            }
        };
        let threads = [scope.spawn(traffic), scope.spawn(traffic)];
        let stop = Stop(&done);
        for round in 0..ROUNDS {
            let before = treated.load(Ordering::Relaxed);
            assert!(lab.engine.load(&module_path(), MODULE), "round {round}");
            assert!(is_mapped("clustering.yate"), "round {round}");
            let end = Instant::now() + PATIENCE;
            while treated.load(Ordering::Relaxed) == before && Instant::now() < end {
                thread::yield_now();
            }
            assert_ne!(
                treated.load(Ordering::Relaxed),
                before,
                "round {round}: no traffic"
            );
            assert!(lab.engine.unload(MODULE), "round {round}");
            assert!(
                !is_mapped("clustering.yate"),
                "round {round}: it is still mapped"
            );
        }
        drop(stop);
        for thread in threads {
            thread.join().expect("the thread ends without harm");
        }
    });
    assert_eq!(lab.target("cluster/node1/x"), "cluster/node1/x");
}

// SPDX-License-Identifier: GPL-2.0-or-later
//! Loading and unloading while messages are under way.

use std::sync::RwLock;
use std::sync::mpsc::channel;
use std::thread;

use engine_bridge::{Memory, Message, is_mapped, module_path};

use crate::lab::{GENERAL, Lab, MODULE, registration};
use crate::traffic::{Traffic, assert_steady, rounds, whole_or_untouched};

/// The rounds after which the engine and the allocator have all the memory that they need.
const RUN_IN: usize = 50;

/// Bytes that each load may leave behind. The engine and the C library leave some hundred, of any
/// module; a module that left its own settings behind would leave tens of thousands.
const LOAD_COSTS: u64 = 768;

#[test]
fn module_is_truly_unmapped_a_thousand_times_under_traffic_and_leaves_no_memory_behind() {
    let rounds = rounds(1000);
    let lab = Lab::with(GENERAL);
    assert!(lab.engine.unload(MODULE));
    Traffic::around(
        || whole_or_untouched(&lab),
        |traffic| {
            let mut before = None;
            for round in 0..rounds {
                if round == RUN_IN {
                    before = Some(Memory::now());
                }
                assert!(lab.engine.load(&module_path(), MODULE), "round {round}");
                assert!(is_mapped("clustering.yate"), "round {round}");
                traffic.flows();
                // The engine's own threads use the module, too, and outlive it.
                assert!(lab.engine.enqueue(&registration()));
                if round % 50 == 0 {
                    assert!(short_lived_thread(&lab), "round {round}");
                }
                assert!(lab.engine.unload(MODULE), "round {round}");
                assert!(!is_mapped("clustering.yate"), "round {round}");
                drop(lab.engine.take_log());
            }
            if let Some(before) = before {
                assert_steady(before, rounds - RUN_IN, LOAD_COSTS);
            }
        },
    );
    assert_eq!(lab.target("cluster/node1/x"), "cluster/node1/x");
}

/// A thread that comes, uses the module and goes while it is loaded.
fn short_lived_thread(lab: &Lab) -> bool {
    thread::scope(|scope| scope.spawn(|| whole_or_untouched(lab)).join()).expect("it ends")
}

#[test]
fn threads_that_used_the_module_end_without_harm_after_it_was_unloaded() {
    let lab = Lab::with(GENERAL);
    for _ in 0..rounds(20) {
        let gone = RwLock::new(());
        let not_yet = gone.write();
        let (say, used) = channel::<()>();
        thread::scope(|scope| {
            for _ in 0..4 {
                let (lab, gone, say) = (&lab, &gone, say.clone());
                scope.spawn(move || {
                    assert!(whole_or_untouched(lab));
                    drop(say);
                    drop(gone.read());
                });
            }
            drop(say);
            // Ends with the last of them, also if one fails; and so does their wait if this thread does.
            assert!(used.recv().is_err());
            assert!(lab.engine.unload(MODULE) && !is_mapped("clustering.yate"));
            drop(not_yet);
        });
        assert!(lab.engine.load(&module_path(), MODULE));
    }
}

#[test]
fn reload_of_the_module_by_command_takes_it_from_the_file_again() {
    let lab = Lab::with(GENERAL);
    // From the engine's own directory, where the command looks for the file.
    assert!(lab.engine.unload(MODULE) && lab.engine.load(&module_path(), MODULE));
    assert_eq!(lab.target("cluster/node1/x"), "x");
    let answer = lab.engine.command(&format!("module reload {MODULE}.yate"));
    assert!(answer.is_some());
    assert!(lab.engine.is_loaded(MODULE));
    assert_eq!(lab.target("cluster/node1/x"), "x");
    let status = lab
        .engine
        .dispatch(&Message::new("engine.status").with("module", MODULE));
    assert!(String::from_utf8_lossy(&status.retval).contains("local=1"));
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! What the core allocates for a message, counted through the C ABI as the engine calls it.

#![allow(unsafe_code, reason = "the C ABI is called")]

use std::mem::MaybeUninit;

use clustering::ffi::{
    CLUSTERING_NAMES, clustering_action, clustering_bytes, clustering_decide, clustering_free,
    clustering_kind, clustering_load, clustering_message, clustering_new, clustering_result,
    clustering_setting, clustering_verdict, clustering_verdict_release,
};
use clustering::message::Name;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn bytes(text: &'static str) -> clustering_bytes {
    clustering_bytes {
        ptr: text.as_ptr(),
        len: text.len(),
    }
}

/// A message of each kind, what it must come to, and how many blocks of memory it may take.
#[test]
fn nothing_is_allocated_for_a_message_that_passes_a_local_call_or_a_registration() {
    use clustering_action::{CLUSTERING_ANSWER, CLUSTERING_CHANGE, CLUSTERING_PASS};
    use clustering_kind::{
        CLUSTERING_CDR, CLUSTERING_EXECUTE, CLUSTERING_REGISTER, CLUSTERING_ROUTE,
    };

    let _profiler = dhat::Profiler::builder().testing().build();
    let settings = [
        ("general", "regexp", "^node\\([0-9]*\\)$"),
        (
            "general",
            "callto",
            "sip/sip:cluster/${called}@\\0.example.net:50\\1",
        ),
        ("security", "trusted", "192.0.2.0/24"),
    ]
    .map(|(section, key, value)| clustering_setting {
        section: bytes(section),
        key: bytes(key),
        value: bytes(value),
    });
    // SAFETY: the texts are static, the settings outlive the call.
    let core = unsafe {
        let core = clustering_new(bytes("node1"));
        let file = bytes("clustering.conf");
        let errors = std::ptr::null_mut();
        let result = clustering_load(core, file, settings.as_ptr(), settings.len(), errors);
        assert_eq!(result, clustering_result::CLUSTERING_OK);
        core
    };

    let call = ("called", "bob");
    let cases: [(
        &str,
        clustering_kind,
        &[(&'static str, &'static str)],
        clustering_action,
        u64,
    ); 8] = [
        (
            "pass",
            CLUSTERING_EXECUTE,
            &[("callto", "sip/sip:bob@192.0.2.1"), call],
            CLUSTERING_PASS,
            0,
        ),
        (
            "local",
            CLUSTERING_EXECUTE,
            &[("callto", "cluster/node1/park/1"), call],
            CLUSTERING_CHANGE,
            0,
        ),
        (
            "forward",
            CLUSTERING_EXECUTE,
            &[
                ("callto", "cluster/node2/sip/sip:bob@192.0.2.9"),
                call,
                ("billid", "1-2"),
                ("username", "a"),
            ],
            CLUSTERING_CHANGE,
            1,
        ),
        (
            "register",
            CLUSTERING_REGISTER,
            &[("data", "sip/sip:bob@192.0.2.9:5060")],
            CLUSTERING_CHANGE,
            0,
        ),
        (
            "route-miss",
            CLUSTERING_ROUTE,
            &[call, ("ip_host", "203.0.113.1")],
            CLUSTERING_PASS,
            0,
        ),
        (
            "route",
            CLUSTERING_ROUTE,
            &[
                ("called", "cluster/"),
                ("ip_host", "192.0.2.2"),
                ("sip_x-callto", "park/1"),
                ("sip_x-billid", "1-2"),
            ],
            CLUSTERING_ANSWER,
            0,
        ),
        (
            "stripped",
            CLUSTERING_ROUTE,
            &[
                ("called", "cluster/1"),
                ("ip_host", "203.0.113.1"),
                ("sip_x-billid", "1-2"),
            ],
            CLUSTERING_CHANGE,
            0,
        ),
        (
            "cdr",
            CLUSTERING_CDR,
            &[("chan", "sip/1")],
            CLUSTERING_CHANGE,
            0,
        ),
    ];
    for (name, kind, params, action, most) in cases {
        let mut known = [bytes(""); CLUSTERING_NAMES];
        let mut present = 0;
        for (name, value) in params {
            if let Some(number) = Name::ALL.iter().position(|n| n.text() == *name) {
                known[number] = bytes(value);
                present |= 1 << number;
            }
        }
        let message = clustering_message {
            known: known.as_ptr(),
            present,
            params: std::ptr::null(),
            count: 0,
            complete: false,
            now: 1_000_000,
        };
        let decide = || {
            let mut verdict = MaybeUninit::<clustering_verdict>::uninit();
            // SAFETY: the message lives on, the verdict is released where it was made.
            unsafe {
                clustering_decide(core, kind as u32, &raw const message, verdict.as_mut_ptr());
                let action = (*verdict.as_ptr()).action;
                clustering_verdict_release(verdict.as_mut_ptr());
                action
            }
        };
        // The first message to a node compiles and remembers what the others then find.
        decide();
        let before = dhat::HeapStats::get().total_blocks;
        let decided = decide();
        let blocks = dhat::HeapStats::get().total_blocks - before;
        assert_eq!(decided, action, "{name}");
        assert!(blocks <= most, "{name} takes {blocks} blocks");
    }
    // SAFETY: made above, used no more.
    unsafe { clustering_free(core) };
}

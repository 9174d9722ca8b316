// SPDX-License-Identifier: GPL-2.0-or-later

//! The core's allocations for a message, counted through the C ABI as the engine calls it.
#![allow(unsafe_code, reason = "the C ABI is called")]

use std::mem::MaybeUninit;
use std::sync::Mutex;

use clustering::connections::{Connections, Registration};
use clustering::ffi::{
    CLUSTERING_NAME_COUNT, clustering_action, clustering_borrowed_text, clustering_core,
    clustering_decide, clustering_free, clustering_kind, clustering_load, clustering_message,
    clustering_new, clustering_result, clustering_setting, clustering_verdict,
    clustering_verdict_release,
};
use clustering::messages::Name;

use clustering_action::{
    CLUSTERING_ACTION_ANSWER, CLUSTERING_ACTION_CHANGE, CLUSTERING_ACTION_PASS,
};
use clustering_kind::{
    CLUSTERING_KIND_CDR, CLUSTERING_KIND_EXECUTE, CLUSTERING_KIND_REGISTER, CLUSTERING_KIND_ROUTE,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// A message of some kind, and the action that it must come to.
struct Case {
    title: &'static str,
    kind: clustering_kind,
    params: &'static [(&'static str, &'static str)],
    action: clustering_action,
}

const REGISTRATION: &[(&str, &str)] = &[
    ("data", "sip/sip:bob@192.0.2.9:5060"),
    ("username", "bob"),
    ("oconnection_id", "tcp:192.0.2.1:5060-192.0.2.9:40000"),
    ("ip_transport", "TCP"),
    ("expires", "600"),
];

const CASES: [Case; 10] = [
    Case {
        title: "pass",
        kind: CLUSTERING_KIND_EXECUTE,
        params: &[("callto", "sip/sip:bob@192.0.2.1")],
        action: CLUSTERING_ACTION_PASS,
    },
    Case {
        title: "local",
        kind: CLUSTERING_KIND_EXECUTE,
        params: &[("callto", "cluster/node1/park/1")],
        action: CLUSTERING_ACTION_CHANGE,
    },
    Case {
        title: "forward",
        kind: CLUSTERING_KIND_EXECUTE,
        params: &[
            ("callto", "cluster/node2/sip/sip:bob@192.0.2.9"),
            ("called", "bob"),
            ("billid", "1-2"),
            ("username", "alice"),
        ],
        action: CLUSTERING_ACTION_CHANGE,
    },
    Case {
        title: "register",
        kind: CLUSTERING_KIND_REGISTER,
        params: &[("data", "sip/sip:bob@192.0.2.9:5060")],
        action: CLUSTERING_ACTION_CHANGE,
    },
    Case {
        title: "renewed registration",
        kind: CLUSTERING_KIND_REGISTER,
        params: REGISTRATION,
        action: CLUSTERING_ACTION_CHANGE,
    },
    Case {
        title: "local, over a connection",
        kind: CLUSTERING_KIND_EXECUTE,
        params: &[("callto", "cluster/node1/sip/sip:bob@192.0.2.9:5060")],
        action: CLUSTERING_ACTION_CHANGE,
    },
    Case {
        title: "route-miss",
        kind: CLUSTERING_KIND_ROUTE,
        params: &[("called", "bob"), ("ip_host", "203.0.113.1")],
        action: CLUSTERING_ACTION_PASS,
    },
    Case {
        title: "route",
        kind: CLUSTERING_KIND_ROUTE,
        params: &[
            ("called", "cluster/"),
            ("ip_host", "192.0.2.2"),
            ("sip_x-callto", "park/1"),
            ("sip_x-billid", "1-2"),
        ],
        action: CLUSTERING_ACTION_ANSWER,
    },
    Case {
        title: "untrusted headers",
        kind: CLUSTERING_KIND_ROUTE,
        params: &[
            ("called", "cluster/1"),
            ("ip_host", "203.0.113.1"),
            ("sip_x-billid", "1-2"),
        ],
        action: CLUSTERING_ACTION_CHANGE,
    },
    Case {
        title: "cdr",
        kind: CLUSTERING_KIND_CDR,
        params: &[],
        action: CLUSTERING_ACTION_CHANGE,
    },
];

/// Allocations are counted for the whole process, so one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn nothing_is_allocated_for_a_usual_message() {
    let _alone = ALONE.lock();
    let _profiler = dhat::Profiler::builder().testing().build();
    let core = core();
    for Case {
        title,
        kind,
        params,
        action,
    } in CASES
    {
        let mut known = [bytes(""); CLUSTERING_NAME_COUNT];
        let mut present = 0;
        for (name, value) in params {
            let number = Name::ALL
                .iter()
                .position(|known| known.text() == *name)
                .unwrap();
            known[number] = bytes(value);
            present |= 1 << number;
        }
        let message = clustering_message {
            known: known.as_ptr(),
            present,
            repeated: 0,
            params: std::ptr::null(),
            count: 0,
            complete: false,
            made: 1_000_000,
            now: 1_000_000,
        };
        // The first message to a node matches its name, and the others find the result in the cache.
        decide(core, kind, &message);
        let before = dhat::HeapStats::get().total_blocks;
        let decided = decide(core, kind, &message);
        let blocks = dhat::HeapStats::get().total_blocks - before;
        assert_eq!(decided, action, "{title}");
        assert_eq!(blocks, 0, "{title}");
    }
    // SAFETY: made above, used no more.
    unsafe { clustering_free(&mut { core }) };
}

/// Holds the documentation's figure.
#[test]
fn a_registration_takes_about_half_a_kilobyte() {
    const COUNT: usize = 10_000;
    let _alone = ALONE.lock();
    let _profiler = dhat::Profiler::builder().testing().build();
    let connections = Connections::default();
    let before = dhat::HeapStats::get().curr_bytes;
    for number in 0..COUNT {
        let location = format!("sip/sip:user{number}@192.0.2.9:50{number};transport=tls;ob");
        let user = format!("user{number}");
        let connection = format!("tls:198.51.100.1:5061-192.0.2.9:4{number}");
        let registration = Registration {
            location: location.as_bytes(),
            user: user.as_bytes(),
            connection: connection.as_bytes(),
            is_own: true,
        };
        assert_eq!(connections.remember(registration, 600, COUNT), Ok(()));
    }
    let each = (dhat::HeapStats::get().curr_bytes - before) / COUNT;
    assert!((100..512).contains(&each), "{each} bytes");
}

fn bytes(text: &'static str) -> clustering_borrowed_text {
    clustering_borrowed_text {
        ptr: text.as_ptr(),
        len: text.len(),
    }
}

fn core() -> *mut clustering_core {
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
    let errors = std::ptr::null_mut();
    // SAFETY: the texts are static, the settings outlive the call.
    unsafe {
        let core = clustering_new(bytes("node1"), 7);
        let file = bytes("clustering.conf");
        let result = clustering_load(
            core,
            file,
            bytes(""),
            settings.as_ptr(),
            settings.len(),
            errors,
        );
        assert_eq!(result, clustering_result::CLUSTERING_RESULT_OK);
        core
    }
}

fn decide(
    core: *const clustering_core,
    kind: clustering_kind,
    message: &clustering_message,
) -> clustering_action {
    let mut verdict = MaybeUninit::<clustering_verdict>::uninit();
    // SAFETY: the message outlives the verdict, which is released where it was made.
    unsafe {
        clustering_decide(core, kind as u32, message, verdict.as_mut_ptr());
        let action = (*verdict.as_ptr()).action;
        clustering_verdict_release(verdict.as_mut_ptr());
        action
    }
}

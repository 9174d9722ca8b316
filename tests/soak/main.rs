// SPDX-License-Identifier: GPL-2.0-or-later
//! The module under mixed traffic for as long as is wished, with settings that change all the time; the
//! result of each message is compared with a model.
//!
//! `SOAK_SECONDS=3600 cargo test --release --test soak -- --ignored --nocapture`

mod messages;
mod model;

use std::env;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine_bridge::{Engine, Memory, Setup, engine};

use messages::Draw;
use model::{Message, Settings, agree, trusts_ten};

const MODULE: &str = "clustering";
/// The time between two reloads.
const PACE: Duration = Duration::from_millis(3);
/// The bytes that the heap may grow after the run-in: the engine needs them for its queues.
const SPARE: u64 = 1 << 20;

fn digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The groups of `^node\([0-9]\)$` in a name.
fn node_and_digit(name: &[u8]) -> Option<[Vec<u8>; 3]> {
    let digit = name
        .strip_prefix(b"node")
        .filter(|rest| rest.len() == 1 && digits(rest))?;
    Some([name.to_vec(), digit.to_vec(), Vec::new()])
}

/// With sections, so that a node can be taken over. The module answers no `cluster.locate`, which another file may have sent.
const TAKEOVER: &str = "[general]\nregexp=^node\\([0-9]\\)$\ncallto=sip/sip:cluster/@10.0.1.\\1\n\
                        [priorities]\ncluster.locate=0\n[security]\ntrusted=10.0.0.0/8\n[node node1]\n[node node2]\n";
/// The files that come into force, and one that is refused.
static FILES: [Settings; 6] = [
    Settings {
        file: TAKEOVER,
        enabled: true,
        prefix: b"cluster/",
        pattern: node_and_digit,
        template: |groups, _| [b"sip/sip:cluster/@10.0.1.", &groups[1][..]].concat(),
        connection: b"",
        register: true,
        cdr: true,
        taken: b"node2",
        trusts: |sender, _| trusts_ten(Some(sender)),
    },
    Settings {
        file: "[general]\nregexp=^node\\([0-9]\\+\\)$\ncallto=sip/sip:${called$nobody}@host\\1.lab\n\
               [security]\ntrusted=10.0.0.0/8\n",
        enabled: true,
        prefix: b"cluster/",
        pattern: |name| {
            let number = name.strip_prefix(b"node").filter(|rest| digits(rest))?;
            Some([name.to_vec(), number.to_vec(), Vec::new()])
        },
        template: |groups, message| {
            let called = message.get("called").unwrap_or(b"nobody");
            [b"sip/sip:", called, b"@host", &groups[1], b".lab"].concat()
        },
        connection: b"",
        register: true,
        cdr: true,
        taken: b"",
        trusts: |sender, _| trusts_ten(Some(sender)),
    },
    Settings {
        file: "[general]\nprefix=farm\nregexp=node\ncallto=sip/\\0/${x-other$none}\n\
               connection=lan\n[security]\ntrusted=*\n",
        enabled: true,
        prefix: b"farm/",
        pattern: |name| {
            let found = name.windows(4).any(|part| part == b"node");
            found.then(|| [b"node".to_vec(), Vec::new(), Vec::new()])
        },
        template: |groups, message| {
            let other = message.get("x-other").unwrap_or(b"none");
            [b"sip/", &groups[0][..], b"/", other].concat()
        },
        connection: b"lan",
        register: true,
        cdr: true,
        taken: b"",
        trusts: |_, _| true,
    },
    Settings {
        file: "[general]\nregexp=^\\(n[a-z]*\\)\\([0-9]\\)$\ncallto=iax/\\2-\\1\n\
               locate=soak.locate\nuser.register=no\ncall.cdr=no\n",
        enabled: true,
        prefix: b"cluster/",
        pattern: |name| {
            let (word, digit) = name.split_at_checked(name.len().checked_sub(1)?)?;
            let rest = word.strip_prefix(b"n")?;
            let matches = digits(digit) && rest.iter().all(u8::is_ascii_lowercase);
            matches.then(|| [name.to_vec(), word.to_vec(), digit.to_vec()])
        },
        template: |groups, _| [b"iax/", &groups[2][..], b"-", &groups[1]].concat(),
        connection: b"",
        register: false,
        cdr: false,
        taken: b"",
        trusts: |_, _| false,
    },
    Settings {
        file: "[general]\nregexp=^node\\([0-9]\\)$\ncallto=sip/sip:cluster/@10.0.0.\\1\n",
        enabled: true,
        prefix: b"cluster/",
        pattern: node_and_digit,
        template: |groups, _| [b"sip/sip:cluster/@10.0.0.", &groups[1][..]].concat(),
        connection: b"",
        register: true,
        cdr: true,
        taken: b"",
        // Each node at the address to which its calls go.
        trusts: |sender, node| {
            let digit = node.strip_prefix(b"node");
            let digit = digit.filter(|digit| digit.len() == 1 && *digit != b"1");
            let address = digit.map(|digit| [b"10.0.0.", digit].concat());
            address.is_some_and(|address| sender == address)
        },
    },
    Settings {
        file: "[general]\nregexp=node\ncallto=sip/\\0\nenabled=no\n",
        enabled: false,
        prefix: b"cluster/",
        pattern: |_| None,
        template: |_, _| Vec::new(),
        connection: b"",
        register: false,
        cdr: false,
        taken: b"",
        trusts: |_, _| false,
    },
];
const REFUSED: &str = "[general]\nprefix=cluster\nregexp=\\(\ncallto=sip/\\0\n";

/// The file of a reload, `None` for the one that is refused.
fn file(reload: usize) -> Option<&'static Settings> {
    // Every fifth is refused, but the first one isn't.
    (reload % 5 != 4).then(|| &FILES[(reload / 2 + reload % 5) % FILES.len()])
}

/// The settings in force after a reload.
fn in_force(reload: usize) -> &'static Settings {
    file(reload)
        .or_else(|| file(reload - 1))
        .expect("no two in a row are refused")
}

/// The state that the threads of a soak have in common.
#[derive(Default)]
struct Soak {
    done: AtomicBool,
    /// The last reload that began, and the last one that ended.
    started: AtomicUsize,
    ended: AtomicUsize,
    messages: AtomicUsize,
    /// Messages that were under way during a reload.
    between: AtomicUsize,
    mismatches: Mutex<Vec<String>>,
}

/// Ends the traffic, also when an assertion fails meanwhile.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

impl Soak {
    fn mismatches(&self) -> MutexGuard<'_, Vec<String>> {
        self.mismatches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Dispatches messages and compares their results.
    fn dispatch(&self, engine: &Engine, seed: u64) {
        let mut draw = Draw::new(seed);
        while !self.done.load(SeqCst) {
            let (name, message) = messages::next(&mut draw);
            let first = self.ended.load(SeqCst);
            let outcome = engine.dispatch(&message);
            let last = self.started.load(SeqCst);
            self.messages.fetch_add(1, SeqCst);
            self.between.fetch_add(usize::from(first != last), SeqCst);
            // A reload may fall between the two handlers that a call meets.
            let expected: Vec<Message> = (first..=last)
                .flat_map(|early| (early..=last).map(move |late| (early, late)))
                .map(|(early, late)| {
                    let mut expected = in_force(early).decide(name, &message.params);
                    in_force(late).decide_late(name, &mut expected);
                    expected
                })
                .collect();
            if !expected.iter().any(|one| agree(one, &outcome)) {
                self.mismatches().push(format!(
                    "{name} by the settings {first} to {last}:\n{}\ncame out as\n{}\nnot as\n{}",
                    shown(&Message::new(&message.params)),
                    shown(&Message {
                        params: outcome.untraced(),
                        handled: outcome.handled,
                        retval: outcome.retval,
                    }),
                    expected
                        .iter()
                        .map(shown)
                        .collect::<Vec<_>>()
                        .join("\nor\n")
                ));
            }
        }
    }

    /// Changes the settings until it is time, or until there are mismatches enough to look at.
    fn reload(&self, engine: &Engine, end: Instant, mut tick: impl FnMut()) {
        let _stop = Stop(&self.done);
        let mut reload = 0;
        while Instant::now() < end && self.mismatches().len() < 5 {
            reload += 1;
            let before = status(engine, "reload");
            self.started.store(reload, SeqCst);
            let text = file(reload).map_or(REFUSED, |settings| settings.file);
            engine.configure(MODULE, text);
            assert!(engine.reload(Some(MODULE)));
            // Another thread may be at work on the module, and then it does the reload.
            while file(reload).is_some() && status(engine, "reload") == before {
                thread::yield_now();
            }
            self.ended.store(reload, SeqCst);
            drop(engine.take_log());
            tick();
            thread::sleep(PACE);
        }
    }
}

fn shown(message: &Message) -> String {
    let retval = message.retval.escape_ascii();
    let mut lines = vec![format!("  handled={} retval={retval}", message.handled)];
    lines.extend(message.params.iter().map(|(name, value)| {
        let value = value.as_deref().unwrap_or_default();
        format!("    {}={}", name.escape_ascii(), value.escape_ascii())
    }));
    lines.join("\n")
}

/// A number in the module's status.
fn status(engine: &Engine, name: &str) -> u64 {
    let status = String::from_utf8_lossy(&engine.status(MODULE)).into_owned();
    let items = status.trim_end().split([',', ';']);
    let value = items.filter_map(|item| item.split_once('='));
    value
        .into_iter()
        .find(|(own, _)| *own == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {status}"))
}

#[test]
#[ignore = "runs for SOAK_SECONDS, a minute by default"]
fn soak() {
    let seconds = env::var("SOAK_SECONDS").map_or(60, |text| text.parse().expect("a number"));
    let engine = engine(&Setup::default());
    let _lookups =
        ["cluster.locate", "soak.locate"].map(|name| engine.handle(name, 50, messages::answer));
    // It holds while another file has no sections, and is in force again with the next one that has.
    engine.configure(MODULE, TAKEOVER);
    assert!(engine.reload(Some(MODULE)));
    let answer = engine.command("clustering takeover node2");
    let answer = answer.map(|answer| String::from_utf8_lossy(&answer).into_owned());
    assert_eq!(
        answer.as_deref(),
        Some("Node 'node2' is taken over by this node\r\n")
    );
    engine.configure(MODULE, in_force(0).file);
    assert!(engine.reload(Some(MODULE)));
    let soak = Soak::default();
    let begin = Instant::now();
    let mut start = None;
    thread::scope(|scope| {
        for seed in 1..=2 {
            scope.spawn({
                let soak = &soak;
                move || soak.dispatch(engine, seed)
            });
        }
        let run_in = Duration::from_secs(seconds) / 10;
        soak.reload(engine, begin + Duration::from_secs(seconds), || {
            if start.is_none() && begin.elapsed() > run_in {
                start = Some(Memory::now());
            }
        });
    });
    let end = Memory::now();
    let start = start.unwrap_or(end);
    let mismatches = soak.mismatches();
    let panics = status(engine, "panics");
    println!(
        "{} messages, {} of them during one of {} reloads, in {:?}",
        soak.messages.load(SeqCst),
        soak.between.load(SeqCst),
        soak.ended.load(SeqCst),
        begin.elapsed()
    );
    println!(
        "{}",
        String::from_utf8_lossy(&engine.status(MODULE)).trim_end()
    );
    println!("{} mismatches, {panics} panics", mismatches.len());
    println!("memory at the start: {start:?}, at the end: {end:?}");
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n\n"));
    assert_eq!(panics, 0);
    assert!(end.allocated < start.allocated + SPARE, "the heap grew");
    for counter in [
        "local",
        "forwarded",
        "located",
        "received",
        "notlocated",
        "nonode",
    ] {
        assert_ne!(status(engine, counter), 0, "{counter}");
    }
}

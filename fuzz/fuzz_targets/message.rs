// SPDX-License-Identifier: GPL-2.0-or-later

//! Messages over settings that change: two nodes of one history, one of them behind the C ABI, must give the
//! same verdicts, and the verdicts must keep the rules that hold for every message.
#![no_main]
#![allow(unsafe_code, reason = "the C ABI takes pointers")]

#[path = "message/rules.rs"]
mod rules;

use std::mem::MaybeUninit;
use std::{ptr, slice};

use arbitrary::Arbitrary;
use clustering::cluster::Cluster;
use clustering::ffi::{
    clustering_concerns, clustering_core, clustering_decide, clustering_edit_kind, clustering_free,
    clustering_load, clustering_new, clustering_result, clustering_resume, clustering_setting,
    clustering_status, clustering_verdict, clustering_verdict_line, clustering_verdict_release,
};
use clustering::messages::{Kind, Name, Parameters};
use clustering::operator::counters::Counter;
use clustering::time::MessageTimes;
use clustering::verdict::{Action, Edit, Verdict};
use clustering_fuzz::host::{Answer, Empty, Message, bytes, read, take, times};
use clustering_fuzz::{File, Params, Text};
use libfuzzer_sys::fuzz_target;
use rules::{check, check_kind};

#[derive(Arbitrary, Debug)]
struct Input {
    node: Text,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Load(File),
    Message {
        kind: u8,
        complete: bool,
        seconds: u16,
        params: Params,
        /// Comes back from a locate, with this reply.
        answer: Answer,
        meanwhile: File,
        /// The seconds since the message was made.
        age: u8,
    },
}

/// The number of both nodes' process.
const PROCESS: u64 = 1;

type List = Vec<(Vec<u8>, Vec<u8>)>;

/// A parameter of a message.
fn get(list: &List, name: Name) -> Option<&[u8]> {
    Parameters::get(&list.as_slice(), name)
}

/// The header `X-Cluster` up to its HMAC, which is its last parameter.
fn without_mac(mut header: Vec<u8>) -> Vec<u8> {
    const MAC: &[u8] = b";mac=";
    if let Some(end) = header.windows(MAC.len()).rposition(|part| part == MAC) {
        header.truncate(end);
    }
    header
}

/// A verdict as a host sees it, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    action: u32,
    level: i32,
    line: Vec<u8>,
    retval: Vec<u8>,
    /// Number of the name, and what it is set to.
    edits: Vec<(usize, Option<Vec<u8>>)>,
}

impl Seen {
    fn directly(verdict: &Verdict) -> Self {
        let edits = verdict.edits().iter().map(|edit| match edit {
            Edit::Set(name, value) => (*name as usize, Some(verdict.resolve(value).to_vec())),
            Edit::Clear(name) => (*name as usize, None),
        });
        let line = verdict.line().map(|line| line.to_string().into_bytes());
        Self {
            action: verdict.action as u32,
            level: verdict
                .event
                .as_ref()
                .map_or(0, |event| event.level() as i32),
            line: line.unwrap_or_default(),
            retval: verdict.retval().unwrap_or_default().to_vec(),
            edits: edits.collect(),
        }
    }

    /// The parts that must come out again: all but the log's line, which comes once, and the signatures of a call, of
    /// which each has a nonce of its own.
    fn lasting(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let mut edits = self.edits.clone();
        for (name, value) in &mut edits {
            if *name == Name::OsipSignature as usize {
                *value = value.take().map(|_| b"a signature".to_vec());
            }
            if *name == Name::OsipCluster as usize {
                *value = value.take().map(without_mac);
            }
        }
        (self.action, self.retval.clone(), edits)
    }

    fn is(&self, action: Action) -> bool {
        self.action == action as u32
    }

    /// It asks for a reply.
    fn asks(&self) -> bool {
        self.is(Action::Locate) || self.is(Action::Ask) || self.is(Action::Resolve)
    }

    fn value(&self, wanted: Name) -> Option<&[u8]> {
        let edit = self.edits.iter().find(|(name, _)| *name == wanted as usize);
        edit.and_then(|(_, value)| value.as_deref())
    }

    /// The message after the edits, as an engine writes them.
    fn written(&self, list: &List) -> List {
        let mut list = list.clone();
        for (number, value) in &self.edits {
            let name = Name::ALL[*number];
            match value {
                None => list.retain(|(text, _)| !name.matches(text)),
                Some(value) => {
                    let text = name.text().as_bytes();
                    match list.iter_mut().find(|(n, _)| n == text) {
                        Some((_, old)) => old.clone_from(value),
                        None => list.push((text.to_vec(), value.clone())),
                    }
                }
            }
        }
        list
    }
}

/// A node behind the C ABI.
struct Core(*mut clustering_core);

/// A verdict of a [`Core`], in memory that doesn't move.
struct Held(Box<MaybeUninit<clustering_verdict>>);

impl Core {
    fn new(node: &[u8]) -> Self {
        // SAFETY: the text outlives the call.
        let core = unsafe { clustering_new(bytes(node, Empty::Null), PROCESS) };
        assert!(!core.is_null());
        Self(core)
    }

    fn load(&self, file: &File) -> bool {
        let settings = file.entries.iter().map(|[section, key, value]| {
            let [section, key, value] = [section, key, value].map(|t| bytes(&t.0, Empty::Null));
            clustering_setting {
                section,
                key,
                value,
            }
        });
        let settings: Vec<_> = settings.collect();
        // SAFETY: the settings outlive the call, and NULL says that no errors are wanted.
        let result = unsafe {
            let name = bytes(b"clustering.conf", Empty::Null);
            clustering_load(
                self.0,
                name,
                bytes(b"", Empty::Null),
                settings.as_ptr(),
                settings.len(),
                ptr::null_mut(),
            )
        };
        assert!(matches!(
            result,
            clustering_result::CLUSTERING_RESULT_OK
                | clustering_result::CLUSTERING_RESULT_BAD_SETTINGS
        ));
        result == clustering_result::CLUSTERING_RESULT_OK
    }

    fn concerns(&self, kind: Kind, message: &Message) -> bool {
        // SAFETY: the message outlives the call.
        unsafe { clustering_concerns(self.0, kind as u32, &message.abi()) }
    }

    /// A verdict that must not outlive the message.
    fn decide(&self, kind: Kind, message: &Message) -> Held {
        let mut held = Box::new(MaybeUninit::uninit());
        // SAFETY: the caller drops the verdict before the message, and the core last.
        let result = unsafe {
            let place = held.as_mut_ptr();
            clustering_decide(self.0, kind as u32, &message.abi(), place)
        };
        assert_eq!(result, clustering_result::CLUSTERING_RESULT_OK);
        Held(held)
    }

    /// A verdict that must not outlive the message or the answer.
    fn resume(&self, pending: &Held, message: &Message, answer: &Answer) -> Held {
        let mut held = Box::new(MaybeUninit::uninit());
        // SAFETY: as for `decide`; `pending` is a verdict.
        let result = unsafe {
            let (pending, place) = (pending.0.as_ptr(), held.as_mut_ptr());
            let answer = answer.abi(Empty::Null);
            clustering_resume(self.0, pending, &message.abi(), answer.as_ptr(), place)
        };
        assert_eq!(result, clustering_result::CLUSTERING_RESULT_OK);
        Held(held)
    }

    fn status(&self) -> Vec<u8> {
        // SAFETY: the core is one, the text is its own.
        unsafe { take(clustering_status(self.0)) }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // SAFETY: nothing uses it any more.
        unsafe { clustering_free(&raw mut self.0) }
    }
}

impl Held {
    fn seen(&self) -> Seen {
        // SAFETY: a verdict whose borrowed texts stand, see `Core::decide`.
        unsafe {
            let verdict = self.0.assume_init_ref();
            let edits = match verdict.edit_count {
                0 => &[],
                count => slice::from_raw_parts(verdict.edits, count),
            };
            let edits = edits.iter().map(|edit| {
                let value = read(edit.value);
                let set = edit.kind == clustering_edit_kind::CLUSTERING_EDIT_KIND_SET;
                (edit.name as usize, set.then_some(value))
            });
            Seen {
                action: verdict.action as u32,
                level: verdict.level,
                line: take(clustering_verdict_line(verdict)),
                retval: read(verdict.retval),
                edits: edits.collect(),
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: a verdict, used no more.
        unsafe { clustering_verdict_release(self.0.as_mut_ptr()) }
    }
}

/// The same node twice.
struct Twins {
    direct: Cluster,
    behind: Core,
}

impl Twins {
    fn load(&self, file: &File) {
        let taken = self.direct.load("clustering.conf", &file.entries()).is_ok();
        assert_eq!(self.behind.load(file), taken);
    }

    /// Decides a message by both.
    fn decide(
        &self,
        kind: Kind,
        list: &List,
        message: &Message,
        complete: bool,
        times: MessageTimes,
    ) -> Seen {
        let mut verdict = Verdict::default();
        let parameters = list.as_slice();
        self.direct
            .decide(kind, &parameters, complete, times, &mut verdict);
        let seen = Seen::directly(&verdict);
        assert_eq!(self.behind.decide(kind, message).seen(), seen);
        check(&seen);
        let concerns = self.direct.concerns(kind, &list.as_slice());
        assert_eq!(self.behind.concerns(kind, message), concerns);
        if !concerns {
            assert!(seen.is(Action::Pass) && seen.level == 0, "{seen:?}");
        }
        seen
    }

    /// Locates by both, before and after other settings are loaded: which must not matter.
    fn locate(
        &self,
        kind: Kind,
        list: &List,
        message: &Message,
        times: MessageTimes,
        answer: &Answer,
        other: &File,
    ) {
        let parameters = list.as_slice();
        let mut pending = Verdict::default();
        self.direct
            .decide(kind, &parameters, true, times, &mut pending);
        let held = self.behind.decide(kind, message);
        let reply = answer.direct();
        let locate = || {
            let mut verdict = Verdict::default();
            let direct = &self.direct;
            direct.resume(&pending, &parameters, &reply, times, &mut verdict);
            let seen = Seen::directly(&verdict);
            assert_eq!(self.behind.resume(&held, message, answer).seen(), seen);
            check(&seen);
            assert!(!seen.asks() && !seen.is(Action::NeedAll));
            seen
        };
        let before = locate();
        self.load(other);
        let after = locate();
        // A database's answer is remembered, and so is that it gives none.
        if kind != Kind::Locate {
            assert_eq!(before.lasting(), after.lasting());
        }
    }
}

fuzz_target!(|input: Input| {
    let node = &input.node.0;
    let twins = Twins {
        direct: Cluster::new(node, PROCESS),
        behind: Core::new(node),
    };
    for step in &input.steps {
        match step {
            Step::Load(file) => twins.load(file),
            Step::Message {
                kind,
                complete,
                seconds,
                params,
                answer,
                meanwhile,
                age,
            } => {
                let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
                let times = times(*seconds, *age);
                let list = params.to_list();
                let settings = twins.direct.settings();
                let part = Message::new(params, *complete, times, Empty::Null);
                let mut seen = twins.decide(kind, &list, &part, *complete, times);
                let whole = Message::new(params, true, times, Empty::Dangling);
                // A call with a signature counts once, a database that fails is not asked at once again;
                // any other message counts as often as it comes.
                let signed = get(&list, Name::SipSignature).is_some();
                let once = match kind {
                    Kind::Route => signed,
                    Kind::Locate => seen.is(Action::Ask),
                    _ => false,
                };
                if !once {
                    let again = twins.decide(kind, &list, &whole, true, times);
                    if !seen.is(Action::NeedAll) {
                        assert_eq!(seen.lasting(), again.lasting());
                    }
                    seen = again;
                }
                assert!(!seen.is(Action::NeedAll), "all parameters are given");
                check_kind(kind, &settings, node, &list, &seen);
                if seen.asks() {
                    twins.locate(kind, &list, &whole, times, answer, meanwhile);
                }
            }
        }
    }
    assert_eq!(twins.direct.count(Counter::Panics), 0);
    assert_eq!(
        twins.behind.status(),
        clustering::operator::status::params(&twins.direct).into_bytes()
    );
});

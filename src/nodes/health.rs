// SPDX-License-Identifier: GPL-2.0-or-later

//! Whether a node answers: a few failures in a row take it down, a few answers bring it back.
//!
//! Probes and real calls are the evidence. A call that got any answer shows that the node lived since it began, be it busy,
//! not answered or refused; only a call that got none at all counts against it. But a probe has the last
//! word: when a phone never rings, the engine gives up the call in the same way, if not as soon, as when the
//! node is dead. So a failed call only expedites the next probe.
//!
//! A node that goes down soon after it came up must prove itself longer before it is taken for up again,
//! so that one that comes and goes doesn't take every other call with it.
//!
//! Between up and down is *busy*: the node answers that it wants nothing new for now. It stays so until another
//! answer comes, and at least for the time that it has named.
//!
//! Time is microseconds on a clock that never steps, which the caller has.

mod rules;

use std::fmt::{self, Display};

use crate::time::{SECOND, SteadyTime};

pub use rules::{Codes, CodesError, Rules};

/// The most that `rise` is multiplied by for a node that keeps going down.
const MAX_FLAP_PENALTY: u32 = 16;
/// The most seconds for which a node is busy by one answer.
const MOST_RETRY: u32 = 3600;

/// The state of a node, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Nothing yet, which counts as up.
    #[default]
    Unknown = 0,
    /// It answers.
    Up = 1,
    /// It doesn't.
    Down = 2,
    /// It answers, and wants nothing new.
    Busy = 3,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
            Self::Busy => "busy",
        }
    }
}

impl Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The cause of a node's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Nobody has asked.
    #[default]
    Unasked,
    /// It answered a probe with this code.
    Answered(u16),
    /// A probe got no answer in time.
    NoAnswer,
    /// An operator enabled it, so it counts as unknown again.
    Enabled,
    /// The file has another place for it, so it counts as unknown again.
    Moved,
    /// This node has taken it over, so it would probe itself.
    TakenOver,
    /// An operator released it, so it counts as unknown again.
    Released,
    /// Probes are switched off for all nodes.
    NoProbes,
    /// Nobody knows where this node could be probed.
    NoUri,
    /// The engine sends no requests for probes.
    NotSupported,
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => f.write_str("not probed yet"),
            Self::Answered(code) => write!(f, "answered {code}"),
            Self::NoAnswer => f.write_str("no answer to a probe"),
            Self::Enabled => f.write_str("enabled by command"),
            Self::Moved => f.write_str("its place has changed in the file"),
            Self::TakenOver => f.write_str("taken over by this node"),
            Self::Released => f.write_str("released by command"),
            Self::NoProbes => f.write_str("nodes are not probed"),
            Self::NoUri => f.write_str("it has no probe"),
            Self::NotSupported => f.write_str("no probes are sent"),
        }
    }
}

/// An answer to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its code.
    pub code: u16,
    /// The seconds after which the node wants to be asked again; 0 where it names none.
    pub retry_after: u32,
}

impl From<u16> for Answer {
    fn from(code: u16) -> Self {
        Self {
            code,
            retry_after: 0,
        }
    }
}

/// A node's state has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// The cause of the change.
    pub cause: Cause,
    /// The time that the state before has lasted, in microseconds.
    pub lasted: u64,
}

/// The health of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    state: State,
    /// The time of the last change.
    since: SteadyTime,
    cause: Cause,
    /// Failures in a row, and the time of the first one.
    failures: u32,
    failing_since: SteadyTime,
    /// Answers in a row.
    answers: u32,
    /// The flap penalty: the factor on `rise` before the node comes up.
    flap_penalty: u32,
    /// The last answer took so many microseconds; 0 before any.
    latency: u64,
    /// A node that is busy stays so until then.
    busy_until: SteadyTime,
}

impl Health {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(now: SteadyTime) -> Self {
        Self {
            state: State::Unknown,
            since: now,
            cause: Cause::Unasked,
            failures: 0,
            failing_since: SteadyTime(0),
            answers: 0,
            flap_penalty: 1,
            latency: 0,
            busy_until: SteadyTime(0),
        }
    }

    /// Has the state of a node that was new count from `now` on.
    pub const fn begin(&mut self, now: SteadyTime) {
        if self.since.0 == 0 {
            self.since = now;
        }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The time that the state has lasted, in microseconds; 0 before it [began](Self::begin).
    #[must_use]
    pub const fn lasts(&self, now: SteadyTime) -> u64 {
        match self.since {
            SteadyTime(0) => 0,
            since => now.since(since),
        }
    }

    /// The state in words: its cause, or how far the node has come where it's down and answers again.
    #[must_use]
    pub fn reason(&self, rules: &Rules) -> String {
        if let (State::Busy, Cause::Answered(code)) = (self.state, self.cause)
            && !rules.busy.contains(code)
        {
            return format!("{}, busy by its Retry-After", self.cause);
        }
        if self.state != State::Down || self.answers == 0 {
            return self.cause.to_string();
        }
        let held = if self.flap_penalty > 1 {
            ", held back after flapping"
        } else {
            ""
        };
        format!("answering, {} of {}{held}", self.answers, self.rise(rules))
    }

    /// Answers in a row that bring the node up now.
    const fn rise(&self, rules: &Rules) -> u32 {
        rules.rise.saturating_mul(self.flap_penalty)
    }

    /// The time that the last answer took, in microseconds; 0 before any.
    #[must_use]
    pub const fn latency(&self) -> u64 {
        self.latency
    }

    /// A probe was answered after so many microseconds.
    pub fn answered(
        &mut self,
        rules: &Rules,
        answer: Answer,
        latency: u64,
        now: SteadyTime,
    ) -> Option<Transition> {
        self.latency = latency;
        let cause = Cause::Answered(answer.code);
        let is_busy = rules.busy.contains(answer.code);
        if !is_busy && !rules.alive.contains(answer.code) {
            return self.failed(rules, cause, now);
        }
        let to = if is_busy {
            let seconds = u64::from(answer.retry_after.min(MOST_RETRY));
            self.busy_until = now.after(seconds * SECOND);
            State::Busy
        } else if self.state == State::Busy && now < self.busy_until && !rules.busy.is_none() {
            State::Busy
        } else {
            State::Up
        };
        self.failures = 0;
        self.answers = self.answers.saturating_add(1);
        if self.state == State::Down && self.answers < self.rise(rules) {
            return None;
        }
        if self.state != to {
            return Some(self.change(to, cause, now));
        }
        self.cause = cause;
        if now.since(self.since) >= u64::from(rules.hold) * SECOND {
            self.flap_penalty = 1;
        }
        None
    }

    /// A probe got no answer, or one that doesn't count.
    pub fn failed(&mut self, rules: &Rules, cause: Cause, now: SteadyTime) -> Option<Transition> {
        self.answers = 0;
        self.count_failure(now);
        if self.state == State::Down || self.failures < rules.fall {
            return None;
        }
        let held = now.since(self.since) >= u64::from(rules.hold) * SECOND;
        self.flap_penalty = match self.state {
            State::Up | State::Busy if !held => (self.flap_penalty * 2).min(MAX_FLAP_PENALTY),
            _ => 1,
        };
        Some(self.change(State::Down, cause, now))
    }

    /// A call got no answer at all: a probe is to tell whether that was the last of a row.
    pub fn call_failed(&mut self, rules: &Rules, now: SteadyTime) {
        if self.state != State::Down && self.failures + 1 < rules.fall {
            self.count_failure(now);
        }
    }

    /// A call that began at that time was answered, whatever the answer: the failures before that were no row. A call
    /// from before the first failure may have been answered when the node still lived.
    pub fn call_answered(&mut self, began: SteadyTime) {
        if self.state != State::Down && began > self.failing_since {
            self.failures = 0;
        }
    }

    fn count_failure(&mut self, now: SteadyTime) {
        if self.failures == 0 {
            self.failing_since = now;
        }
        self.failures = self.failures.saturating_add(1);
    }

    /// Forgets the state: the node counts as unknown.
    pub fn forget(&mut self, cause: Cause, now: SteadyTime) -> Option<Transition> {
        let known = self.state != State::Unknown;
        let change = known.then(|| self.change(State::Unknown, cause, now));
        *self = Self {
            cause,
            ..Self::new(now)
        };
        change
    }

    /// Notes that the node isn't probed, for this cause, or that it will be: `None`. A state that was known is
    /// forgotten, for nobody would notice that the node is back.
    pub fn not_probed(&mut self, why: Option<Cause>, now: SteadyTime) -> Option<Transition> {
        let was_off = matches!(
            self.cause,
            Cause::NoProbes | Cause::NoUri | Cause::TakenOver
        );
        match why {
            Some(cause) if self.state != State::Unknown => return self.forget(cause, now),
            Some(cause) => self.cause = cause,
            None if was_off => self.cause = Cause::Unasked,
            None => {}
        }
        None
    }

    fn change(&mut self, to: State, cause: Cause, now: SteadyTime) -> Transition {
        let change = Transition {
            from: self.state,
            to,
            cause,
            lasted: now.since(self.since),
        };
        self.state = to;
        self.since = now;
        self.cause = cause;
        self.failures = 0;
        self.answers = 0;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> Rules {
        Rules {
            interval: 10,
            timeout: 2,
            fall: 3,
            rise: 2,
            hold: 60,
            alive: Codes::default(),
            busy: Codes::parse_busy(b"").unwrap(),
        }
    }

    /// A node that has been up for a day at second 0 of the returned clock.
    fn up() -> (Health, SteadyTime) {
        let mut health = Health::new(SteadyTime(0));
        assert!(
            health
                .answered(&rules(), 200.into(), 900, SteadyTime(0))
                .is_some()
        );
        (health, SteadyTime(86_400 * SECOND))
    }

    fn probe(health: &mut Health, now: &mut SteadyTime, answer: bool) -> Option<State> {
        *now = now.after(10 * SECOND);
        let change = if answer {
            health.answered(&rules(), 200.into(), 900, *now)
        } else {
            health.failed(&rules(), Cause::NoAnswer, *now)
        };
        change.map(|change| change.to)
    }

    #[test]
    fn a_node_is_up_with_its_first_answer() {
        let mut health = Health::new(SteadyTime(0));
        assert_eq!(health.state(), State::Unknown);
        let change = health
            .answered(&rules(), 404.into(), 900, SteadyTime(5 * SECOND))
            .unwrap();
        assert_eq!((change.from, change.to), (State::Unknown, State::Up));
        assert_eq!((change.lasted, health.latency()), (5 * SECOND, 900));
    }

    #[test]
    fn lost_probes_change_nothing_before_the_last_of_a_row() {
        let (mut health, mut now) = up();
        for _ in 0..100 {
            for answer in [false, false, true] {
                assert_eq!(probe(&mut health, &mut now, answer), None);
            }
        }
        for state in [None, None, Some(State::Down), None] {
            assert_eq!(probe(&mut health, &mut now, false), state);
        }
    }

    #[test]
    fn a_change_says_why_and_how_long_it_was_otherwise() {
        let (mut health, mut now) = up();
        probe(&mut health, &mut now, false);
        probe(&mut health, &mut now, false);
        now = now.after(10 * SECOND);
        let change = health.failed(&rules(), Cause::NoAnswer, now).unwrap();
        assert_eq!(change.cause, Cause::NoAnswer);
        assert_eq!(change.lasted, 86_430 * SECOND);
        assert_eq!((change.from, change.to), (State::Up, State::Down));
    }

    #[test]
    fn a_node_that_is_down_comes_up_with_answers_in_a_row() {
        let (mut health, mut now) = up();
        for _ in 0..3 {
            probe(&mut health, &mut now, false);
        }
        for (answer, state) in [
            (true, None),
            (false, None),
            (true, None),
            (true, Some(State::Up)),
        ] {
            assert_eq!(probe(&mut health, &mut now, answer), state);
        }
    }

    #[test]
    fn a_node_that_keeps_going_down_takes_longer_and_longer_to_come_up() {
        let (mut health, mut now) = up();
        for answers in [2, 4, 8, 16, 32, 32] {
            for _ in 0..3 {
                probe(&mut health, &mut now, false);
            }
            assert_eq!(health.state(), State::Down);
            let until_up = (1..100).find(|_| probe(&mut health, &mut now, true).is_some());
            assert_eq!(until_up, Some(answers));
        }
        for _ in 0..6 {
            probe(&mut health, &mut now, true);
        }
        for _ in 0..3 {
            probe(&mut health, &mut now, false);
        }
        probe(&mut health, &mut now, true);
        assert_eq!(probe(&mut health, &mut now, true), Some(State::Up));
    }

    #[test]
    fn a_call_that_is_answered_ends_a_row_of_failures() {
        let (mut health, mut now) = up();
        for _ in 0..10 {
            probe(&mut health, &mut now, false);
            probe(&mut health, &mut now, false);
            health.call_answered(now);
        }
        assert_eq!(health.state(), State::Up);
    }

    #[test]
    fn a_call_from_before_a_row_of_failures_does_not_end_it() {
        let (mut health, mut now) = up();
        let before = now;
        for state in [None, None, Some(State::Down)] {
            assert_eq!(probe(&mut health, &mut now, false), state);
            health.call_answered(before);
        }
    }

    #[test]
    fn calls_that_fail_leave_the_last_word_to_a_probe() {
        let (mut health, mut now) = up();
        for _ in 0..10 {
            health.call_failed(&rules(), now);
        }
        assert_eq!(health.state(), State::Up);
        let mut other = health;
        assert_eq!(probe(&mut health, &mut now, false), Some(State::Down));
        for answer in [true, false, false] {
            assert_eq!(probe(&mut other, &mut now, answer), None);
        }
    }

    #[test]
    fn an_answer_that_does_not_count_is_a_failure() {
        let rules = Rules {
            alive: Codes::parse(b"200, 400-499").unwrap(),
            busy: Codes::parse_busy(b"none").unwrap(),
            ..rules()
        };
        let (mut health, now) = up();
        for code in [503, 503] {
            assert_eq!(health.answered(&rules, code.into(), 1, now), None);
        }
        let change = health.answered(&rules, 503.into(), 1, now).unwrap();
        assert_eq!(
            (change.to, change.cause),
            (State::Down, Cause::Answered(503))
        );
    }

    /// Takes an answer at a second of the clock.
    fn answer(health: &mut Health, second: u64, code: u16, retry_after: u32) -> Option<State> {
        let answer = Answer { code, retry_after };
        let now = SteadyTime(86_400 * SECOND).after(second * SECOND);
        let change = health.answered(&rules(), answer, 900, now);
        change.map(|change| change.to)
    }

    #[test]
    fn a_node_is_busy_with_one_answer_and_until_it_gives_another() {
        let (mut health, _) = up();
        assert_eq!(answer(&mut health, 0, 503, 0), Some(State::Busy));
        assert_eq!(health.reason(&rules()), "answered 503");
        assert_eq!(answer(&mut health, 10, 503, 0), None);
        assert_eq!(answer(&mut health, 20, 200, 0), Some(State::Up));
    }

    #[test]
    fn a_busy_node_stays_so_for_the_time_that_it_named_last() {
        let (mut health, _) = up();
        assert_eq!(answer(&mut health, 0, 503, 30), Some(State::Busy));
        assert_eq!(answer(&mut health, 10, 503, 25), None);
        assert_eq!(answer(&mut health, 34, 200, 0), None);
        assert_eq!(
            health.reason(&rules()),
            "answered 200, busy by its Retry-After"
        );
        assert_eq!(answer(&mut health, 35, 200, 0), Some(State::Up));
        // Nor is it busy where no node is any more.
        assert_eq!(answer(&mut health, 36, 503, 30), Some(State::Busy));
        let none = Rules {
            busy: Codes::parse_busy(b"none").unwrap(),
            ..rules()
        };
        let now = SteadyTime(86_400 * SECOND).after(37 * SECOND);
        let change = health.answered(&none, 200.into(), 900, now);
        assert_eq!(change.map(|change| change.to), Some(State::Up));
        // Nobody is busy for years.
        assert_eq!(answer(&mut health, 40, 503, u32::MAX), Some(State::Busy));
        assert_eq!(answer(&mut health, 3640, 200, 0), Some(State::Up));
    }

    #[test]
    fn a_busy_node_that_dies_is_down_and_comes_back_busy() {
        let (mut health, mut now) = up();
        assert_eq!(answer(&mut health, 0, 503, 30), Some(State::Busy));
        for state in [None, None, Some(State::Down)] {
            assert_eq!(probe(&mut health, &mut now, false), state);
        }
        // Both of them are answers that count.
        assert_eq!(answer(&mut health, 60, 200, 0), None);
        assert_eq!(answer(&mut health, 70, 503, 0), None, "it is held back");
        assert_eq!(answer(&mut health, 80, 503, 0), None);
        assert_eq!(answer(&mut health, 90, 503, 0), Some(State::Busy));
    }

    proptest! {
        /// Whatever comes, a node goes down only after `fall` failures in a row, and up only after
        /// `rise` answers in a row.
        #[test]
        fn a_change_needs_a_row(answers in prop::collection::vec(any::<bool>(), 0..200)) {
            let (mut health, mut now) = up();
            let mut row = 0;
            let mut last = None;
            for answer in answers {
                row = if last == Some(answer) { row + 1 } else { 1 };
                last = Some(answer);
                match probe(&mut health, &mut now, answer) {
                    Some(State::Down) => prop_assert!(!answer && row >= 3),
                    Some(_) => prop_assert!(answer && row >= 2),
                    None => {}
                }
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The connections that phones have registered over: the ways by which their locations are reached from this
//! node.
//!
//! A phone on TCP or TLS is reached over the connection that it has made and in no other way. A phone behind
//! a NAT or a firewall is reached only from the listener that it has registered at. A registration names the
//! connection or the listener, and the engine sends a call there that names the same. None of these names
//! leaves this node.
//!
//! A location may be any text that a user likes, another user's, too. So a location that several users have
//! registered over different connections is reached over none of them: a user who claims a location falsely
//! gets nobody's calls.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};
use smallvec::SmallVec;

use crate::failure::unpoisoned;
use crate::text::{Escaped, Text, has_control};
use crate::time::SteadyTime;

/// The longest location with its user, and the longest name of a connection, in bytes. Real ones are far
/// shorter.
const LONGEST: usize = 1024;

/// The number of registrations that are looked at in a second: at least that many, and a part of all.
const SWEPT: usize = 1024;
const SWEPT_PART: usize = 32;
/// The number of them that are looked at in one go, while messages wait.
const SWEPT_AT_ONCE: usize = 256;

/// A registration, and the way to its phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration<'a> {
    /// The user's location, without prefix and node.
    pub location: &'a [u8],
    /// The user of the location.
    pub user: &'a [u8],
    /// The connection or the listener that the registration came by, as the engine calls it.
    pub connection: &'a [u8],
    /// It is a connection of the phone's own, not a listener that all phones share.
    pub is_own: bool,
}

/// The reason why a registration is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRemembered {
    /// There is no room for one more.
    Full,
    /// A text of it is too long, or has a control character.
    Malformed,
}

/// The reason why a text is not one that was [written](Connections::write).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionsError {
    /// It lacks its first line or its last one.
    #[error("its beginning or its end is missing")]
    Incomplete,
    /// A line of it is no registration.
    #[error("'{0}' is no registration")]
    Line(String),
}

/// The connections of all registrations that last.
#[derive(Debug, Default)]
pub struct Connections {
    /// The time of the last [`tick`](Connections::tick), in seconds.
    now: AtomicU64,
    /// The number of registrations that are known: without any there is nothing to look for.
    count: AtomicUsize,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By location and user, as [`key`] joins them.
    registrations: BTreeMap<Arc<[u8]>, Entry>,
    connections: BTreeMap<Arc<[u8]>, Users>,
    /// The place where the last sweep ended.
    swept: Option<Arc<[u8]>>,
}

/// The parts of a registration besides its key.
#[derive(Debug)]
struct Entry {
    /// One text for all registrations over a connection.
    connection: Arc<[u8]>,
    until: u64,
}

/// The registrations over a connection.
#[derive(Debug)]
enum Users {
    /// These, over a phone's own connection, which breaks at any time.
    Own(SmallVec<[Arc<[u8]>; 1]>),
    /// That many, by a listener. When the listener goes, which is rare, they are looked for among all.
    Shared(usize),
}

/// Location and user as one text. Texts of the engine have no zero byte.
fn key(location: &[u8], user: &[u8]) -> Text {
    let mut key = Text::from_slice(location);
    key.push(0);
    key.extend_from_slice(user);
    key
}

impl Connections {
    /// Remembers a registration for so many seconds, instead of the one of that user at that location.
    ///
    /// One without a location or a connection is left out.
    ///
    /// # Errors
    ///
    /// Fails when as many as `most` are known already, or a text is too long or has a control character.
    #[inline(never)]
    pub fn remember(
        &self,
        registration: Registration<'_>,
        expires: u64,
        most: usize,
    ) -> Result<(), NotRemembered> {
        let Registration {
            location,
            user,
            connection,
            is_own,
        } = registration;
        let long = location.len() + user.len() > LONGEST || connection.len() > LONGEST;
        if location.is_empty() || connection.is_empty() {
            return Ok(());
        }
        if long {
            return Err(NotRemembered::Malformed);
        }
        let key = key(location, user);
        let until = self.now.load(Relaxed).saturating_add(expires);
        let mut known = self.write_lock();
        // Most registrations are known, and what is known has been looked at.
        if let Some(entry) = known.registrations.get_mut(&*key)
            && &*entry.connection == connection
        {
            entry.until = until;
            return Ok(());
        }
        if [location, user, connection].into_iter().any(has_control) {
            return Err(NotRemembered::Malformed);
        }
        known.remove(&key);
        let full = known.registrations.len() >= most;
        if !full {
            known.add(key.as_slice().into(), connection, is_own, until);
        }
        self.count.store(known.registrations.len(), Relaxed);
        if full {
            Err(NotRemembered::Full)
        } else {
            Ok(())
        }
    }

    /// Forgets a user's registration at a location.
    #[inline(never)]
    pub fn forget(&self, location: &[u8], user: &[u8]) {
        if self.is_empty() {
            return;
        }
        let mut known = self.write_lock();
        known.remove(&key(location, user));
        self.count.store(known.registrations.len(), Relaxed);
    }

    /// Forgets all registrations over a connection that is no more.
    #[inline(never)]
    pub fn forget_connection(&self, connection: &[u8]) {
        if self.is_empty() {
            return;
        }
        let mut known = self.write_lock();
        known.remove_connection(connection);
        self.count.store(known.registrations.len(), Relaxed);
    }

    /// Hands over the connection by which a location is reached, if there is one.
    pub fn find<T>(&self, location: &[u8], take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let known = self.read_lock();
        known.find(location, self.now.load(Relaxed)).map(take)
    }

    /// Tells the time, and forgets some of the registrations that are over. To be called every second, or more often.
    pub fn tick(&self, now: SteadyTime) {
        let now = now.seconds();
        if self.now.swap(now, Relaxed) == now || self.is_empty() {
            return;
        }
        let mut left = SWEPT.max(self.len() / SWEPT_PART);
        while left > 0 {
            let number = left.min(SWEPT_AT_ONCE);
            left -= number;
            let mut known = self.write_lock();
            let is_at_end = known.sweep(now, number);
            self.count.store(known.registrations.len(), Relaxed);
            if is_at_end {
                break;
            }
        }
    }

    /// The number of registrations that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All registrations, for the same `run` of the engine to take over; another run has none of these
    /// connections.
    #[must_use]
    pub fn write(&self, run: &[u8]) -> Vec<u8> {
        let mut text = head(run);
        let known = self.read_lock();
        for (key, entry) in &known.registrations {
            let shared = matches!(
                known.connections.get(&entry.connection),
                Some(Users::Shared(_))
            );
            let kind = if shared { SHARED } else { OWN };
            let key = percent_encode(key, ESCAPED);
            let connection = percent_encode(&entry.connection, ESCAPED);
            let line = format!("{kind} {} {connection} {key}\n", entry.until);
            text.extend_from_slice(line.as_bytes());
        }
        text.extend_from_slice(TAIL);
        text
    }

    /// Takes over the registrations that were [written](Self::write) in the same `run` of the engine; those
    /// of another run are left out.
    ///
    /// # Errors
    ///
    /// Fails when the text wasn't written whole; then nothing of it is taken.
    pub fn read(&self, text: &[u8], run: &[u8]) -> Result<(), ConnectionsError> {
        let (first, rest) = split(text, b'\n').ok_or(ConnectionsError::Incomplete)?;
        if !first.starts_with(HEAD) {
            return Err(ConnectionsError::Incomplete);
        }
        let lines = rest
            .strip_suffix(TAIL)
            .ok_or(ConnectionsError::Incomplete)?;
        if !text.starts_with(&head(run)) {
            return Ok(());
        }
        let entries = lines
            .split_inclusive(|&byte| byte == b'\n')
            .map(|line| {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                registration(line).ok_or_else(|| ConnectionsError::Line(Escaped(line).to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut known = self.write_lock();
        for (key, connection, is_own, until) in entries {
            known.remove(&key);
            known.add(key.into(), &connection, is_own, until);
        }
        self.count.store(known.registrations.len(), Relaxed);
        Ok(())
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Known> {
        unpoisoned(self.known.read())
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, Known> {
        unpoisoned(self.known.write())
    }
}

impl Known {
    fn find(&self, location: &[u8], now: u64) -> Option<&[u8]> {
        // The zero byte after it makes a location's keys the first ones behind the location itself.
        let behind = self
            .registrations
            .range::<[u8], _>((Excluded(location), Unbounded));
        let of_location = behind
            .take_while(|(key, _)| key.strip_prefix(location).is_some_and(|rest| rest[0] == 0));
        let mut lasting = of_location.filter(|(_, entry)| entry.until > now);
        let (_, first) = lasting.next()?;
        let agreed = lasting.all(|(_, entry)| entry.connection == first.connection);
        agreed.then_some(&*first.connection)
    }

    /// Each step leaves all registrations whole, in case the next one fails for lack of memory: a
    /// registration is among those of its connection for as long as it is known.
    fn add(&mut self, key: Arc<[u8]>, connection: &[u8], is_own: bool, until: u64) {
        let connection = if let Some((name, _)) = self.connections.get_key_value(connection) {
            Arc::clone(name)
        } else {
            let name: Arc<[u8]> = connection.into();
            let users = if is_own {
                Users::Own(SmallVec::new())
            } else {
                Users::Shared(0)
            };
            self.connections.insert(Arc::clone(&name), users);
            name
        };
        match self.connections.get_mut(&connection) {
            Some(Users::Own(keys)) => keys.push(Arc::clone(&key)),
            Some(Users::Shared(number)) => *number += 1,
            None => {}
        }
        self.registrations.insert(key, Entry { connection, until });
    }

    fn remove(&mut self, key: &[u8]) {
        let Some(Entry { connection, .. }) = self.registrations.remove(key) else {
            return;
        };
        let unused = match self.connections.get_mut(&connection) {
            Some(Users::Own(keys)) => {
                keys.retain(|other| **other != *key);
                keys.is_empty()
            }
            Some(Users::Shared(number)) => {
                *number = number.saturating_sub(1);
                *number == 0
            }
            None => false,
        };
        if unused {
            self.connections.remove(&connection);
        }
    }

    fn remove_connection(&mut self, connection: &[u8]) {
        match self.connections.remove(connection) {
            Some(Users::Own(keys)) => {
                for key in keys {
                    self.registrations.remove(&key);
                }
            }
            Some(Users::Shared(_)) => {
                let others = |_: &Arc<[u8]>, entry: &mut Entry| *entry.connection != *connection;
                self.registrations.retain(others);
            }
            None => {}
        }
    }

    /// Looks at the next so many registrations; `true` at the end of all, where the next sweep begins anew.
    fn sweep(&mut self, now: u64, number: usize) -> bool {
        let begin = self.swept.as_deref().map_or(Unbounded, Excluded);
        let range = self.registrations.range::<[u8], _>((begin, Unbounded));
        let mut last = None;
        let mut over = Vec::new();
        let mut looked = 0;
        for (key, entry) in range.take(number) {
            looked += 1;
            last = Some(key);
            if entry.until <= now {
                over.push(Arc::clone(key));
            }
        }
        // At the end it begins anew.
        self.swept = last.filter(|_| looked == number).map(Arc::clone);
        for key in over {
            self.remove(&key);
        }
        self.swept.is_none()
    }
}

/// The first line but for the run, the start of a line, and the last line.
const HEAD: &[u8] = b"; Connections of registrations, of run ";
const OWN: &str = "own";
const SHARED: &str = "shared";
const TAIL: &[u8] = b"; end\n";

/// The bytes that are escaped: blanks separate the words of a line, and line feeds separate registrations.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

fn head(run: &[u8]) -> Vec<u8> {
    [HEAD, run, b"\n"].concat()
}

/// The contents of a line: key, connection, whether that is the phone's own, and the end of the registration.
fn registration(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>, bool, u64)> {
    let (kind, rest) = split(line, b' ')?;
    let (until, rest) = split(rest, b' ')?;
    let (connection, key) = split(rest, b' ')?;
    let is_own = match kind {
        kind if kind == OWN.as_bytes() => true,
        kind if kind == SHARED.as_bytes() => false,
        _ => return None,
    };
    let until = std::str::from_utf8(until).ok()?.parse().ok()?;
    let decoded = |text| -> Vec<u8> { percent_decode(text).collect() };
    let (connection, key) = (decoded(connection), decoded(key));
    let whole =
        !connection.is_empty() && split(&key, 0).is_some_and(|(location, _)| !location.is_empty());
    whole.then_some((key, connection, is_own, until))
}

/// The text before the first such byte, and the text behind it.
fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|&byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;
    use proptest::prelude::*;

    const MOST: usize = 1000;

    fn registration<'a>(location: &'a str, user: &'a str, connection: &'a str) -> Registration<'a> {
        Registration {
            location: location.as_bytes(),
            user: user.as_bytes(),
            connection: connection.as_bytes(),
            is_own: connection.starts_with("tcp:"),
        }
    }

    fn found(connections: &Connections, location: &str) -> Option<String> {
        let text = |connection: &[u8]| String::from_utf8_lossy(connection).into_owned();
        connections.find(location.as_bytes(), text)
    }

    fn tick(connections: &Connections, seconds: u64) {
        connections.tick(SteadyTime(seconds * SECOND));
    }

    /// The registrations last until 100.
    fn with(registrations: &[(&str, &str, &str)]) -> Connections {
        let connections = Connections::default();
        for (location, user, connection) in registrations {
            let registration = registration(location, user, connection);
            connections.remember(registration, 100, MOST).unwrap();
        }
        connections
    }

    #[test]
    fn a_location_has_the_connection_of_its_registration_for_as_long_as_that_lasts() {
        let known = with(&[
            ("sip/sip:bob@b", "bob", "tcp:1"),
            ("sip/sip:bob@b:1", "bob", "general"),
        ]);
        tick(&known, 99);
        assert_eq!(found(&known, "sip/sip:bob@b").as_deref(), Some("tcp:1"));
        assert_eq!(found(&known, "sip/sip:bob@b:1").as_deref(), Some("general"));
        for other in [
            "",
            "sip/sip:bob@",
            "sip/sip:bob@b:",
            "sip/sip:bob@b:12",
            "sip/sip:bob@b\0bob",
        ] {
            assert_eq!(found(&known, other), None, "{other:?}");
        }
        tick(&known, 100);
        assert_eq!(found(&known, "sip/sip:bob@b"), None);
    }

    #[test]
    fn a_newer_connection_takes_the_place_of_the_one_before() {
        let known = with(&[("l", "bob", "tcp:1"), ("l", "bob", "tcp:2")]);
        assert_eq!(known.len(), 1);
        known.forget_connection(b"tcp:1");
        assert_eq!(found(&known, "l").as_deref(), Some("tcp:2"));
        known.forget_connection(b"tcp:2");
        assert_eq!(found(&known, "l"), None);
        assert!(known.is_empty());
    }

    #[test]
    fn what_several_users_have_registered_over_different_connections_has_none() {
        let known = with(&[("l", "bob", "tcp:1"), ("l", "mallory", "tcp:2")]);
        assert_eq!(found(&known, "l"), None);
        known.forget(b"l", b"mallory");
        assert_eq!(found(&known, "l").as_deref(), Some("tcp:1"));
        // As all users of one switchboard do.
        let known = with(&[("l", "bob", "tcp:1"), ("l", "carol", "tcp:1")]);
        assert_eq!(found(&known, "l").as_deref(), Some("tcp:1"));
        known.forget(b"l", b"bob");
        assert_eq!(found(&known, "l").as_deref(), Some("tcp:1"));
    }

    #[test]
    fn a_connection_that_breaks_takes_its_own_registrations_with_it() {
        let all = [
            ("a", "bob", "tcp:1"),
            ("b", "bob", "tcp:1"),
            ("c", "bob", "general"),
            ("d", "bob", "tcp:2"),
            ("e", "bob", "general"),
        ];
        let known = with(&all);
        known.forget_connection(b"tcp:1");
        known.forget_connection(b"tcp:3");
        let left = |known: &Connections| {
            let is_left = |(location, ..): &&(&str, _, _)| found(known, location).is_some();
            let left = all.iter().filter(is_left).map(|(location, ..)| *location);
            left.collect::<String>()
        };
        assert_eq!(left(&known), "cde");
        known.forget_connection(b"general");
        assert_eq!(left(&known), "d");
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn what_is_over_makes_room_within_some_sweeps() {
        let known = Connections::default();
        for number in 0..5000 {
            let location = format!("{number}");
            let until = if number % 2 == 0 { 10 } else { 20 };
            let registration = registration(&location, "bob", "tcp:1");
            known.remember(registration, until, 5000).unwrap();
        }
        let another = registration("another", "bob", "tcp:2");
        assert_eq!(known.remember(another, 20, 5000), Err(NotRemembered::Full));
        for now in 10..15 {
            tick(&known, now);
        }
        assert_eq!(known.len(), 2500);
        assert_eq!(known.remember(another, 10, 5000), Ok(()));
        for now in 24..28 {
            tick(&known, now);
        }
        assert!(known.is_empty());
        assert!(unpoisoned(known.known.read()).connections.is_empty());
    }

    #[test]
    fn a_full_memory_renews_what_it_has() {
        let known = with(&[("a", "bob", "tcp:1")]);
        assert_eq!(
            known.remember(registration("b", "bob", "tcp:2"), 100, 1),
            Err(NotRemembered::Full)
        );
        assert_eq!(
            known.remember(registration("a", "bob", "tcp:1"), 200, 1),
            Ok(())
        );
        assert_eq!(
            known.remember(registration("a", "bob", "tcp:3"), 200, 1),
            Ok(())
        );
        tick(&known, 150);
        assert_eq!(found(&known, "a").as_deref(), Some("tcp:3"));
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let known = with(&[("", "bob", "tcp:1"), ("a", "bob", "")]);
        assert!(known.is_empty());
    }

    #[test]
    fn what_is_endless_or_has_a_control_character_is_not_remembered() {
        let known = Connections::default();
        let endless = "x".repeat(2000);
        for (location, user, connection) in [
            (&*endless, "bob", "tcp:1"),
            ("a", &endless, "tcp:1"),
            ("a", "bob", &endless),
            ("a\r\nX-CallTo: b", "bob", "tcp:1"),
            ("a", "bob\u{1b}", "tcp:1"),
            ("a", "bob", "tcp:1\n"),
        ] {
            let refused = known.remember(registration(location, user, connection), 100, 9);
            assert_eq!(refused, Err(NotRemembered::Malformed));
        }
        assert!(known.is_empty());
    }

    #[test]
    fn the_same_run_goes_on_with_what_was_written_and_another_one_has_nothing_of_it() {
        let known = with(&[("l 1%", "bob\t", "tcp:1"), ("m", "", "my listener")]);
        let text = known.write(b"1700000000");
        let again = Connections::default();
        again.read(&text, b"1700000000").unwrap();
        tick(&again, 99);
        assert_eq!(found(&again, "l 1%").as_deref(), Some("tcp:1"));
        assert_eq!(found(&again, "m").as_deref(), Some("my listener"));
        again.forget_connection(b"tcp:1");
        again.forget_connection(b"my listener");
        assert!(again.is_empty());
        for run in [&b"170000000"[..], b"17000000001", b""] {
            again.read(&text, run).unwrap();
            assert!(again.is_empty());
        }
        for length in 0..text.len() {
            let cut = again.read(&text[..length], b"1700000000");
            assert!(cut.is_err() && again.is_empty(), "{length}");
        }
    }

    /// A step of a test.
    #[derive(Clone, Debug)]
    enum Step {
        Remember(u8, u8, u8, u64),
        Forget(u8, u8),
        Break(u8),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let (user, connection) = (b'0'..b'3', b'0'..b'4');
        prop_oneof![
            (0..4_u8, user.clone(), connection.clone(), 0..50_u64)
                .prop_map(|(l, u, c, t)| Step::Remember(l, u, c, t)),
            (0..4_u8, user).prop_map(|(l, u)| Step::Forget(l, u)),
            connection.prop_map(Step::Break),
            (1..20_u64).prop_map(Step::Wait),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_registrations(steps in prop::collection::vec(step(), 0..40)) {
            let known = Connections::default();
            let mut model: Vec<(u8, u8, u8, u64)> = Vec::new();
            let mut time = 0;
            for step in steps {
                match step {
                    Step::Remember(location, user, connection, expires) => {
                        let until = time + expires;
                        model.retain(|&(l, u, ..)| (l, u) != (location, user));
                        model.push((location, user, connection, until));
                        let registration = Registration {
                            location: &[b'l', location + b'0'],
                            user: &[user],
                            connection: &[connection],
                            is_own: connection % 2 == 0,
                        };
                        known.remember(registration, expires, MOST).unwrap();
                    }
                    Step::Forget(location, user) => {
                        model.retain(|&(l, u, ..)| (l, u) != (location, user));
                        known.forget(&[b'l', location + b'0'], &[user]);
                    }
                    Step::Break(connection) => {
                        model.retain(|&(_, _, c, _)| c != connection);
                        known.forget_connection(&[connection]);
                    }
                    Step::Wait(seconds) => {
                        time += seconds;
                        model.retain(|&(.., until)| until > time);
                        tick(&known, time);
                    }
                }
                prop_assert_eq!(known.len(), model.len());
                for location in 0..4 {
                    let mut lasting = model.iter().filter(|&&(l, .., t)| l == location && t > time);
                    let first = lasting.next().map(|&(_, _, c, _)| c);
                    let expected = first.filter(|&c| lasting.all(|&(_, _, other, _)| other == c));
                    let found = known.find(&[b'l', location + b'0'], |text| text[0]);
                    prop_assert_eq!(found, expected);
                }
            }
        }

        #[test]
        fn arbitrary_texts_do_no_harm(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let known = Connections::default();
            let _ = known.read(&text, b"7");
            let _ = known.read(&[&head(b"7"), &*text, TAIL].concat(), b"7");
        }
    }
}

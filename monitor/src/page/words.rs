// SPDX-License-Identifier: GPL-2.0-or-later

//! Conditions, times and figures as the page has them.

use std::fmt::{self, Display};

use time::OffsetDateTime;

use crate::cluster::{Condition, Database};

/// The words for a condition.
pub fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Replaced => "taken over",
        Condition::Partly => "partly down",
        other => other.word(),
    }
}

/// The class of a condition, and the end of its icon's name.
pub fn look(condition: Condition) -> &'static str {
    condition.word()
}

pub fn database(state: Database) -> &'static str {
    match state {
        Database::Up => "up",
        Database::Down => "down",
        Database::Unknown => "not asked yet",
    }
}

/// A number of things.
pub struct Count(pub usize, pub &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{end}", grouped(self.0 as u64), self.1)
    }
}

/// A number with narrow blanks between its thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number a minute.
pub fn rate(rate: f64) -> String {
    match rate {
        rate if rate.is_nan() || rate <= 0.0 => "0".to_owned(),
        rate if rate < 0.1 => "<0.1".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => {
            let whole = std::time::Duration::try_from_secs_f64(rate.round());
            whole.map_or_else(|_| "–".to_owned(), |whole| grouped(whole.as_secs()))
        }
    }
}

/// A time that something took, in seconds.
pub fn milliseconds(seconds: f64) -> String {
    match seconds * 1000.0 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.0} s", ms / 1000.0),
    }
}

/// A time in its two largest units.
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) if minutes < 10 => format!("{minutes} min {} s", seconds % 60),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

fn utc(seconds: u64) -> OffsetDateTime {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The time of a day.
pub fn clock(seconds: u64) -> String {
    let (hour, minute, second) = utc(seconds).to_hms();
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// Day and time.
pub fn date_time(seconds: u64) -> String {
    let date = utc(seconds).date();
    let (year, month, day) = date.to_calendar_date();
    format!("{year}-{:02}-{day:02} {}", u8::from(month), clock(seconds))
}

/// Day and time, as programs read it.
pub fn machine_time(seconds: u64) -> String {
    format!("{}Z", date_time(seconds).replace(' ', "T"))
}

// SPDX-License-Identifier: GPL-2.0-or-later

//! The last hour of a node as a small picture: a band of its conditions, and above it the forwards to it.

use std::fmt::Write;

use super::words::{look, word};
use crate::cluster::{Condition, History, POINTS, STEP};

/// The height of the part above the band.
const HEIGHT: u32 = 20;

pub struct Spark {
    /// The picture in words.
    pub words: String,
    /// The path of the forwards' area; empty without any.
    pub area: String,
    pub bands: Vec<Band>,
}

/// A time in one condition.
pub struct Band {
    pub look: &'static str,
    pub start: usize,
    pub width: usize,
}

impl Spark {
    pub fn of(history: &History) -> Self {
        let conditions = last(&history.condition);
        // What is older than the first point is left empty.
        let empty = POINTS - conditions.len();
        let mut bands: Vec<Band> = Vec::new();
        for (at, condition) in conditions.iter().enumerate() {
            let look = look(*condition);
            match bands.last_mut() {
                Some(band) if band.look == look => band.width += 1,
                _ => bands.push(Band {
                    look,
                    start: empty + at,
                    width: 1,
                }),
            }
        }
        let forwards = last(&history.forwards);
        let most = forwards.iter().copied().max().unwrap_or_default();
        Self {
            words: in_words(conditions, most),
            area: area(forwards, most),
            bands,
        }
    }
}

/// The last points, as many as the picture has.
fn last<T>(points: &[T]) -> &[T] {
    &points[points.len().saturating_sub(POINTS)..]
}

fn area(forwards: &[u32], most: u32) -> String {
    let mut path = String::new();
    if most == 0 {
        return path;
    }
    let start = POINTS - forwards.len();
    // Writing to a string doesn't fail.
    let _ = write!(path, "M{start} {HEIGHT}");
    let mut level = HEIGHT;
    for (at, count) in forwards.iter().enumerate() {
        let height = (u64::from(*count) * u64::from(HEIGHT - 1)).div_ceil(u64::from(most));
        let next = HEIGHT - u32::try_from(height).unwrap_or(HEIGHT);
        if next != level {
            let _ = write!(path, "H{}V{next}", start + at);
            level = next;
        }
    }
    let _ = write!(path, "H{POINTS}V{HEIGHT}Z");
    path
}

fn in_words(conditions: &[Condition], most: u32) -> String {
    let minutes = |points: usize| (points as u64 * STEP).div_ceil(60);
    let mut kinds: Vec<Condition> = conditions.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let parts = kinds.iter().rev().map(|kind| {
        let points = conditions.iter().filter(|other| *other == kind).count();
        format!("{} for {} min", word(*kind), minutes(points))
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        return "Nothing is known of the last hour".to_owned();
    }
    let peak = u64::from(most) * 60 / STEP;
    format!(
        "Last hour: {}; at most {peak} forwards a minute",
        parts.join(", ")
    )
}

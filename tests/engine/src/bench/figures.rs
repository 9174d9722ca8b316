// SPDX-License-Identifier: GPL-2.0-or-later
//! Figures of the benchmarks.

use std::env;

/// A number from the environment.
///
/// # Panics
/// When it's something else.
#[must_use]
pub fn setting(name: &str, default: u32) -> u32 {
    env::var(name).map_or(default, |value| value.parse().expect("it is a number"))
}

/// The lower decile, of rounds in which a message got through; not a number where there is none.
pub fn decile(mut values: Vec<f64>) -> f64 {
    values.retain(|value| *value > 0.0);
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 10).copied().unwrap_or(f64::NAN)
}

/// Prints a figure, or that there is none.
pub fn figure(value: f64, width: usize, decimals: usize) {
    if value.is_finite() {
        print!("{value:>width$.decimals$}");
    } else {
        print!("{:>width$}", "-");
    }
}

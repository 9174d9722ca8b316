// SPDX-License-Identifier: GPL-2.0-or-later

//! The tables and queries that the documentation has for the registrar, word for word.

const DOCUMENTATION: &str = include_str!("../../../docs/registrations.md");

/// The example in a language, `sql` or `ini`, under a heading of the documentation.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn registrar_example(heading: &str, language: &str) -> &'static str {
    let (_, section) = DOCUMENTATION
        .split_once(&format!("\n### {heading}\n"))
        .expect("the documentation speaks of it");
    let (_, example) = section
        .split_once(&format!("\n```{language}\n"))
        .expect("there is an example");
    let (example, _) = example.split_once("\n```").expect("it ends");
    example.trim_end_matches(';')
}

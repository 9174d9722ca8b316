// SPDX-License-Identifier: GPL-2.0-or-later

//! Checks a file without putting it in force: the command `clustering check`, and the program `yate-clustering-check`.

use std::fmt::Write;

use crate::cluster::Cluster;
use crate::file::Document;
use crate::settings::{Checked, Entry, Settings};

/// Lists the mistakes in a file that a node is to load, or what will hurt; says whether the last load was refused.
#[must_use]
pub fn check(cluster: &Cluster, file: &str, entries: &[Entry], document: &Document) -> String {
    let mut checked = Settings::check(cluster.node(), file, entries, document);
    if let Ok(settings) = &checked.settings
        && let Some(refusal) = settings.refusal(&cluster.settings(), file)
    {
        checked.settings = Err(vec![refusal]);
    }
    let mut text = cluster.membership().check(entries).join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&report(&checked, file));
    if cluster.is_refused() {
        text.push_str("The last load was refused, so older settings are in force\n");
    }
    text
}

/// The outcome of a check in lines, the last of which is the verdict.
#[must_use]
pub fn report(checked: &Checked, file: &str) -> String {
    let mut text = String::new();
    let warn = |text: &mut String| {
        for warning in &checked.warnings {
            // Writing to a string doesn't fail.
            let _ = writeln!(text, "{warning}");
        }
    };
    match &checked.settings {
        Err(problems) => {
            for problem in problems {
                let _ = writeln!(text, "{problem}");
            }
            warn(&mut text);
            text.push_str("The file would be refused\n");
        }
        Ok(settings) => {
            warn(&mut text);
            if !settings.enabled {
                text.push_str("The module would be disabled: [general] enabled, regexp, callto\n");
            }
            let _ = writeln!(text, "{file} is good");
        }
    }
    text
}

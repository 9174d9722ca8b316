// SPDX-License-Identifier: GPL-2.0-or-later

//! What is written about the settings agrees with the code that reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clustering::claim::{CLAIM, LOOKUP};
use clustering::message::Kind;
use clustering::settings::{self, Entry, Settings};
use clustering::stats::Counter;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// `section/key` of all that the parser knows.
fn known() -> BTreeSet<String> {
    let keys = |(section, keys): (&str, Vec<&str>)| {
        let key = |key| format!("{section}/{key}");
        keys.into_iter().map(key).collect::<Vec<_>>()
    };
    settings::known().into_iter().flat_map(keys).collect()
}

/// Sections, keys and values of a file; `commented` takes the settings that are commented out.
fn settings(text: &str, commented: bool) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in text.lines() {
        let uncommented = line.strip_prefix(';');
        let heading = uncommented.filter(|_| commented).unwrap_or(line);
        if let Some(name) = heading.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
        }
        let line = if commented { uncommented } else { Some(line) };
        let entry = line.filter(|line| !line.starts_with([' ', '[', ';']));
        if let Some((key, value)) = entry.and_then(|line| line.split_once('=')) {
            settings.push((section.clone(), key.to_owned(), value.to_owned()));
        }
    }
    settings
}

fn load(settings: &[(String, String, String)]) -> Settings {
    let entry = |(section, key, value): &'static (String, String, String)| Entry {
        section: section.as_bytes(),
        key: key.as_bytes(),
        value: value.as_bytes(),
    };
    let settings: &'static [_] = settings.to_vec().leak();
    let entries: Vec<_> = settings.iter().map(entry).collect();
    Settings::parse(b"node1", "clustering.conf", &entries).unwrap()
}

#[test]
fn the_sample_has_every_setting_and_no_other() {
    let sample = settings(&read("conf/clustering.conf.sample"), true);
    let keys: BTreeSet<_> = sample
        .iter()
        .map(|(section, key, _)| format!("{section}/{key}"))
        .collect();
    assert_eq!(keys, known());
}

#[test]
fn the_sample_shows_the_defaults() {
    let mut sample = settings(&read("conf/clustering.conf.sample"), true);
    // What `enabled` is by default is said in words.
    sample.retain(|(section, key, _)| key != "enabled" && section != "node NAME");
    sample.push(("general".to_owned(), "enabled".to_owned(), "yes".to_owned()));
    let (shown, default) = (load(&sample), load(&sample[sample.len() - 1..]));
    assert_eq!(shown.prefix, default.prefix);
    assert_eq!(shown.locate, default.locate);
    assert_eq!(shown.connection, default.connection);
    assert_eq!(shown.trust, default.trust);
    assert_eq!(shown.health, default.health);
    for kind in Kind::ALL {
        assert_eq!(
            shown.priority(kind),
            default.priority(kind),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn the_reference_has_every_setting_and_no_other() {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in read("docs/configuration.md").lines() {
        if let Some(name) = line.strip_prefix("## [") {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if let Some(row) = line.strip_prefix("| `") {
            let (key, _) = row.split_once('`').unwrap();
            keys.insert(format!("{section}/{key}"));
        }
    }
    assert_eq!(keys, known());
}

#[test]
fn configurations_in_the_docs_are_good_ones() {
    for file in ["README.md", "docs/configuration.md"] {
        let text = read(file);
        let examples: Vec<_> = text.split("```ini\n").skip(1).collect();
        assert!(!examples.is_empty(), "{file}");
        for example in examples {
            let (example, _) = example.split_once("```").unwrap();
            assert!(load(&settings(example, false)).enabled, "{file}: {example}");
        }
    }
}

#[test]
fn the_queries_in_the_reference_are_the_defaults() {
    let reference = read("docs/configuration.md");
    let words: Vec<_> = reference.split_whitespace().collect();
    let words = words.join(" ");
    for query in [CLAIM, LOOKUP] {
        assert!(words.contains(query), "{query}");
    }
}

#[test]
fn every_counter_is_explained() {
    let text = read("docs/operation.md");
    for counter in Counter::ALL {
        assert!(
            text.contains(&format!("| `{}` |", counter.text())),
            "{}",
            counter.text()
        );
    }
}

#[test]
fn tests_that_the_docs_name_exist() {
    let sources = [
        "src/text.rs",
        "src/pattern.rs",
        "src/pattern/memo.rs",
        "src/replay.rs",
        "src/template.rs",
        "tests/decisions.rs",
        "tests/operator.rs",
        "tests/sticky.rs",
        "tests/trust.rs",
    ];
    let sources: String = sources.map(read).concat();
    let text = read("docs/security.md");
    // What else has an underscore is a parameter's name.
    let names: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() >= 3)
        .collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "{name}");
    }
}

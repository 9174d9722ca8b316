// SPDX-License-Identifier: GPL-2.0-or-later

//! The docs agree with the code: settings, log messages, names of files, commands.

mod commands;
mod log_messages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;

use clustering::operator::command;
use clustering::operator::counters::Counter;
use clustering::placement::claim::{CLAIM, LOOKUP, LOOKUP_WITH_HEARTBEATS};
use clustering::settings::{self, Entry, Settings};

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap()
}

/// All the Rust below a directory.
fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap();
    let texts = entries.map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => sources(&path),
        path if path.extension() == Some("rs".as_ref()) => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    });
    texts.collect()
}

/// `section/key` of all that the parser knows.
fn known() -> BTreeSet<String> {
    let keys = |(section, keys): (&str, Vec<&str>)| {
        let key = |key| format!("{section}/{key}");
        keys.into_iter().map(key).collect::<Vec<_>>()
    };
    settings::known().into_iter().flat_map(keys).collect()
}

/// Section, key and value.
type Setting = (String, String, String);

/// The kind of the sections that nodes have.
const NODE: &str = "node NAME";

/// `section/key` of each.
fn keys(settings: &[Setting]) -> BTreeSet<String> {
    let key = |(section, key, _): &Setting| format!("{section}/{key}");
    settings.iter().map(key).collect()
}

/// Sections, keys and values of a file; `commented` takes the settings that are commented out.
fn settings(text: &str, commented: bool) -> Vec<Setting> {
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

fn load(settings: &[Setting]) -> Settings {
    let entry = |(section, key, value): &'static Setting| Entry {
        section: section.as_bytes(),
        key: key.as_bytes(),
        value: value.as_bytes(),
    };
    let settings: &'static [_] = settings.to_vec().leak();
    let entries: Vec<_> = settings.iter().map(entry).collect();
    Settings::parse(b"node1", "clustering.conf", &entries).unwrap()
}

/// Settings that are written down as defaults give the same as no settings.
fn assert_default(settings: &[Setting]) {
    // With a node, without which some handlers are not there, and so have no priority.
    let node: Setting = ("node x".into(), "callto".into(), "sip/x".into());
    let made = |settings: &[Setting]| format!("{:#?}", load(settings));
    let default = made(slice::from_ref(&node));
    assert_eq!(made(&[settings, &[node]].concat()), default);
}

#[test]
fn the_sample_has_every_setting_and_no_other() {
    let sample = settings(&read("conf/clustering.conf.sample"), true);
    assert_eq!(keys(&sample), known());
}

#[test]
fn the_sample_shows_the_defaults() {
    let mut sample = settings(&read("conf/clustering.conf.sample"), true);
    // The default of `enabled` is written in words.
    sample.retain(|(section, key, _)| key != "enabled" && section != NODE);
    assert_default(&sample);
}

/// Sections, keys and defaults of the configuration reference.
fn reference() -> Vec<Setting> {
    let (mut section, mut column) = (String::new(), 0);
    let mut settings = Vec::new();
    for line in read("docs/configuration.md").lines() {
        let mut cells = line.split('|').map(str::trim);
        if let Some(name) = line.strip_prefix("## [") {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if line.starts_with("| key |") {
            column = cells.position(|cell| cell == "default").unwrap();
        } else if line.starts_with("| `") {
            let cells: Vec<_> = cells.collect();
            let key = cells[1].trim_matches('`').to_owned();
            settings.push((section.clone(), key, cells[column].to_owned()));
        }
    }
    settings
}

#[test]
fn the_reference_has_every_setting_and_no_other() {
    assert_eq!(keys(&reference()), known());
}

#[test]
fn the_reference_shows_the_defaults() {
    let mut shown = reference();
    // Some are written in words.
    shown.retain(|(section, _, default)| section != NODE && !default.contains(' '));
    assert!(shown.len() > 30, "{shown:?}");
    for (_, _, default) in &mut shown {
        *default = match default.trim_matches('`') {
            "empty" => String::new(),
            value => value.to_owned(),
        };
    }
    assert_default(&shown);
}

/// The widest `LOW to HIGH` or `up to HIGH` of a text.
fn range(text: &str) -> Option<(u32, u32)> {
    let words: Vec<_> = text.split([' ', '\n', ',', ';', '.', '|']).collect();
    let ranges = words.windows(3).filter_map(|words| match *words {
        [low, "to", high] => {
            let low = if low.eq_ignore_ascii_case("up") {
                "0"
            } else {
                low
            };
            Some((low.parse().ok()?, high.parse().ok()?))
        }
        _ => None,
    });
    ranges.max_by_key(|(_, high)| *high)
}

/// The text about each setting, by `section/key`.
type Texts = Vec<(String, String)>;

fn texts_of_the_reference() -> Texts {
    let text = read("docs/configuration.md");
    let rows: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let keys = reference().into_iter();
    let keys = keys.map(|(section, key, _)| format!("{section}/{key}"));
    assert_eq!(keys.len(), rows.len());
    keys.zip(rows.into_iter().map(str::to_owned)).collect()
}

/// Of the sample: the comment before each setting.
fn texts_of_the_sample() -> Texts {
    let text = read("conf/clustering.conf.sample");
    let paragraphs = text.split("\n\n");
    let mut section = String::new();
    let mut texts = Texts::new();
    for paragraph in paragraphs {
        for line in paragraph.lines() {
            if let Some(name) = line.trim_start_matches(';').strip_prefix('[') {
                name.trim_end_matches(']').clone_into(&mut section);
            }
        }
        let key = paragraph
            .lines()
            .last()
            .and_then(|line| line.split_once('='));
        if let Some((key, _)) = key {
            let key = format!("{section}/{}", key.trim_start_matches(';'));
            texts.push((key, paragraph.to_owned()));
        }
    }
    texts
}

fn texts_of_the_man_page() -> Texts {
    let text = read("docs/clustering.conf.5");
    let mut texts = Texts::new();
    for part in text.split(".Ss [").skip(1) {
        let (section, part) = part.split_once("]\n").unwrap();
        for item in part.split(".It Cm ").skip(1) {
            let (key, text) = item.split_once(" Pq ").unwrap();
            texts.push((format!("{section}/{key}"), text.to_owned()));
        }
    }
    texts
}

/// Whether a number is taken for a setting.
fn takes(name: &str, number: u32) -> bool {
    let (section, key) = name.split_once('/').unwrap();
    let (section, number) = (section.replace("NAME", "x"), number.to_string());
    let entry = |section, key, value| Entry {
        section,
        key,
        value,
    };
    let entries = [
        entry(section.as_bytes(), key.as_bytes(), number.as_bytes()),
        entry(b"node x", b"callto", b"sip/x"),
    ];
    Settings::parse(b"node1", "clustering.conf", &entries).is_ok()
}

#[test]
fn numbers_may_be_what_is_written_of_them() {
    let ranges = |texts: Texts| -> BTreeMap<_, _> {
        let ranges = texts.into_iter();
        let ranges = ranges.filter_map(|(name, text)| Some((name, range(&text)?)));
        ranges.collect()
    };
    let reference = ranges(texts_of_the_reference());
    assert_eq!(reference.len(), 13, "{reference:?}");
    for (name, &(low, high)) in &reference {
        assert!(takes(name, low) && takes(name, high), "{name}");
        assert!(!takes(name, high + 1), "{name}: up to {high}");
        assert!(low == 0 || !takes(name, low - 1), "{name}: from {low}");
    }
    for texts in [texts_of_the_sample(), texts_of_the_man_page()] {
        assert_eq!(ranges(texts), reference);
    }
}

#[test]
fn the_man_page_has_every_setting_with_the_default_of_the_reference() {
    let mut section = String::new();
    let mut shown = BTreeSet::new();
    for line in read("docs/clustering.conf.5").lines() {
        if let Some(name) = line.strip_prefix(".Ss [") {
            name.trim_end_matches(']').clone_into(&mut section);
        } else if let Some(item) = line.strip_prefix(".It Cm ") {
            // `key Pq type, default`
            let (key, kind) = item.split_once(" Pq ").unwrap();
            let (_, default) = kind.split_once(", ").unwrap();
            shown.insert((section.clone(), key.to_owned(), default.to_owned()));
        }
    }
    // A default that takes a sentence there stands below on the page.
    let first = |(section, key, default): Setting| {
        let default = default.split(',').next().unwrap().replace('`', "");
        (section, key, default)
    };
    assert_eq!(shown, reference().into_iter().map(first).collect());
}

/// The words of the `clustering` command and their arguments, as its help and as the manual page have them.
#[test]
fn the_man_page_has_every_command_and_no_other() {
    let help = command::help();
    let usage = help.lines().map(str::trim_start);
    let usage = usage.filter_map(|line| line.split("  ").next());
    let usage: BTreeSet<_> = usage.map(str::to_owned).collect();
    let page = read("docs/yate-clustering.7");
    let shown = page.lines().filter_map(|line| line.strip_prefix(".It Ic "));
    let shown = shown.filter(|line| line.starts_with("clustering "));
    let shown: BTreeSet<_> = shown.map(|line| line.replace(" Ar ", " ")).collect();
    assert_eq!(shown, usage);
}

#[test]
fn the_program_has_the_options_of_its_man_page() {
    let help = Command::new(path("tools/yate-clustering-metrics"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let said = help.lines().filter_map(|line| line.strip_prefix("   --"));
    let said: BTreeSet<_> = said.filter_map(|line| line.split(' ').next()).collect();
    let page = read("docs/yate-clustering-metrics.1");
    let shown = page
        .lines()
        .filter_map(|line| line.strip_prefix(".It Fl -"));
    let shown: BTreeSet<_> = shown.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(shown, said);
}

#[test]
fn mandoc_finds_nothing_in_the_man_pages() {
    let pages = [
        "docs/clustering.conf.5",
        "docs/yate-clustering.7",
        "docs/yate-clustering-check.1",
        "docs/yate-clustering-metrics.1",
        "docs/yate-clustering-monitor.1",
    ];
    let lint = Command::new("mandoc")
        .args(["-Tlint", "-Wwarning"])
        .args(pages.map(path))
        .output()
        .expect("mandoc is installed: `scripts/setup lint` does it");
    let said = String::from_utf8_lossy(&lint.stdout);
    assert!(lint.status.success(), "{said}");
}

#[test]
fn whole_configurations_in_the_docs_are_good_ones() {
    let mut found = 0;
    for (page, text) in pages() {
        let text = text.replace("\n   ", "\n");
        for example in text.split("```ini\n").skip(1) {
            let (example, _) = example.split_once("```").unwrap();
            if !example.contains("regexp=") {
                continue;
            }
            found += 1;
            let settings = load(&settings(example, false));
            assert!(settings.enabled, "{page}: {example}");
            let warning = settings.misnamed(b"node1").map(|it| it.to_string());
            assert_eq!(warning, None, "{page}: {example}");
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn the_queries_in_the_reference_are_the_defaults() {
    let reference = read("docs/configuration.md");
    let words: Vec<_> = reference.split_whitespace().collect();
    let words = words.join(" ");
    for query in [CLAIM, LOOKUP, LOOKUP_WITH_HEARTBEATS] {
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
    let sources = ["src", "tests", "monitor/tests"].map(|directory| sources(&path(directory)));
    let sources = sources.concat();
    let page = read("docs/operation.md");
    let (_, failures) = page.split_once("## Failures\n").unwrap();
    let (failures, _) = failures.split_once("\n## ").unwrap();
    let text = read("docs/security.md") + failures;
    // Any other word with an underscore is a parameter's name.
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

#[test]
fn every_file_of_tests_has_its_place_in_the_design() {
    let design = read("docs/design.md");
    let files = fs::read_dir(path("tests")).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        if file.extension() == Some("rs".as_ref()) || file.join("main.rs").exists() {
            let name = file.file_name().unwrap().display();
            assert!(design.contains(&format!("`tests/{name}`")), "{name}");
        }
    }
}

/// All pages that are written for people.
fn pages() -> Vec<(String, String)> {
    let files = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "tests/mock-yate/README.md",
    ]
    .map(str::to_owned);
    let docs = fs::read_dir(path("docs")).unwrap();
    let docs = docs.map(|file| file.unwrap().file_name().into_string().unwrap());
    let docs = docs.filter(|file| Path::new(file).extension() == Some("md".as_ref()));
    let files = files
        .into_iter()
        .chain(docs.map(|file| "docs/".to_owned() + &file));
    files.map(|file| (file.clone(), read(&file))).collect()
}

/// The lines of a page that are code, and the texts between backquotes in all others.
fn code(page: &str) -> Vec<&str> {
    let (mut code, mut fenced) = (Vec::new(), false);
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            code.push(line.trim());
        } else {
            code.extend(line.split('`').skip(1).step_by(2));
        }
    }
    code
}

/// Whether there is a test binary of a name.
fn has_tests(name: &str) -> bool {
    let files = [format!("tests/{name}.rs"), format!("tests/{name}/main.rs")];
    files.iter().any(|file| path(file).exists())
}

#[test]
fn commands_in_the_docs_are_real() {
    let makefile = read("Makefile");
    let mut checked = 0;
    for (file, page) in pages() {
        for command in code(&page) {
            let command = command.strip_prefix("$ ").unwrap_or(command);
            let command = command.strip_prefix("sudo ").unwrap_or(command);
            let words: Vec<_> = command.split_whitespace().collect();
            let is_real = match *words {
                ["make", target, ..] if !target.contains(['=', '#']) => {
                    makefile.contains(&format!("\n{target}:"))
                }
                [script, ..] if script.starts_with("scripts/") => path(script).exists(),
                ["cargo", "test", ..] | ["YATE_ROOT=/opt/yate", "scripts/real", ..] => words
                    .windows(2)
                    .filter(|pair| pair[0] == "--test")
                    .all(|pair| has_tests(pair[1])),
                _ => continue,
            };
            assert!(is_real, "{file}: {command}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

/// The starts of the file names in the docs.
const ROOMS: [&str; 14] = [
    "benches/",
    "cmake/",
    "conf/clustering.",
    "cpp-shim/",
    "demo/",
    "docs/",
    "examples/",
    "fuzz/fuzz_targets/",
    "fuzz/src/",
    "include/",
    "packaging/",
    "scripts/",
    "src/",
    "tests/",
];

#[test]
fn files_that_the_docs_name_are_there() {
    let mut checked = 0;
    for (file, page) in pages() {
        let words = code(&page).into_iter().flat_map(str::split_whitespace);
        // `NAME` is no file's.
        let words = words.filter(|word| !word.contains("NAME"));
        for name in words.filter(|word| ROOMS.iter().any(|room| word.starts_with(room))) {
            let is_there = match name.split_once('*') {
                Some((start, end)) => {
                    let start = path(start);
                    let files = fs::read_dir(start.parent().unwrap()).unwrap();
                    let mut files = files.map(|file| file.unwrap().path().display().to_string());
                    let start = start.display().to_string();
                    files.any(|file| file.starts_with(&start) && file.ends_with(end))
                }
                None => path(name).exists(),
            };
            assert!(is_there, "{file}: {name}");
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

/// Each hunk of a change that is shown as an example fits its file: the lines that it finds there, one after the
/// other, and none of those that it adds.
#[test]
fn worked_examples_fit_the_code() {
    let page = read("CONTRIBUTING.md");
    let mut checked = 0;
    for example in page.split("```diff\n").skip(1) {
        let (example, _) = example.split_once("```").unwrap();
        for part in example.split("--- ").skip(1) {
            let (file, hunks) = part.split_once('\n').unwrap();
            let text = read(file);
            for hunk in hunks.split("@@\n").skip(1) {
                let lines = |marks: &[char]| -> String {
                    let lines = hunk.lines().filter(|line| line.starts_with(marks));
                    lines.flat_map(|line| [&line[1..], "\n"]).collect()
                };
                let (found, added) = (lines(&[' ', '-']), lines(&['+']));
                assert!(text.contains(&found), "{file} lacks: {found}");
                assert!(!text.contains(&added), "{file} has already: {added}");
                checked += 1;
            }
        }
    }
    assert!(checked > 12, "{checked}");
}

#[test]
fn the_tour_names_code_that_is_there() {
    let design = read("docs/design.md");
    let (_, tour) = design.split_once("## A guided tour\n").unwrap();
    let (tour, _) = tour.split_once("\n## ").unwrap();
    let shim = fs::read_dir(path("cpp-shim")).unwrap();
    let shim = shim.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let code: String = shim.chain([sources(&path("src"))]).collect();
    let names = tour.split('`').skip(1).step_by(2);
    let names = names.filter(|name| {
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains('-');
        is_type || name.starts_with("clustering_")
    });
    let mut checked = 0;
    for name in names.flat_map(|name| name.split("::")) {
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        assert!(words.any(|word| word == name), "{name}");
        checked += 1;
    }
    assert!(checked > 8, "{checked}");
}

#[test]
fn the_changelog_has_this_version_below_what_is_unreleased() {
    let changelog = read("CHANGELOG.md");
    let mut versions = changelog.split("\n## ").skip(1);
    assert!(versions.next().unwrap().starts_with("[Unreleased]\n"));
    let newest = versions.next().unwrap().lines().next().unwrap();
    let date = newest.strip_prefix(concat!("[", env!("CARGO_PKG_VERSION"), "] - "));
    let date: Vec<_> = date.unwrap().split('-').map(str::len).collect();
    assert_eq!(date, [4, 2, 2], "{newest}");
}

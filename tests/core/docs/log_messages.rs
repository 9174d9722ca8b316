// SPDX-License-Identifier: GPL-2.0-or-later

//! The tables of log messages have each line that the code can log, and no other.
//!
//! The texts come from the source: string literals where something is logged, in Rust and in C++. A text is
//! the list of its fixed parts, without the placeholders between them. It is documented where a text of the page
//! has these parts in their order. A line of the tables is true where the parts of such texts make up all of it but
//! words in capitals and `…`.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::{path, read};

/// The fixed parts of a text.
type Parts = Vec<String>;

/// Where the core's lines are put together, and the causes that they name: each from these words to the end of the
/// item.
const TEXTS: [(&str, &str); 18] = [
    ("src/event.rs", "\nimpl Subject"),
    ("src/event.rs", "\nimpl Line<"),
    ("src/event.rs", "\nimpl Display for Suppressed"),
    ("src/auth/trust.rs", "\nimpl Display for AuthError"),
    ("src/failure.rs", "\n#[error("),
    ("src/nodes/admin.rs", "\nimpl AdminState {"),
    ("src/membership.rs", "\nfn overruled_line("),
    ("src/membership/definition.rs", "\npub enum RowError"),
    ("src/nodes/health.rs", "\nimpl Display for Cause"),
    ("src/nodes/health.rs", "\nimpl State {"),
    ("src/nodes/state.rs", "\nimpl Display for Unreachable"),
    ("src/placement/claim.rs", "\nimpl Display for DbError"),
    ("src/settings.rs", "\n#[error(\"{file}"),
    ("src/settings.rs", "\nfn entry("),
    ("src/settings.rs", "\nimpl Display for Line"),
    (
        "src/settings/warning.rs",
        "\nimpl Display for SettingWarning",
    ),
    ("src/settings/warning.rs", "\nimpl Display for Warning"),
    ("src/file/fault.rs", "\nimpl Display for Fault"),
];

/// String literals of Rust or C++, up to where `is_end` says so of what follows. Those next to each other are one;
/// byte strings, attributes' reasons and comments are left out.
fn literals(source: &str, is_end: impl Fn(&str) -> bool) -> Vec<String> {
    let mut literals: Vec<String> = Vec::new();
    let (mut rest, mut code) = (source, String::new());
    while !rest.is_empty() && !is_end(rest) {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(after) = rest.strip_prefix("'\"'") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = after.find(|c| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            let (text, after) = after.split_at(end.unwrap());
            let text = unescape(text);
            match literals.last_mut() {
                Some(last) if code.trim().is_empty() && !code.is_empty() => last.push_str(&text),
                _ if code.ends_with('b') || code.ends_with("reason = ") => {}
                _ => literals.push(text),
            }
            (rest, code) = (&after[1..], String::from(" "));
        } else {
            let next = rest.chars().next().unwrap();
            code.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    literals
}

/// Whether an item, or an attribute of one, ends here.
fn is_end_of_item(rest: &str) -> bool {
    rest.starts_with("\n}\n") || rest.starts_with(")]\npub ")
}

/// Whether a function or a method ends here.
fn is_end_of_function(rest: &str) -> bool {
    rest.starts_with("\n}\n") || rest.starts_with("\n    }\n")
}

/// A literal's text: lines that go on are joined, other escapes don't occur in what is logged.
fn unescape(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// The fixed parts of a format string of Rust or C++.
fn parts(text: &str) -> Parts {
    let text = text.replace("%s", "{}").replace("%u", "{}");
    let parts = text.split('{').enumerate().map(|(at, part)| match at {
        0 => part,
        _ => part.split_once('}').map_or(part, |(_, fixed)| fixed),
    });
    let parts = parts
        .map(str::trim)
        .filter(|part| part.contains(|c: char| c.is_alphanumeric() || c.is_ascii_punctuation()));
    parts.map(str::to_owned).collect()
}

/// The files of a kind below a directory.
fn files(directory: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let texts = entries.flat_map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => files(&path, extension),
        path if path.extension() == Some(extension.as_ref()) => {
            vec![fs::read_to_string(path).unwrap()]
        }
        _ => Vec::new(),
    });
    texts.collect()
}

/// Each text that the core or the shim can log.
fn logged() -> Vec<Parts> {
    let mut texts = Vec::new();
    for (file, words) in TEXTS {
        let source = read(file);
        let (_, item) = source
            .split_once(words)
            .unwrap_or_else(|| panic!("{file}: {words}"));
        // From the beginning of the literal that the words may end with.
        let item = words
            .find('"')
            .map_or(String::new(), |at| words[at..].to_owned())
            + item;
        texts.extend(literals(&item, is_end_of_item));
    }
    // A function that logs has its lines in it.
    for source in files(&path("src"), "rs") {
        for (at, _) in source.match_indices(".log(") {
            if !source[..at].trim_end().ends_with("tasks") {
                continue;
            }
            let from = source[..at].rfind("fn ").unwrap();
            texts.extend(literals(&source[from..], is_end_of_function));
        }
    }
    for source in files(&path("cpp-shim"), "cpp") {
        // What is behind a comma of the third is a value.
        for (call, end) in [
            ("Debug(", ';'),
            ("Output(", ';'),
            ("misfit(", ','),
            ("stay =", ';'),
        ] {
            for (at, _) in source.match_indices(call) {
                texts.extend(literals(&source[at..], |rest| rest.starts_with(end)));
            }
        }
    }
    texts.iter().map(|text| parts(text)).collect()
}

/// Where a text has all parts, one after the other, from a place on.
fn places(parts: &Parts, text: &str, mut from: usize) -> Option<Vec<Range<usize>>> {
    let places = parts.iter().map(|part| {
        let at = from + text[from..].find(part.as_str())?;
        from = at + part.len();
        Some(at..from)
    });
    places.collect()
}

/// All texts between backquotes, and of these the lines of the tables.
fn documented() -> (Vec<String>, Vec<String>) {
    let page = read("docs/operation.md");
    let (mut texts, mut lines) = (Vec::new(), Vec::new());
    let mut is_table = false;
    for line in page.lines() {
        let mut quoted = line.split('`').skip(1).step_by(2).map(str::to_owned);
        is_table = line.starts_with("| line |") || is_table && line.starts_with('|');
        if is_table {
            lines.extend(quoted.next());
        } else {
            texts.extend(quoted);
        }
    }
    texts.extend(lines.clone());
    (texts, lines)
}

#[test]
fn each_line_that_the_code_logs_is_documented() {
    let (texts, _) = documented();
    let logged = logged();
    assert!(logged.len() > 50, "{logged:?}");
    for parts in logged {
        assert!(
            texts.iter().any(|text| places(&parts, text, 0).is_some()),
            "docs/operation.md lacks {parts:?}"
        );
    }
}

#[test]
fn each_documented_line_is_one_that_the_code_logs() {
    let (_, lines) = documented();
    let logged = logged();
    assert!(lines.len() > 40, "{lines:?}");
    for line in lines {
        let mut left: Vec<_> = line.char_indices().map(Some).collect();
        for parts in logged.iter().filter(|parts| !parts.is_empty()) {
            let mut from = 0;
            // A line may have a text several times.
            while let Some(places) = places(parts, &line, from) {
                for place in places {
                    from = place.end;
                    for character in &mut left {
                        *character = character.filter(|(at, _)| !place.contains(at));
                    }
                }
            }
        }
        let left: String = left.into_iter().flatten().map(|(_, c)| c).collect();
        let is_placeholder = |c: char| c.is_ascii_uppercase() || c.is_whitespace() || c == '…';
        assert!(
            left.chars().all(is_placeholder),
            "{line}: nobody logs {left:?}"
        );
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

/// Files in memory, an engine on node1 that has one module.
struct Files(BTreeMap<&'static str, Vec<u8>>);

impl Files {
    fn of(files: &[(&'static str, &str)]) -> Self {
        let file = |(path, text): &(&'static str, &str)| (*path, text.as_bytes().to_vec());
        Self(files.iter().map(file).collect())
    }

    fn read(&self) -> (Vec<String>, Vec<String>) {
        let (entries, document) = Document::read(b"/etc/c.conf", self).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let place = |place: Place| {
            let file = text(&document.files[place.file]);
            format!("{}:{}", file.trim_start_matches("/etc/"), place.line)
        };
        let list = entries.list();
        assert_eq!(list.len(), document.places.len());
        let entries = list.iter().zip(&document.places).map(|(entry, at)| {
            let [section, key, value] = [entry.section, entry.key, entry.value].map(text);
            format!("{} [{section}] {key}={value}", place(*at))
        });
        let faults = document.faults.iter();
        let faults = faults.map(|(at, fault)| format!("{} {fault:?}", place(*at)));
        (entries.collect(), faults.collect())
    }
}

impl Surroundings for Files {
    fn read(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let path = std::str::from_utf8(path).unwrap();
        let file = self.0.get(path);
        file.cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &[u8]) -> Option<Vec<Vec<u8>>> {
        let names = self.0.keys().filter_map(|file| {
            let rest = file.as_bytes().strip_prefix(path)?.strip_prefix(b"/")?;
            Some(rest.to_vec())
        });
        let names: Vec<_> = names.collect();
        (!names.is_empty()).then_some(names)
    }

    fn parameter(&self, name: &[u8]) -> Option<Vec<u8>> {
        (name == b"nodename").then(|| b"node1".to_vec())
    }

    fn is_loaded(&self, module: &[u8]) -> Option<bool> {
        (module != b"mystery").then_some(module == b"register")
    }
}

fn read(text: &str) -> (Vec<String>, Vec<String>) {
    Files::of(&[("/etc/c.conf", text)]).read()
}

fn entries(text: &str) -> Vec<String> {
    let (entries, faults) = read(text);
    let other = faults.iter().find(|fault| !fault.contains("Parameter {"));
    assert_eq!(other, None, "{text}");
    entries
}

fn faults(text: &str) -> Vec<String> {
    read(text).1
}

#[test]
fn sections_of_one_name_are_one_and_values_keep_what_looks_like_a_comment() {
    let text = "; a comment\n[ one ] ignored\n a = 1 ; no comment\nflag\n#k=v\n[two]\n\n[one]\r\nb=\"2\"\r\n";
    assert_eq!(
        entries(text),
        [
            "c.conf:3 [one] a=1 ; no comment",
            "c.conf:4 [one] flag=",
            "c.conf:5 [one] #k=v",
            "c.conf:9 [one] b=\"2\"",
            "c.conf:6 [two] ="
        ]
    );
}

#[test]
fn a_backslash_joins_lines() {
    let text = "[a]\nlong=first \\\n   second \\\n third\nb=1\\\n\nc\\\nd\\=x\\\n";
    assert_eq!(
        entries(text),
        [
            "c.conf:2 [a] long=first second third",
            "c.conf:5 [a] b=1",
            "c.conf:7 [a] c\\=",
            "c.conf:8 [a] d\\=x"
        ]
    );
}

#[test]
fn conditions_are_those_of_the_engine() {
    for (condition, holds) in [
        ("yes", true),
        ("off", false),
        ("", true),
        ("junk", true),
        ("$bool junk", false),
        ("$bool on", true),
        ("$not", false),
        ("$not off", true),
        ("$filled ${nodename}", true),
        ("$filled ${ gone$ }", false),
        ("$empty ${gone$x}", false),
        ("$loaded register", true),
        ("$unloaded register", false),
        ("$not $loaded cdrfile", true),
        ("elseif off", false),
    ] {
        let text = format!("[a]\n[$enabled {condition}]\nx=1\n[$enabled else]\ny=2\n");
        let expected = if holds {
            "c.conf:3 [a] x=1"
        } else {
            "c.conf:5 [a] y=2"
        };
        let expected = match condition {
            // It is an "else" to lines that count.
            "elseif off" => "c.conf:5 [a] y=2",
            _ => expected,
        };
        assert_eq!(entries(&text), [expected], "{condition}");
    }
    let chain = "[a]\n[$enabled off]\nx=1\n[$enabled elseif on]\ny=2\n[$enabled elseif on]\nz=3\n";
    assert_eq!(entries(chain), ["c.conf:5 [a] y=2"]);
    assert_eq!(
        faults("[a]\n[$enabled $loaded mystery]\nx=1\n[$enabledno]\n"),
        ["c.conf:2 Loaded { module: [109, 121, 115, 116, 101, 114, 121] }"]
    );
}

#[test]
fn files_and_sections_are_included_where_they_are_named() {
    let files = Files::of(&[
        (
            "/etc/c.conf",
            "[a]\n[$include more.conf]\nafter=1\n[$includesection base]\nlast=2\n[node ${nodename}]\n[$include d]\n\
             [base]\nshared=3\n[$includesection a]\n[$includesilent gone]\n",
        ),
        (
            "/etc/more.conf",
            "more=1\n[b]\nx=y\n[$include ../etc//c.conf]\n",
        ),
        ("/etc/d/20.conf", "weight=2\n"),
        ("/etc/d/10.conf", "[$enabled off]\nweight=1\n"),
        ("/etc/d/30.conf~", "weight=3\n"),
    ]);
    let (entries, faults) = files.read();
    assert_eq!(
        entries,
        [
            "more.conf:1 [a] more=1",
            "c.conf:3 [a] after=1",
            "c.conf:9 [a] shared=3",
            "c.conf:5 [a] last=2",
            "more.conf:3 [b] x=y",
            "d/20.conf:1 [node node1] weight=2",
            "c.conf:9 [base] shared=3"
        ]
    );
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("c.conf:10 SectionMissing"),
        "{faults:?}"
    );
    assert!(faults[1].starts_with("more.conf:4 Missing"), "{faults:?}");
}

#[test]
fn what_is_included_and_not_there_is_a_fault_and_what_is_required_an_error() {
    let (_, document) = Document::read(
        b"/etc/c.conf",
        &Files::of(&[(
            "/etc/c.conf",
            "[a]\n[$include gone]\n[$include c.conf]\n[$requiresection gone]\n[$require gone]\n[b]\n[$require ${x$}]\n",
        )]),
    )
    .unwrap();
    let errors = document
        .faults
        .iter()
        .map(|(at, fault)| (at.line, fault.is_error()));
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [
            (2, false),
            (3, false),
            (4, true),
            (5, false),
            (5, true),
            (7, false),
            (7, true)
        ]
    );
}

#[test]
fn damaged_lines_are_faults() {
    for (text, expected) in [
        ("[a]\n[node node2\nx=1\n", "c.conf:2 Unclosed"),
        ("x=1\n[a]\n", "c.conf:1 NoSection"),
        ("[ ]\nx=1\n", "c.conf:1 Nameless"),
        ("[]\n", "c.conf:1 Nameless"),
        ("[a]\n=1\n", "c.conf:2 Keyless"),
        ("[a]\n<<<<<<< HEAD\nx=1\n", "c.conf:2 Conflict"),
        ("[a]\nx=1\n=======\n", "c.conf:3 Conflict"),
        ("[a]\n>>>>>>> other\n", "c.conf:2 Conflict"),
        ("[a]\nx=1\0\0\0", "c.conf:2 Nul"),
        ("[a]\nx=1\n\u{feff}[b]\n", "c.conf:3 ByteOrderMark"),
        ("[a]\nx=1", "c.conf:2 Cut"),
        ("[a]\nx=1\\\n[b]\ny=2\n", "c.conf:3 Joined"),
    ] {
        assert_eq!(faults(text)[0], expected, "{text:?}");
    }
    for text in ["", "\n", "; x", "\u{feff}[a]\nx=1\n", "[a]\r\nx=1\r\n"] {
        let (_, faults) = read(text);
        assert!(
            faults.len() <= usize::from(text == "; x"),
            "{text:?}: {faults:?}"
        );
    }
    let utf16: Vec<u8> = "\u{feff}[a]\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let files = Files([("/etc/c.conf", utf16)].into());
    assert_eq!(files.read(), (vec![], vec!["c.conf:1 Utf16".to_owned()]));
}

#[test]
fn places_are_found_for_the_entries_that_an_engine_hands_over() {
    let text = b"[a]\nx=1\nx=2\n[$include more]\nx=1\n[$require gone]\n[b\n";
    let entry = |value| Entry {
        section: b"a",
        key: b"x",
        value,
    };
    let entries = [&b"2"[..], b"1", b"1", b"from more"].map(entry);
    let document = Document::of(b"c.conf", text, &entries, b"node1");
    let lines: Vec<_> = document.places.iter().map(|place| place.line).collect();
    assert_eq!(lines, [3, 2, 5, 0]);
    let faults: Vec<_> = document
        .faults
        .iter()
        .map(|(at, fault)| (at.line, fault))
        .collect();
    assert_eq!(faults, [(7, &Fault::Unclosed)]);
    // Of this only the engine knows whether a section is open.
    let text = b"[${x}]\nx=1\n[b\n[${nodename}]\nx=1\n";
    let entry = Entry {
        section: b"node1",
        key: b"x",
        value: b"1",
    };
    let document = Document::of(b"c.conf", text, &[entry], b"node1");
    let faults = document.faults.iter();
    let faults: Vec<_> = faults.map(|(at, fault)| (at.line, fault)).collect();
    assert_eq!(faults, [(3, &Fault::Unclosed)]);
    assert_eq!(document.places[0].line, 5);
}

proptest! {
    #[test]
    fn arbitrary_files_do_no_harm(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let files = Files([("/etc/c.conf", text)].into());
        let _ = files.read();
    }

    #[test]
    fn arbitrary_lines_do_no_harm(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "[a]", "[b]", "[$include c.conf]", "[$includesection a]", "[$includesection b]", "x=1", "y=\\", "[",
                "[$enabled else]", "[$enabled off]", "[${nodename}]", "${", "=", "=======", "",
            ]),
            0..20,
        ),
    ) {
        let _ = read(&lines.join("\n"));
    }
}

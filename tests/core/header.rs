// SPDX-License-Identifier: GPL-2.0-or-later

//! The committed C header is the one that the source gives. It compiles alone as C and as C++, and has a
//! number that tells its declarations from all earlier ones. All of its functions are documented and fuzzed.

use std::path::{Path, PathBuf};
use std::process::Command;

use clustering::ffi::CLUSTERING_ABI_VERSION;

const HEADER: &str = "include/clustering.h";

/// The number of the ABI, and the hash of its declarations.
const NUMBERED: (u32, u64) = (2, 496_494_665_660_457_183);

#[test]
fn the_committed_header_is_fresh() {
    let made = include_str!(concat!(env!("OUT_DIR"), "/clustering.h"));
    assert!(committed() == made, "{HEADER} is stale, run `make header`");
}

#[test]
fn other_declarations_have_another_number() {
    let numbered = (CLUSTERING_ABI_VERSION, hash(&declarations()));
    assert_eq!(
        numbered, NUMBERED,
        "the declarations have changed, or their number: CLUSTERING_ABI_VERSION must be one that no \
         release has had, and NUMBERED the value on the left"
    );
}

#[test]
fn every_name_has_the_prefix() {
    let declarations = declarations();
    let mut checked = 0;
    for before in ["struct ", "enum ", "#define ", "} "] {
        for after in declarations.split(before).skip(1) {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
            let name = &after[..end.unwrap()];
            let is_ours = name.to_lowercase().starts_with("clustering_");
            assert!(is_ours || name.is_empty(), "{before}{name}");
            checked += usize::from(is_ours);
        }
    }
    assert!(checked > 10);
}

#[test]
fn every_value_of_an_enum_begins_with_the_name_of_the_enum() {
    let declarations = declarations();
    let mut checked = 0;
    for after in declarations.split("typedef enum { ").skip(1) {
        let (values, after) = after.split_once('}').unwrap();
        let (name, _) = after.split_once(';').unwrap();
        let prefix = format!("{}_", name.trim().to_uppercase());
        for value in values.split(", ").filter(|value| !value.is_empty()) {
            assert!(value.starts_with(&prefix), "{value} of {name}");
            checked += 1;
        }
    }
    assert!(checked > 20);
}

#[test]
fn each_function_is_documented_with_its_parameters_null_result_and_threads() {
    let header = committed();
    let (_, functions) = header.split_once("extern \"C\" {").unwrap();
    let mut checked = 0;
    for after in functions.split("/**").skip(1) {
        let (doc, declaration) = after.split_once("*/").unwrap();
        let (declaration, _) = declaration.split_once(';').unwrap();
        let (start, parameters) = declaration.split_once('(').unwrap();
        let lines: Vec<_> = doc
            .lines()
            .map(|line| line.strip_prefix(" *").unwrap_or(line).trim())
            .collect();
        let doc = lines.join(" ");
        // Without the preconditions, which tell when the result is undefined, not the result.
        let (doc, _) = doc.split_once("\\pre").unwrap_or((&doc, ""));
        let says = |words: &[&str]| words.iter().any(|word| doc.contains(word));
        assert!(
            says(&["Threads: ", "threads: "]),
            "no threads: {declaration}"
        );
        let returns = ["Returns", "Gives ", "Tells whether "];
        assert!(
            start.trim_start().starts_with("void ") || says(&returns),
            "no result: {declaration}"
        );
        if parameters.contains('*') {
            let null = ["NULL", "as for `clustering_"];
            assert!(says(&null), "no NULL: {declaration}");
        }
        let parameters = parameters.trim_end_matches(')').split(',');
        for parameter in parameters.filter(|parameter| *parameter != "void") {
            let name = parameter.rsplit([' ', '*']).next().unwrap();
            let quoted = format!("`{name}`");
            let described = doc_items(&lines).any(|item| item.contains(&quoted));
            assert!(described, "no {name}: {declaration}");
        }
        checked += 1;
    }
    assert!(checked > 20);
}

/// The heads of a comment's items, up to the colon: the parameters that each describes.
fn doc_items<'l>(lines: &'l [&'l str]) -> impl Iterator<Item = &'l str> {
    let items = lines.iter().filter_map(|line| line.strip_prefix("* "));
    items
        .filter_map(|item| item.split_once(": "))
        .map(|(head, _)| head)
}

#[test]
fn the_header_compiles_alone_as_c_and_as_cpp() {
    for (compiler, language, standard) in [
        ("cc", "-xc", "-std=c99"),
        ("cc", "-xc", "-std=c2x"),
        ("c++", "-xc++", "-std=c++98"),
        ("c++", "-xc++", "-std=c++20"),
    ] {
        let status = Command::new(compiler)
            .args([
                language,
                standard,
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fsyntax-only",
            ])
            .arg(path())
            .status()
            .expect("a C and C++ compiler is installed");
        assert!(status.success(), "{compiler} {standard}");
    }
}

#[test]
fn each_entry_is_fuzzed() {
    let sources = ["fuzz_targets/abi.rs", "src/host.rs", "src/operate.rs"]
        .map(|file| read(&format!("fuzz/{file}")))
        .concat();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let declarations = declarations();
    let words = declarations
        .split('(')
        .filter_map(|text| text.rsplit(|letter| !is_part(letter)).next());
    let functions: Vec<_> = words
        .filter(|word| word.starts_with("clustering_"))
        .collect();
    assert!(!functions.is_empty());
    for function in functions {
        assert!(sources.contains(&format!("{function}(")), "{function}");
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn committed() -> String {
    read(HEADER)
}

/// The header without comments, and with one space for each run of spaces.
fn declarations() -> String {
    let header = committed();
    let code = header
        .split("/*")
        .map(|part| part.split_once("*/").map_or(part, |(_, code)| code));
    let code: String = code.collect();
    let words: Vec<_> = code.split_whitespace().collect();
    words.join(" ")
}

/// FNV-1a, which is the same on every machine.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(HEADER)
}

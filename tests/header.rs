// SPDX-License-Identifier: GPL-2.0-or-later

//! The committed C header is the one that the source gives, compiles alone as C and as C++, and has a number
//! that tells its declarations from all that were there before. All of its entries are fuzzed.

use std::path::{Path, PathBuf};
use std::process::Command;

use clustering::ffi::CLUSTERING_ABI_VERSION;

const HEADER: &str = "include/clustering.h";

/// The number of the ABI, and the hash of the declarations that it was given to.
const NUMBERED: (u32, u64) = (1, 4_225_795_443_736_440_186);

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
         release has had, NUMBERED what stands on the left"
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
    let entries: Vec<_> = words
        .filter(|word| word.starts_with("clustering_"))
        .collect();
    assert!(!entries.is_empty());
    for entry in entries {
        assert!(sources.contains(&format!("{entry}(")), "{entry}");
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn committed() -> String {
    read(HEADER)
}

/// The header without comments, and with one space wherever there are any.
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

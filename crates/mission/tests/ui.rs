//! What the compiler says of code that cannot be a method: one sentence, on the line of the fault.
//!
//! Each file of `ui/` is compiled against the library that this test was built with; `//~ words` on a line expects
//! one error there that holds these words, and no error is allowed that nobody expects.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn options_that_do_not_exist_or_are_out_of_bounds() {
    check("options.rs");
}

#[test]
fn functions_that_no_task_can_call() {
    check("signature.rs");
}

#[test]
fn types_that_do_not_fit() {
    check("types.rs");
}

type Errors = BTreeMap<usize, Vec<String>>;

fn check(name: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(name);
    let mut unexpected = compile(&source);
    let mut missed = Vec::new();
    for (line, words) in expected(&std::fs::read_to_string(&source).unwrap()) {
        let said = unexpected.entry(line).or_default();
        match said.iter().position(|error| error.contains(&words)) {
            Some(at) => drop(said.remove(at)),
            None => missed.push((line, words)),
        }
    }
    unexpected.retain(|_, said| !said.is_empty());
    assert!(missed.is_empty() && unexpected.is_empty(), "{name}: missed {missed:#?}, not expected {unexpected:#?}");
}

fn expected(source: &str) -> Vec<(usize, String)> {
    let lines = source.lines().zip(1..);
    lines.flat_map(|(text, line)| text.split("//~").skip(1).map(move |words| (line, words.trim().to_owned()))).collect()
}

/// The errors of the compiler by their lines. A second build by cargo would compile every database driver again.
fn compile(source: &Path) -> Errors {
    let libraries = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--error-format", "short"])
        .args(["-A", "unused", "--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .arg("-L")
        .arg(format!("dependency={}", libraries.display()))
        .arg("--extern")
        .arg(format!("mission={}", newest_library(&libraries).display()))
        .arg(source)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let place = format!("{}:", source.display());
    let mut errors = Errors::new();
    for (line, rest) in said.lines().filter_map(|error| error.strip_prefix(&place)?.split_once(':')) {
        errors.entry(line.parse().unwrap()).or_default().push(rest.to_owned());
    }
    assert!(!output.status.success() && !errors.is_empty(), "no error was shown:\n{said}");
    errors
}

fn newest_library(libraries: &Path) -> PathBuf {
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libmission-") && name.ends_with(".rlib")
    };
    let files = std::fs::read_dir(libraries).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(is_ours)
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap())
        .unwrap_or_else(|| panic!("no libmission-*.rlib in {}", libraries.display()))
}

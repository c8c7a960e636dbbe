//! Words: names that say something, SQL in lower case, and what the repository keeps quiet about.

use super::tree::Source;
use super::{Complaint, Tree};

/// Names that could stand for anything.
const EMPTY_NAMES: [&str; 9] = ["manager", "managers", "helper", "helpers", "util", "utils", "common", "data", "info"];

pub(super) fn names_say_something(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.starts_with("crates/") || file.path.starts_with("xtask/")) {
        let stems = file.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
        if let Some(word) = stems.into_iter().find_map(empty_word) {
            complaints
                .push(Complaint::file(&file.path, format!("`{word}` in its path says nothing: name what it does")));
        }
        if file.path.ends_with(".rs") {
            let declared = file.code().filter_map(|(number, code)| Some((number, declared_name(code)?)));
            complaints.extend(declared.filter_map(|(number, name)| {
                let word = empty_word(name)?;
                Some(Complaint::line(&file.path, number, format!("`{word}` in {name} says nothing: name what it is")))
            }));
        }
    }
    complaints
}

fn declared_name(code: &str) -> Option<&str> {
    let mut words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.find(|word| matches!(*word, "fn" | "struct" | "enum" | "trait" | "mod" | "type" | "const" | "static"))?;
    words.find(|word| !word.is_empty() && !matches!(*word, "fn" | "mut"))
}

/// The first empty word of a name in snake or camel case.
fn empty_word(name: &str) -> Option<&'static str> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        let starts_word =
            letter == '_' || letter == '-' || letter.is_uppercase() && name.chars().any(char::is_lowercase);
        if starts_word {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            let last = words.len() - 1;
            words[last].extend(letter.to_lowercase());
        }
    }
    EMPTY_NAMES.into_iter().find(|empty| words.iter().any(|word| word == empty))
}

pub(super) fn sql_is_lower_case(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.with_ending(".sql") {
        for (index, line) in file.text.lines().enumerate() {
            let code = line.split("--").next().unwrap_or_default();
            // Every second piece stands between quotes, of either sort.
            let outside = code.split(['\'', '"']).step_by(2).collect::<String>();
            if outside.chars().any(|letter| letter.is_ascii_uppercase()) {
                complaints.push(Complaint::line(&file.path, index + 1, "SQL is written in lower case"));
            }
        }
    }
    complaints
}

/// Hosts are put together here, so that this file does not name them either.
fn registries() -> Vec<String> {
    let hosts: [&[&str]; 10] = [
        &["crates", "io"],
        &["docs", "rs"],
        &["deb", "debian", "org"],
        &["security", "debian", "org"],
        &["archive", "ubuntu", "com"],
        &["registry", "npmjs", "org"],
        &["pypi", "org"],
        &["rubygems", "org"],
        &["hub", "docker", "com"],
        &["proxy", "golang", "org"],
    ];
    hosts.iter().map(|parts| parts.join(".")).collect()
}

pub(super) fn nothing_names_a_registry(tree: &Tree) -> Vec<Complaint> {
    let hosts = registries();
    // The lock file is cargo's own and names where its packages are from.
    let files = tree.files.iter().filter(|file| file.path != "Cargo.lock");
    find(files, |line| hosts.iter().find(|host| line.contains(host.as_str())).cloned(), "a registry's host")
}

pub(super) fn nothing_speaks_of_its_making(tree: &Tree) -> Vec<Complaint> {
    // In two halves each, for the same reason.
    let phrases: Vec<String> = [
        ["cla", "ude"],
        ["anthr", "opic"],
        ["chat", "gpt"],
        ["open", "ai"],
        ["copi", "lot"],
        ["language", " model"],
        ["ai-gener", "ated"],
        ["ai ag", "ent"],
        ["/wo", "rk/"],
        ["/tmp/", "team"],
    ]
    .iter()
    .map(|halves| halves.concat())
    .collect();
    let hit = |line: &str| {
        let line = line.to_lowercase();
        phrases.iter().find(|phrase| line.contains(phrase.as_str())).cloned()
    };
    find(tree.files.iter(), hit, "how or where the code was made")
}

fn find<'tree>(
    files: impl Iterator<Item = &'tree Source>,
    hit: impl Fn(&str) -> Option<String>,
    what: &str,
) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(word) = hit(line) {
                complaints.push(Complaint::line(&file.path, index + 1, format!("`{word}` names {what}: leave it out")));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Tree) -> Vec<Complaint>, path: &str, text: &str) -> usize {
        rule(&Tree::sample(&[(path, text)])).len()
    }

    #[test]
    fn a_name_that_says_nothing_is_named() {
        assert_eq!(count(names_say_something, "crates/x/src/utils.rs", ""), 1);
        assert_eq!(count(names_say_something, "crates/x/src/helpers/a.rs", ""), 1);
        assert_eq!(count(names_say_something, "crates/x/src/a.rs", "pub struct TaskManager;"), 1);
        assert_eq!(count(names_say_something, "crates/x/src/a.rs", "pub(crate) async fn task_info() {}"), 1);
        assert_eq!(count(names_say_something, "crates/x/src/a.rs", "const DATA: u8 = 1;"), 1);
        assert_eq!(count(names_say_something, "crates/x/src/a.rs", "pub struct Database;\ninfo!(\"up\");"), 0);
    }

    #[test]
    fn sql_in_capitals_is_named() {
        assert_eq!(count(sql_is_lower_case, "a.sql", "SELECT id from t"), 1);
        assert_eq!(count(sql_is_lower_case, "a.sql", "-- Finds A.\nselect 'A' collate \"C\" from t"), 0);
    }

    #[test]
    fn a_registry_is_named() {
        let line = format!("see {}", registries()[0]);
        assert_eq!(count(nothing_names_a_registry, "README.md", &line), 1);
        assert_eq!(count(nothing_names_a_registry, "Cargo.lock", &line), 0);
    }

    #[test]
    fn talk_of_the_making_is_named() {
        assert_eq!(count(nothing_speaks_of_its_making, "README.md", &["see /wo", "rk/main"].concat()), 1);
        assert_eq!(count(nothing_speaks_of_its_making, "README.md", "a worker works"), 0);
    }
}

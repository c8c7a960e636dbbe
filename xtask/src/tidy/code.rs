//! What code may not do where it stands: long functions, unproved unwraps, another crate's business.

use super::tree::Source;
use super::{Complaint, Tree};

const FUNCTION_LINES_MAX: usize = 70;

/// Where sqlx may be named outside the store, and why.
const SQLX_ALLOWED: [(&str, &str); 6] = [
    ("crates/store/", "the only crate that knows sqlx"),
    ("crates/cli/src/run.rs", "keeps the driver's own log down, which repeats the parameters of a URL"),
    ("crates/worker/src/task_log.rs", "keeps the same out of the tasks' logs"),
    ("crates/testkit/", "makes and drops the tests' databases"),
    ("crates/engine/src/push_in.rs", "a push in the caller's own sqlx transaction: the user's thing is the point"),
    ("crates/engine/src/open.rs", "a Mission on the caller's own sqlx pool: the user's thing is the point"),
];

pub(super) fn functions_are_short(tree: &Tree) -> Vec<Complaint> {
    let files = tree.with_ending(".rs").filter(|file| !file.is_test());
    files.flat_map(long_functions).collect()
}

/// In formatted code a function ends at the brace that stands as deep as its `fn`.
fn long_functions(file: &Source) -> Vec<Complaint> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut complaints = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = code.split("fn ").count() == 2
            && code.split("fn ").next().is_some_and(|before| {
                before.split_whitespace().all(|word| word.starts_with("pub") || matches!(word, "async" | "const"))
            });
        if !is_function {
            continue;
        }
        let end = format!("{}}}", " ".repeat(line.len() - code.len()));
        let Some(length) = lines[index..].iter().position(|line| *line == end).map(|length| length + 1) else {
            continue;
        };
        if length > FUNCTION_LINES_MAX {
            let message = format!("a function of {length} lines, at most {FUNCTION_LINES_MAX}: give its steps names");
            complaints.push(Complaint::line(&file.path, index + 1, message));
        }
    }
    complaints
}

pub(super) fn no_unproved_unwrap(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.library_sources() {
        let lines: Vec<&str> = file.text.lines().collect();
        let is_proved = |number: usize| {
            let above = number.checked_sub(2).map_or("", |index| lines[index]);
            lines[number - 1].contains("// proof:") || above.trim_start().starts_with("// proof:")
        };
        for (number, code) in file.code() {
            let unwraps = code.contains(".unwrap()") || code.contains(".expect(");
            if unwraps && !is_proved(number) {
                let message =
                    "an unwrap in a library: return the error, or prove beside it why it cannot be (`// proof: …`)";
                complaints.push(Complaint::line(&file.path, number, message));
            }
        }
    }
    complaints
}

pub(super) fn sqlx_stays_in_the_store(tree: &Tree) -> Vec<Complaint> {
    let is_allowed = |file: &&Source| !SQLX_ALLOWED.iter().any(|(place, _)| file.path.starts_with(place));
    let message = "sqlx outside the store: ask the store for it (allowed places are listed in xtask's tidy/code.rs)";
    find_words(tree.library_sources().filter(is_allowed), &["sqlx"], message)
}

pub(super) fn axum_stays_in_the_server(tree: &Tree) -> Vec<Complaint> {
    let others = tree.library_sources().filter(|file| !file.path.starts_with("crates/server/"));
    find_words(others, &["axum"], "axum outside the server: only mission-server knows it")
}

pub(super) fn dialect_stays_in_the_store(tree: &Tree) -> Vec<Complaint> {
    let words = ["skip locked", "on conflict", "on duplicate"];
    let others = tree.library_sources().filter(|file| !file.path.starts_with("crates/store/"));
    find_words(others, &words, "a database's dialect outside the store: make it an operation of the store")
}

pub(super) fn libraries_do_not_print(tree: &Tree) -> Vec<Complaint> {
    let below =
        ["core", "macros", "store", "files", "worker", "engine", "server"].map(|name| format!("crates/{name}/"));
    let files = tree.library_sources().filter(|file| {
        let facade = file.path.starts_with("crates/mission/")
            && !file.path.contains("/bin/")
            && !file.path.ends_with("/main.rs");
        facade || below.iter().any(|place| file.path.starts_with(place))
    });
    let words = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
    find_words(files, &words, "a library does not print: use tracing, or return it")
}

/// Complains of each line of code that holds one of the words, whatever their case.
fn find_words<'tree>(files: impl Iterator<Item = &'tree Source>, words: &[&str], message: &str) -> Vec<Complaint> {
    let holds = |code: &str| {
        let code = code.to_lowercase();
        words.iter().any(|word| {
            code.match_indices(word).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
            })
        })
    };
    files
        .flat_map(|file| {
            let lines = file.code().filter(|(_, code)| holds(code));
            lines.map(|(number, _)| Complaint::line(&file.path, number, message)).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Tree) -> Vec<Complaint>, path: &str, text: &str) -> usize {
        rule(&Tree::sample(&[(path, text)])).len()
    }

    #[test]
    fn a_long_function_is_named() {
        let function =
            |lines: usize| format!("    pub async fn a() {{\n{}    }}\n", "        a();\n".repeat(lines - 2));
        assert_eq!(count(functions_are_short, "crates/x/src/a.rs", &function(71)), 1);
        assert_eq!(count(functions_are_short, "crates/x/src/a.rs", &function(70)), 0);
    }

    #[test]
    fn an_unwrap_without_proof_is_named() {
        let at = "crates/core/src/a.rs";
        assert_eq!(count(no_unproved_unwrap, at, "let a = b.unwrap();"), 1);
        assert_eq!(count(no_unproved_unwrap, at, "let a = b\n    .expect(\"c\");"), 1);
        assert_eq!(count(no_unproved_unwrap, at, "// proof: b is one.\nlet a = b.unwrap();"), 0);
        assert_eq!(count(no_unproved_unwrap, at, "let a = b.unwrap(); // proof: b is one."), 0);
        assert_eq!(count(no_unproved_unwrap, at, "/// let a = b.unwrap();\n#[cfg(test)]\nmod tests { a.unwrap() }"), 0);
        assert_eq!(count(no_unproved_unwrap, "crates/core/tests/a.rs", "let a = b.unwrap();"), 0);
    }

    #[test]
    fn sqlx_outside_the_store_is_named() {
        assert_eq!(count(sqlx_stays_in_the_store, "crates/worker/src/a.rs", "use sqlx::Row;"), 1);
        assert_eq!(count(sqlx_stays_in_the_store, "crates/worker/src/a.rs", "// sqlx is not cancel-safe"), 0);
        assert_eq!(count(sqlx_stays_in_the_store, "crates/engine/src/push_in.rs", "use sqlx::Transaction;"), 0);
        assert_eq!(count(sqlx_stays_in_the_store, "crates/store/src/a.rs", "use sqlx::Row;"), 0);
    }

    #[test]
    fn axum_outside_the_server_is_named() {
        assert_eq!(count(axum_stays_in_the_server, "crates/engine/src/a.rs", "use axum::Router;"), 1);
        assert_eq!(count(axum_stays_in_the_server, "crates/server/src/a.rs", "use axum::Router;"), 0);
    }

    #[test]
    fn a_dialect_outside_the_store_is_named() {
        assert_eq!(count(dialect_stays_in_the_store, "crates/engine/src/a.rs", "\"for update SKIP LOCKED\""), 1);
        assert_eq!(
            count(dialect_stays_in_the_store, "crates/engine/src/a.rs", "\"insert … on conflict do nothing\""),
            1
        );
        assert_eq!(count(dialect_stays_in_the_store, "crates/store/src/a.rs", "\"on duplicate key\""), 0);
    }

    #[test]
    fn a_library_that_prints_is_named() {
        assert_eq!(count(libraries_do_not_print, "crates/core/src/a.rs", "println!(\"a\");"), 1);
        assert_eq!(count(libraries_do_not_print, "crates/worker/src/a.rs", "dbg!(a);"), 1);
        assert_eq!(count(libraries_do_not_print, "crates/mission/src/main.rs", "println!(\"a\");"), 0);
        assert_eq!(count(libraries_do_not_print, "crates/cli/src/a.rs", "println!(\"a\");"), 0);
    }
}

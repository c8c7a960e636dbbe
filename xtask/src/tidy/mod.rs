//! The rules of the house, held by tests: each rule looks at the whole tree and says what to do.

mod code;
mod direction;
mod files;
mod tree;
mod words;

use std::fmt;
use std::process::ExitCode;

use crate::Outcome;
use tree::Tree;

/// One thing to put right.
#[derive(Debug)]
struct Complaint {
    path: String,
    /// Counted from 1; 0 is the file as a whole.
    line: usize,
    message: String,
}

impl Complaint {
    fn file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, message: message.into() }
    }

    fn line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, message } = self;
        if *line == 0 { write!(formatter, "{path}: {message}") } else { write!(formatter, "{path}:{line}: {message}") }
    }
}

type Rule = fn(&Tree) -> Vec<Complaint>;

const RULES: [Rule; 14] = [
    direction::crates_depend_downward,
    files::length_is_bounded,
    files::first_line_says_what_for,
    files::documents_are_short,
    code::functions_are_short,
    code::no_unproved_unwrap,
    code::sqlx_stays_in_the_store,
    code::dialect_stays_in_the_store,
    code::libraries_do_not_print,
    code::axum_stays_in_the_server,
    words::names_say_something,
    words::sql_is_lower_case,
    words::nothing_names_a_registry,
    words::nothing_speaks_of_its_making,
];

/// Checks the workspace and prints what to put right.
pub(crate) fn run() -> Outcome<ExitCode> {
    let complaints = check(&Tree::of_workspace()?);
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(format!("{count} rules of the house are broken, see above")),
    }
}

fn check(tree: &Tree) -> Vec<Complaint> {
    RULES.iter().flat_map(|rule| rule(tree)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    #[test]
    fn the_tree_is_tidy() {
        let complaints = check(&Tree::of_workspace().unwrap());
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
    }
}

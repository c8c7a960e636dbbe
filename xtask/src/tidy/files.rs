//! Files are short, and each says first what it is for.

use super::{Complaint, Tree};

const SOURCE_LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 600;
const ARCHITECTURE_LINES_MAX: usize = 250;
const DECISION_LINES_MAX: usize = 60;

pub(super) fn length_is_bounded(tree: &Tree) -> Vec<Complaint> {
    let bounded = tree.with_ending(".rs").map(|file| {
        let most = if file.is_test() { TEST_LINES_MAX } else { SOURCE_LINES_MAX };
        (file, most)
    });
    bounded
        .filter_map(|(file, most)| too_long(&file.path, &file.text, most, "split it by what changes together"))
        .collect()
}

pub(super) fn documents_are_short(tree: &Tree) -> Vec<Complaint> {
    let limit = |path: &str| match path {
        "ARCHITECTURE.md" => Some(ARCHITECTURE_LINES_MAX),
        _ if path.starts_with("docs/decisions/") && path.ends_with(".md") => Some(DECISION_LINES_MAX),
        _ => None,
    };
    let documents = tree.files.iter().filter_map(|file| Some((file, limit(&file.path)?)));
    documents
        .filter_map(|(file, most)| too_long(&file.path, &file.text, most, "cut what the reader need not know"))
        .collect()
}

fn too_long(path: &str, text: &str, most: usize, way_out: &str) -> Option<Complaint> {
    let lines = text.lines().count();
    (lines > most).then(|| Complaint::file(path, format!("{lines} lines, at most {most}: {way_out}")))
}

pub(super) fn first_line_says_what_for(tree: &Tree) -> Vec<Complaint> {
    let marks = [(".rs", "//! "), (".sql", "-- ")];
    let mut complaints = Vec::new();
    for (ending, mark) in marks {
        for file in tree.with_ending(ending) {
            let first = file.text.lines().next().unwrap_or_default();
            if !first.starts_with(mark) || first.len() < mark.len() + 8 {
                let message = format!("the first line must say what the file is for: `{mark}…`");
                complaints.push(Complaint::line(&file.path, 1, message));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{Tree, documents_are_short, first_line_says_what_for, length_is_bounded};

    #[test]
    fn a_long_file_is_named() {
        let tree = |path: &str, lines: usize| Tree::sample(&[(path, &"line\n".repeat(lines))]);
        assert_eq!(length_is_bounded(&tree("crates/x/src/a.rs", 401)).len(), 1);
        assert_eq!(length_is_bounded(&tree("crates/x/src/a.rs", 400)).len(), 0);
        assert_eq!(length_is_bounded(&tree("crates/x/tests/a.rs", 600)).len(), 0);
        assert_eq!(length_is_bounded(&tree("crates/x/tests/a.rs", 601)).len(), 1);
    }

    #[test]
    fn a_long_document_is_named() {
        let tree = |path: &str, lines: usize| Tree::sample(&[(path, &"line\n".repeat(lines))]);
        assert_eq!(documents_are_short(&tree("ARCHITECTURE.md", 251)).len(), 1);
        assert_eq!(documents_are_short(&tree("docs/decisions/0001-a.md", 61)).len(), 1);
        assert_eq!(documents_are_short(&tree("docs/decisions/0001-a.md", 60)).len(), 0);
        assert_eq!(documents_are_short(&tree("README.md", 2000)).len(), 0);
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_for_is_named() {
        let bad = Tree::sample(&[("crates/x/src/a.rs", "use a;\n"), ("a.sql", "select 1;\n"), ("b.rs", "//! Hm\n")]);
        assert_eq!(first_line_says_what_for(&bad).len(), 3);
        let good = Tree::sample(&[("a.rs", "//! Makes tea for the guests.\n"), ("a.sql", "-- Finds one task.\n")]);
        assert_eq!(first_line_says_what_for(&good).len(), 0);
    }
}

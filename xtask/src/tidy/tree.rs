//! The workspace's files as the rules see them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// Not ours to check: build output, version control, what programs leave.
const PASSED_OVER: [&str; 3] = ["target", ".git", "mission-files"];

/// Crates that no user of the libraries ever runs.
const FOR_TESTS: [&str; 2] = ["crates/testkit/", "crates/servers/"];

/// The workspace's text files.
pub(super) struct Tree {
    pub(super) files: Vec<Source>,
}

/// One file: its path below the workspace, with `/`, and its text.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Tree {
    pub(super) fn of_workspace() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask stands below the workspace")?;
        let mut files = Vec::new();
        collect(root, root, &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { files })
    }

    pub(super) fn with_ending<'tree>(&'tree self, ending: &str) -> impl Iterator<Item = &'tree Source> {
        self.files.iter().filter(move |file| file.path.ends_with(ending))
    }

    /// Rust files of the libraries that users run: all crates but those for tests.
    pub(super) fn library_sources(&self) -> impl Iterator<Item = &Source> {
        let is_for_tests = |file: &&Source| FOR_TESTS.iter().any(|crate_| file.path.starts_with(crate_));
        self.with_ending(".rs").filter(move |file| file.is_source() && !is_for_tests(file))
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of samples, to see a rule go red.
    pub(super) fn sample(files: &[(&str, &str)]) -> Self {
        let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(source).collect() }
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<Source>) -> Outcome<()> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // In a worktree `.git` is a file.
        if PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(Source { path, text });
        }
    }
    Ok(())
}

impl Source {
    /// In a crate's `src`, and not a file that holds tests only.
    pub(super) fn is_source(&self) -> bool {
        let in_source = self.path.starts_with("crates/") && self.path.contains("/src/");
        in_source && !self.path.ends_with("/tests.rs") && !self.path.contains("/tests/")
    }

    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Lines of code with their numbers: no comments, nothing from the test module at the end on.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(index, line)| (index + 1, without_comment(line)))
            .filter(|(_, line)| !line.trim().is_empty())
    }
}

/// Cuts at `//` outside a string; good enough for formatted code.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match letter {
            '"' if before != '\\' && before != '\'' => in_string = !in_string,
            '/' if !in_string && before == '/' => return &line[..at - 1],
            _ => {}
        }
        before = letter;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{Tree, without_comment};

    #[test]
    fn comments_are_cut_and_strings_kept() {
        assert_eq!(without_comment("let a = 1; // one"), "let a = 1; ");
        assert_eq!(without_comment("let a = \"sqlite://x\";"), "let a = \"sqlite://x\";");
        assert_eq!(without_comment("/// Says."), "");
    }

    #[test]
    fn code_ends_where_the_tests_begin() {
        let tree = Tree::sample(&[("crates/x/src/a.rs", "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {}\n")]);
        assert_eq!(tree.files[0].code().collect::<Vec<_>>(), [(2, "fn a() {}")]);
    }
}

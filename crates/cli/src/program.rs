//! What the program is called, so that help, hints and workers on demand name it as its user does.

use std::ffi::OsString;
use std::path::Path;

/// What this program is called, and which of its arguments led to the commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// For help and hints: `mission`, or `myapp mission`.
    pub(crate) name: String,
    /// The arguments between the program's file and the command: none, or `["mission"]`.
    pub(crate) leading: Vec<OsString>,
}

impl Program {
    pub(crate) fn of(process: Vec<OsString>, args: &[OsString], name: Option<String>) -> Self {
        let mut process = process.into_iter();
        let file = process.next().unwrap_or_default();
        let mut leading: Vec<OsString> = process.collect();
        if leading.ends_with(args) {
            leading.truncate(leading.len() - args.len());
        } else {
            leading.clear();
        }
        let name = name.unwrap_or_else(|| {
            let file = Path::new(&file).file_stem().unwrap_or("mission".as_ref()).to_owned();
            let words: Vec<_> = std::iter::once(&file).chain(&leading).map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        });
        Self { name, leading }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(process: &[&str], args: &[&str]) -> Program {
        let args: Vec<OsString> = args.iter().map(Into::into).collect();
        Program::of(process.iter().map(Into::into).collect(), &args, None)
    }

    #[test]
    fn a_mounted_program_is_called_by_its_own_words() {
        let mounted = program(&["/opt/bin/myapp", "mission", "add", "noop"], &["add", "noop"]);
        assert_eq!((mounted.name.as_str(), mounted.leading), ("myapp mission", vec![OsString::from("mission")]));
        let plain = program(&["target/debug/mission", "records"], &["records"]);
        assert_eq!((plain.name.as_str(), plain.leading.len()), ("mission", 0));
        assert_eq!(program(&["mission", "a"], &["records"]).name, "mission");
    }
}

//! The commands as an application mounts them: what it gives, and how they are run.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use mission_engine::{Method, States};

use crate::run;

/// The commands of Mission with an application's own methods and state.
///
/// ```no_run
/// # async fn main_of_an_application() -> std::process::ExitCode {
/// // In `fn main` of `myapp`, where the first argument is `mission`:
/// mission_cli::Cli::new().run_from(std::env::args().skip(2)).await
/// # }
/// ```
#[must_use = "nothing happens until it is run"]
#[derive(Default)]
pub struct Cli {
    pub(crate) methods: Vec<Method>,
    pub(crate) states: States,
    pub(crate) name: Option<String>,
    /// Made once the settings say where files go.
    pub(crate) has_builtin_methods: bool,
}

impl Cli {
    /// The commands, with the methods that registered themselves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds methods: closures, and those of a library crate, which the linker drops where the program never names them.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.extend(methods);
        self
    }

    /// Adds the methods for demos and measuring: `helloWorld`, `noop` and `sleep`.
    pub fn builtin_methods(mut self) -> Self {
        self.has_builtin_methods = true;
        self
    }

    /// Gives shared state to the methods that ask for `State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }

    /// What help and hints call the program. Unless told otherwise: its file's name and the arguments that led here,
    /// such as `myapp mission`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Runs the command that this process's arguments name.
    pub async fn run(self) -> ExitCode {
        self.run_from(std::env::args_os().skip(1)).await
    }

    /// Runs the command that these arguments name: those after the program's name, and after whatever led here.
    ///
    /// A worker that is started on demand is this program with the same leading arguments, so they must be the first
    /// ones of the process.
    pub async fn run_from(self, args: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let program = Program::of(std::env::args_os().collect(), &args, self.name.clone());
        run::run(self, program, args).await.into()
    }
}

/// What this program is called, and which of its arguments led to the commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// For help and hints: `mission`, or `myapp mission`.
    pub(crate) name: String,
    /// The arguments between the program's file and the command: none, or `["mission"]`.
    pub(crate) leading: Vec<OsString>,
}

impl Program {
    fn of(process: Vec<OsString>, args: &[OsString], name: Option<String>) -> Self {
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

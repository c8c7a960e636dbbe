//! The commands as an application mounts them: what it gives, and how they are run.

use std::ffi::OsString;
use std::process::ExitCode;

use mission_engine::Method;

use crate::app::Given;
use crate::program::Program;
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
    given: Given,
    name: Option<String>,
}

impl Cli {
    /// The commands, with the methods that registered themselves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds methods: closures, and those of a library crate, which the linker drops where the program never names them.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.given.methods.extend(methods);
        self
    }

    /// Adds the methods for demos and measuring: `helloWorld`, `noop` and `sleep`.
    pub fn builtin_methods(mut self) -> Self {
        self.given.has_builtin_methods = true;
        self
    }

    /// Gives shared state to the methods that ask for `State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.given.states.insert(state);
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
        let program = Program::of(std::env::args_os().collect(), &args, self.name);
        run::run(self.given, program, args).await.into()
    }
}

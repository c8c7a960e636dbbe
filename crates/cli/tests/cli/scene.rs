//! A folder with nothing in it, and the program run there with an environment that holds nothing of the caller's.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mission_testkit::{Database, Kind, TempDir};

/// Where a test plays.
pub(crate) struct Scene {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { folder: mission_testkit::folder(), variables: Vec::new() }
    }

    /// The same with a variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The program, ready to be run here.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mission"));
        command.args(args);
        self.dress(&mut command);
        command
    }

    /// Gives a command this folder and nothing of the caller's environment.
    pub(crate) fn dress(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// The same with a variable of the environment for this run.
    pub(crate) fn run_with(&self, args: &[&str], name: &str, value: &str) -> Ran {
        Ran::of(self.command(args).env(name, value).output().unwrap())
    }

    /// The same with something on its standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses early reads no further.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Pushes a task that nobody runs, and answers its id.
    pub(crate) fn push(&self, args: &[&str]) -> String {
        let ran = self.run(&[&["add", "--no-start", "--force", "-q"], args].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim().to_owned()
    }

    /// Runs SQL on this folder's database, as somebody else might.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let output = Command::new("sqlite3")
            .args(["-cmd", ".timeout 10000"])
            .arg(self.path("mission.db"))
            .arg(sql)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Lets a task end as its worker would.
    pub(crate) fn end(&self, id: &str, state: &str, content: &str) {
        let content = content.replace('\'', "''");
        self.sql(&format!(
            "update mission_tasks set state = '{state}', content = '{content}' where unique_id = '{id}'"
        ));
    }

    pub(crate) fn state_of(&self, id: &str) -> String {
        self.sql(&format!("select state from mission_tasks where unique_id = '{id}'")).trim().to_owned()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It ended with this code, and said this on stderr.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, sentence: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains(sentence), "no {sentence:?} in {self:?}");
        assert_eq!(self.stdout, "", "a refusal prints no result");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
    }

    /// It ended well; its result.
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.stdout
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }
}

/// Asks again and again until it holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let start = Instant::now();
    while !check() {
        assert!(start.elapsed() < Duration::from_secs(30), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a test with the URL of an empty database of each server kind.
pub(crate) fn on_each_server(test: impl Fn(&str)) {
    for kind in [Kind::Mariadb, Kind::Mysql, Kind::Postgres] {
        mission_testkit::on(kind, |database: Database| {
            test(database.url());
            async move { drop(database) }
        });
    }
}

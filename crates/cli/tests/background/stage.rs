//! What every sentence starts from: the program, a database, and folders of its own for state and files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mission_testkit::{Database, Kind, TempDir, eventually, folder};
use serde_json::Value;
use tokio::process::{Child, Command};

/// How long a worker on demand stays without work, unless a test says otherwise.
const LINGER_MS: u64 = 500;

/// The program on one database, as one user's terminal knows it.
pub(crate) struct Stage {
    pub(crate) db: Database,
    pub(crate) home: TempDir,
    linger_ms: u64,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// What it printed, if it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code(), 0, "{self:#?}");
        self.stdout
    }

    /// The JSON it printed, however it ended.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|fault| panic!("{fault}: {self:#?}"))
    }
}

impl Stage {
    /// A database with its tables.
    pub(crate) async fn set(db: Database) -> Self {
        let stage = Self::bare(db);
        stage.run(&["migrate"]).await.ok();
        stage
    }

    /// A database that is empty, or not there.
    pub(crate) fn bare(db: Database) -> Self {
        Self { db, home: folder(), linger_ms: LINGER_MS }
    }

    pub(crate) fn linger_ms(mut self, linger_ms: u64) -> Self {
        self.linger_ms = linger_ms;
        self
    }

    /// The folder for the files of methods.
    pub(crate) fn files(&self) -> PathBuf {
        self.home.path().join("files")
    }

    /// Every file in it that a method made, also those in the making; not the one that holds the folder's own name.
    pub(crate) fn result_files(&self) -> Vec<PathBuf> {
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        let (folders, mut files): (Vec<_>, Vec<_>) = entries(&self.files()).partition(|path| path.is_dir());
        files.extend(folders.iter().flat_map(|folder| entries(folder)));
        files.retain(|file| !file.ends_with(".mission-storage"));
        files.sort();
        files
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mission"));
        command.args(args).current_dir(self.home.path()).stdin(Stdio::null());
        for variable in
            ["DATABASE_URL", "MISSION_DATABASE_URL", "MISSION_CONFIG", "MISSION_OUTPUT", "MISSION_LOG", "COLUMNS"]
        {
            command.env_remove(variable);
        }
        command.env("MISSION_DATABASE", self.db.url());
        command.env("MISSION_FILES", self.files());
        command.env("MISSION_LINGER_MS", self.linger_ms.to_string());
        command.env("MISSION_GRACE", "5s");
        command.env("XDG_STATE_HOME", self.home.path().join("state"));
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().await.expect("the program can be run");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Ran { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts a command whose end somebody else waits for.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().expect("the program can be run")
    }

    /// Pushes a task and answers its id.
    pub(crate) async fn add(&self, args: &[&str]) -> String {
        let words: Vec<&str> = ["add"].iter().chain(args).copied().collect();
        self.run(&words).await.ok().trim().to_owned()
    }

    /// One task as the program shows it.
    pub(crate) async fn show(&self, id: &str) -> Value {
        self.run(&["show", id, "-o", "json"]).await.json()
    }

    /// Waits until a task has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        self.run(&["wait", id, "--timeout", "60s", "-o", "json"]).await;
        self.show(id).await
    }

    /// The process numbers of the workers that live.
    pub(crate) async fn worker_pids(&self) -> Vec<i64> {
        let workers = self.run(&["workers", "-o", "json"]).await.json();
        let workers = workers.as_array().expect("a list of workers").clone();
        let live = workers.iter().filter(|worker| worker["live"] == true && worker["leaving"] == false);
        live.map(|worker| worker["pid"].as_i64().expect("a pid")).collect()
    }

    /// The one worker that lives, once there is one.
    pub(crate) async fn worker_pid(&self) -> i64 {
        let mut found = None;
        eventually("a worker lives", async || {
            found = self.worker_pids().await.first().copied();
            found.is_some()
        })
        .await;
        found.expect("a worker lives")
    }

    /// Waits until no process of ours is left, which also shows that workers on demand leave by themselves.
    pub(crate) async fn left_alone(&self) {
        eventually("the workers on demand leave", async || self.processes().is_empty()).await;
    }

    /// The processes that were started for this stage, by the state folder in their environment.
    pub(crate) fn processes(&self) -> Vec<i64> {
        let mark = format!("XDG_STATE_HOME={}/state\0", self.home.path().display());
        let entries = fs::read_dir("/proc").expect("/proc can be read").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_ours = |pid: &i64| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        };
        pids.filter(is_ours).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A test that failed leaves no worker behind, which would never see its database again.
        self.processes().into_iter().for_each(|pid| kill(pid, "KILL"));
    }
}

/// Sends a signal to a process; one that is gone already is no fault.
pub(crate) fn kill(pid: i64, signal: &str) {
    let _ = std::process::Command::new("kill").args(["-s", signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The SHA-256 of a file, by another program than ours.
pub(crate) fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg("--").arg(path).output().expect("sha256sum can be run");
    let text = String::from_utf8(output.stdout).expect("hex is text");
    text.split_whitespace().next().unwrap_or_else(|| panic!("no sum of {}", path.display())).to_owned()
}

/// Sixty-four bits of no importance, for pauses that differ from run to run.
pub(crate) fn dice() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// A pause between two acts of one client, as people make them; nothing is waited for.
pub(crate) async fn pause_up_to(span: Duration) {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
    tokio::time::sleep(Duration::from_nanos(dice() % nanos)).await;
}

/// Whether a server's kind needs a URL of its own form for the original's table.
pub(crate) const fn is_sqlite(kind: Kind) -> bool {
    matches!(kind, Kind::Sqlite)
}

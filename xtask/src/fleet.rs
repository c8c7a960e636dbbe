//! A running set of servers as the commands see it: their URLs, what is missing, and the tie to the guard.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ExitCode, Stdio};

use mission_servers::Durability;
use mission_servers::launch::detached;

use crate::Outcome;
use crate::guard;
use crate::kind::{Cause, Kind, Missing};

/// Servers that live until this value is dropped or the process ends.
pub(crate) struct Fleet {
    guard: Child,
    tie: Option<ChildStdin>,
    servers: Vec<Running>,
    missing: Vec<Missing>,
    folder: PathBuf,
}

/// One of them.
struct Running {
    kind: Kind,
    pid: u32,
    url: String,
}

impl Fleet {
    /// Starts a server for each kind that needs one and is not missing; nothing of it outlives the process that serves it.
    pub(crate) fn start(kinds: &[Kind], missing: Vec<Missing>) -> Outcome<Self> {
        Self::start_with(Durability::Fast, kinds, missing)
    }

    /// As [`start`](Self::start), and their settings keep so much.
    pub(crate) fn start_with(durability: Durability, kinds: &[Kind], missing: Vec<Missing>) -> Outcome<Self> {
        let wanted: Vec<&str> = kinds
            .iter()
            .filter(|&&kind| kind.brand().is_some() && !missing.iter().any(|gone| gone.kind == kind))
            .map(|kind| kind.name())
            .collect();
        let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let mut guard = detached(program)
            .args([guard::COMMAND, &wanted.join(",")])
            .args((durability == Durability::Durable).then_some(guard::DURABLE))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the servers' guard: {error}"))?;
        let tie = guard.stdin.take();
        let answers = guard.stdout.take().ok_or("the guard has no output")?;
        let mut fleet = Self { guard, tie, servers: Vec::new(), missing, folder: PathBuf::new() };
        for kind in Kind::ALL {
            let asked = kinds.contains(&kind);
            if !asked {
                fleet.missing.push(Missing { kind, cause: Cause::NotAsked });
            }
        }
        fleet.listen(BufReader::new(answers))?;
        Ok(fleet)
    }

    fn listen(&mut self, answers: impl BufRead) -> Outcome<()> {
        for line in answers.lines().map_while(Result::ok) {
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("url"), Some(name), Some(place)) => {
                    let (kind, place) = (Kind::parse(name)?, place.split_once(' '));
                    let place = place.and_then(|(pid, url)| Some((pid.parse().ok()?, url.to_owned())));
                    let (pid, url) = place.ok_or_else(|| format!("the servers' guard said: {line}"))?;
                    self.servers.push(Running { kind, pid, url });
                }
                (Some("missing"), Some(name), Some(reason)) => {
                    let kind = Kind::parse(name)?;
                    self.missing.push(Missing { kind, cause: Cause::CannotBeHad(reason.replace("\\n", "\n")) });
                }
                (Some("folder"), Some(path), None) => self.folder = PathBuf::from(path),
                (Some("ready"), ..) => return Ok(()),
                _ => return Err(format!("the servers' guard said: {line}")),
            }
        }
        Err("the servers' guard ended before they were ready".to_owned())
    }

    /// The temporary folder, removed with the servers.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// No server runs at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    pub(crate) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// The process and the administrator's URL of a kind's server.
    pub(crate) fn server(&self, kind: Kind) -> Option<(u32, &str)> {
        self.servers.iter().find(|server| server.kind == kind).map(|server| (server.pid, server.url.as_str()))
    }

    /// What a test process needs in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut variables: Vec<(String, String)> =
            self.servers.iter().filter_map(|one| Some((one.kind.url_variable()?, one.url.clone()))).collect();
        let skip: Vec<&str> = self.missing.iter().map(|missing| missing.kind.name()).collect();
        variables.push(("MISSION_TEST_SKIP".to_owned(), skip.join(",")));
        variables
    }

    pub(crate) fn export_lines(&self) -> String {
        self.environment().iter().fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "export {name}='{value}'");
            lines
        })
    }

    /// Ends the servers; answers what was missing.
    pub(crate) fn stop(mut self) -> Vec<Missing> {
        std::mem::take(&mut self.missing)
    }

    /// Keeps the servers until this process is ended; returns only if the guard was lost.
    pub(crate) fn wait(mut self) -> Outcome<ExitCode> {
        let status = self.guard.wait().map_err(|error| format!("the servers' guard was lost: {error}"))?;
        Err(format!("the servers' guard ended by itself: {status}"))
    }

    /// Names a process that must not outlive this one; where nobody can see to that, it is ended now.
    pub(crate) fn watch(&mut self, child: &mut Child) -> Outcome<()> {
        self.tell(&format!("watch {}", child.id())).inspect_err(|_| {
            let _ = child.kill();
            let _ = child.wait();
        })
    }

    pub(crate) fn unwatch(&mut self) -> Outcome<()> {
        self.tell("done")
    }

    fn tell(&mut self, line: &str) -> Outcome<()> {
        let tie = self.tie.as_mut().ok_or("the guard has no input")?;
        writeln!(tie, "{line}").map_err(|error| format!("the servers' guard is gone: {error}"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        drop(self.tie.take());
        let _ = self.guard.wait();
        // Only left if the guard was killed; its servers have died with it.
        if !self.folder.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

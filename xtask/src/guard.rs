//! The guard: a process of its own that owns the servers and the temporary folder. It ends both when the
//! process that started it ends, however that happened: its standard input is the only tie.

use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use mission_servers::Durability;
use mission_servers::launch::{Plan, Server};
use mission_servers::process::end_in_order;

use crate::Outcome;
use crate::kind::Kind;

/// The hidden command by which the program runs itself as guard.
pub(crate) const COMMAND: &str = "guard";

/// A port can be taken between choosing and using it, so a start is tried again.
const STARTS_MAX: u32 = 3;

/// So long has what was left running to end by itself: a measuring tells what it has, and removes what it made.
const LAST_WORDS: Duration = Duration::from_secs(8);
/// The word behind the kinds for servers whose commits are on the disk.
pub(crate) const DURABLE: &str = "durable";

/// Starts the kinds named, answers their URLs on stdout, and stops them at the end of stdin.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let kinds = Kind::parse_list(arguments.first().map_or("", String::as_str))?;
    let is_durable = arguments.get(1).is_some_and(|word| word == DURABLE);
    let durability = if is_durable { Durability::Durable } else { Durability::Fast };
    let folder = Folder::make()?;
    say(&format!("folder {}", folder.0.display()));
    let mut servers = start_all(&kinds, &folder.0, durability);
    say("ready");
    if let Some(pid) = follow_parent() {
        end_in_order(pid, LAST_WORDS);
    }
    stop_all(&mut servers);
    Ok(ExitCode::SUCCESS)
}

/// All are asked before one is waited for.
fn stop_all(servers: &mut [Server]) {
    let asked: Vec<_> = servers.iter_mut().map(Server::ask_to_stop).collect();
    let ended: Vec<_> = servers.iter_mut().map(Server::wait_stopped).collect();
    for message in asked.into_iter().chain(ended).filter_map(Result::err) {
        complain(&message);
    }
}

/// Starts what can be started, and says of each kind where it is or why it is not.
fn start_all(kinds: &[Kind], folder: &Path, durability: Durability) -> Vec<Server> {
    let mut servers = Vec::new();
    let mut waiting = kinds.to_vec();
    for round in 1..=STARTS_MAX {
        let starts: Vec<(Kind, Outcome<Server>)> = plans(&waiting, folder, round, durability)
            .into_iter()
            // Here, on the main thread, for all kinds before any is waited for (see `Server::start`).
            .map(|(kind, plan)| (kind, plan.and_then(Server::start)))
            .collect();
        waiting.clear();
        for (kind, start) in starts {
            match start.and_then(Server::ready) {
                Ok(server) => {
                    say(&format!("url {} {} {}", kind.name(), server.pid(), server.url()));
                    servers.push(server);
                }
                Err(_) if round < STARTS_MAX => waiting.push(kind),
                Err(reason) => say(&format!("missing {} {}", kind.name(), reason.replace('\n', "\\n"))),
            }
        }
    }
    servers
}

/// Makes the data folders side by side.
fn plans(kinds: &[Kind], folder: &Path, round: u32, durability: Durability) -> Vec<(Kind, Outcome<Plan>)> {
    thread::scope(|scope| {
        let makers: Vec<_> = kinds
            .iter()
            .map(|&kind| {
                let folder = folder.join(format!("{}-{round}", kind.name()));
                (kind, scope.spawn(move || plan(kind, &folder, durability)))
            })
            .collect();
        let join = |(kind, maker): (Kind, ScopedJoinHandle<'_, Outcome<Plan>>)| {
            (kind, maker.join().unwrap_or_else(|_| Err("making its data folder panicked".to_owned())))
        };
        makers.into_iter().map(join).collect()
    })
}

fn plan(kind: Kind, folder: &Path, durability: Durability) -> Outcome<Plan> {
    fs::create_dir(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let brand = kind.brand().ok_or_else(|| format!("{} needs no server of the fleet", kind.name()))?;
    brand.plan(folder, durability)
}

/// Reads until the parent is gone; answers the process tree that it left running, if any.
fn follow_parent() -> Option<u32> {
    let mut watched = None;
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match line.split_once(' ') {
            Some(("watch", pid)) => watched = pid.parse().ok(),
            _ => watched = None,
        }
    }
    watched
}

/// A temporary folder; removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn make() -> Outcome<Self> {
        let output = Command::new("mktemp")
            .args(["--directory", "--tmpdir", "mission-test-XXXXXXXX"])
            .output()
            .map_err(|error| format!("cannot run mktemp: {error}"))?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !output.status.success() || !path.is_dir() {
            return Err("mktemp made no folder".to_owned());
        }
        let folder = Self(path);
        // Servers that run as another user must reach their own folders below.
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("cannot open {} to other users: {error}", folder.0.display()))?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            complain(&format!("cannot remove {}: {error}", self.0.display()));
        }
    }
}

/// The parent may be gone: then nobody needs to hear it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "servers: {line}");
}

//! The guard: a process of its own that owns the servers and the temporary folder. It ends both when the
//! process that started it ends, however that happened: its standard input is the only tie.

use std::fs;
use std::io::{BufRead, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::Outcome;
use crate::servers::launch::{Plan, Server, signal};
use crate::servers::{Kind, mariadb, mysql, postgres};

/// The hidden command by which the program runs itself as guard.
pub(crate) const COMMAND: &str = "guard";

/// A port can be taken between choosing and using it, so a start is tried again.
const STARTS_MAX: u32 = 3;

/// Starts the kinds named, answers their URLs on stdout, and stops them at the end of stdin.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let kinds = Kind::parse_list(arguments.first().map_or("", String::as_str))?;
    let folder = Folder::make()?;
    let mut servers = Vec::new();
    match start_all(&kinds, &folder.0, &mut servers) {
        Ok(()) => say("ready"),
        Err(message) => say(&format!("failed {}", message.replace('\n', "\\n"))),
    }
    let watched = follow_parent();
    if let Some(pid) = watched {
        end_tree(pid);
    }
    stop_all(&mut servers);
    Ok(())
}

/// All are asked before one is waited for.
fn stop_all(servers: &mut [Server]) {
    let asked: Vec<_> = servers.iter_mut().map(Server::ask_to_stop).collect();
    let ended: Vec<_> = servers.iter_mut().map(Server::wait_stopped).collect();
    for message in asked.into_iter().chain(ended).filter_map(Result::err) {
        complain(&message);
    }
}

fn start_all(kinds: &[Kind], folder: &Path, servers: &mut Vec<Server>) -> Outcome<()> {
    let mut waiting = kinds.to_vec();
    let mut last_error = String::new();
    for round in 0..STARTS_MAX {
        let mut again = Vec::new();
        // Data folders are made side by side; servers start here, on the main thread (see `Server::start`).
        let plans: Vec<(Kind, Outcome<Plan>)> = thread::scope(|scope| {
            let makers: Vec<_> = waiting
                .iter()
                .map(|&kind| {
                    let folder = folder.join(format!("{}-{round}", kind.name()));
                    (kind, scope.spawn(move || plan(kind, &folder)))
                })
                .collect();
            makers
                .into_iter()
                .map(|(kind, maker)| (kind, maker.join().unwrap_or_else(|_| Err("preparing panicked".to_owned()))))
                .collect()
        });
        let mut started = Vec::new();
        for (kind, plan) in plans {
            started.push((kind, Server::start(plan?)?));
        }
        for (kind, mut server) in started {
            match server.wait_ready() {
                Ok(()) => {
                    say(&format!("url {} {}", kind.name(), server.url()));
                    servers.push(server);
                }
                Err(error) => {
                    let _ = server.ask_to_stop().and_then(|()| server.wait_stopped());
                    last_error = error;
                    again.push(kind);
                }
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        waiting = again;
    }
    Err(last_error)
}

fn plan(kind: Kind, folder: &Path) -> Outcome<Plan> {
    fs::create_dir(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    match kind {
        Kind::Mariadb => mariadb::plan(folder),
        Kind::Mysql => mysql::plan(folder),
        Kind::Postgres => postgres::plan(folder),
        Kind::Sqlite => Err("SQLite needs no server".to_owned()),
    }
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

/// Ends a process and all its descendants, parents first so that none starts another.
fn end_tree(root: u32) {
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&pid) = tree.get(next) {
        next += 1;
        let Ok(output) = Command::new("ps").args(["-o", "pid=", "--ppid", &pid.to_string()]).output() else { break };
        tree.extend(
            String::from_utf8_lossy(&output.stdout).split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    for pid in tree {
        signal(pid, "KILL");
    }
}

/// The one temporary folder; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Outcome<Self> {
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

//! A private PostgreSQL from the system's own packages, tuned for tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::launch::{Plan, User, free_port, give, prepare};
use crate::{Durability, Outcome};

/// Makes the data folder and says how to start the server on it.
///
/// # Errors
/// The programs are not on this machine, or fail.
pub fn plan(folder: &Path, durability: Durability) -> Outcome<Plan> {
    let user = own(folder)?;
    lay_out(folder, user)?;
    let port = free_port()?;
    server(folder, user, port, &settings(durability))
}

/// Makes the data folder.
pub(crate) fn lay_out(folder: &Path, user: Option<User>) -> Outcome<()> {
    let data = folder.join("data").display().to_string();
    let mut install = vec![program("initdb")?];
    install.extend(
        ["--no-sync", "--no-instructions", "--auth=trust", "--username=mission", "--encoding=UTF8", "--locale=C", "-D"]
            .map(str::to_owned),
    );
    install.push(data);
    prepare(&install, user, folder)
}

/// Gives the folder to the user that the server runs as.
pub(crate) fn own(folder: &Path) -> Outcome<Option<User>> {
    let user = User::unprivileged()?;
    give(folder, user).map(|()| user)
}

/// How to start a server on the data in this folder.
pub(crate) fn server(folder: &Path, user: Option<User>, port: u16, settings: &[String]) -> Outcome<Plan> {
    let mut argv = vec![program("postgres")?, "-D".to_owned(), folder.join("data").display().to_string()];
    for setting in [format!("port={port}")].iter().chain(settings) {
        argv.extend(["-c".to_owned(), setting.clone()]);
    }
    let is_ready = program("pg_isready")?;
    Ok(Plan {
        name: "postgres",
        folder: folder.to_owned(),
        argv,
        user,
        url: format!("postgres://mission@127.0.0.1:{port}/postgres"),
        // An immediate shutdown: the data is thrown away, the shared memory is not left behind.
        stop_signal: "QUIT",
        ready: Box::new(move || {
            let port = port.to_string();
            let mut command = Command::new(&is_ready);
            command.args(["--quiet", "--host=127.0.0.1", "--port", &port, "--timeout=1"]).stdin(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        }),
    })
}

pub(crate) fn settings(durability: Durability) -> Vec<String> {
    let mut settings =
        ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=500", "shared_buffers=128MB"]
            .map(str::to_owned)
            .to_vec();
    if durability == Durability::Fast {
        settings.extend(
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0"]
                .map(str::to_owned),
        );
    }
    settings
}

/// One of the newest release's programs.
pub(crate) fn program(name: &str) -> Outcome<String> {
    let bin = programs().ok_or("no PostgreSQL server found: install postgresql")?;
    Ok(bin.join(name).display().to_string())
}

/// The newest installed release's folder; wrappers in the path are passed over.
pub fn programs() -> Option<PathBuf> {
    let releases = fs::read_dir("/usr/lib/postgresql").ok()?;
    let release = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    releases
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(release)
        .map(|path| path.join("bin"))
}

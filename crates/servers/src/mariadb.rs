//! A private MariaDB from the system's own packages, tuned for tests.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::launch::{Plan, User, free_port, is_root, prepare};
use crate::programs::find_program;
use crate::{Durability, Outcome};

/// Runs before the server accepts connections: one user for tests, no password.
pub(crate) const FIRST_STATEMENTS: &str = "\
create user if not exists 'mission'@'%' identified by '';\n\
grant all privileges on *.* to 'mission'@'%' with grant option;\n";

/// Makes the data folder and says how to start the server on it.
///
/// # Errors
/// The programs are not on this machine, or fail.
pub fn plan(folder: &Path, durability: Durability) -> Outcome<Plan> {
    let server = lay_out(folder, None)?;
    let port = free_port()?;
    let mut argv = vec![server, "--no-defaults".to_owned(), "--innodb-log-file-size=32M".to_owned()];
    argv.extend(shared_options(folder, port, durability));
    if durability == Durability::Fast {
        argv.extend(["--debug-no-sync", "--innodb-doublewrite=OFF", "--innodb-fast-shutdown=2"].map(str::to_owned));
    }
    Ok(Plan {
        name: "mariadb",
        folder: folder.to_owned(),
        argv,
        user: None,
        url: format!("mysql://mission@127.0.0.1:{port}/"),
        stop_signal: "TERM",
        ready: Box::new(move || greets(port)),
    })
}

/// Makes the data folder; answers the server's program.
pub(crate) fn lay_out(folder: &Path, user: Option<User>) -> Outcome<String> {
    let server = find_program("mariadbd").ok_or("mariadbd not found: install mariadb-server-core")?;
    let install =
        find_program("mariadb-install-db").ok_or("mariadb-install-db not found: install mariadb-server-core")?;
    let data = folder.join("data");
    let init = folder.join("init.sql");
    fs::write(&init, FIRST_STATEMENTS).map_err(|error| format!("cannot write {}: {error}", init.display()))?;
    let mut install = vec![
        install.display().to_string(),
        "--no-defaults".to_owned(),
        "--auth-root-authentication-method=normal".to_owned(),
        "--skip-test-db".to_owned(),
        "--skip-name-resolve".to_owned(),
        "--innodb-log-file-size=32M".to_owned(),
        format!("--datadir={}", data.display()),
    ];
    if user.is_none() && is_root() {
        install.push("--user=root".to_owned());
    }
    prepare(&install, user, folder)?;
    Ok(server.display().to_string())
}

/// What MariaDB and MySQL have in common on a test machine: loopback only, small.
pub(crate) fn shared_options(folder: &Path, port: u16, durability: Durability) -> Vec<String> {
    let flush = match durability {
        Durability::Fast => 0,
        Durability::Durable => 1,
    };
    let folder = folder.display();
    let mut options = vec![
        format!("--datadir={folder}/data"),
        // Below the data folder: a whole path may be longer than a socket's name can be.
        "--socket=socket".to_owned(),
        format!("--pid-file={folder}/pid"),
        format!("--tmpdir={folder}"),
        format!("--init-file={folder}/init.sql"),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--skip-name-resolve".to_owned(),
        "--skip-log-bin".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        "--max-connections=500".to_owned(),
        "--max-allowed-packet=64M".to_owned(),
        "--performance-schema=OFF".to_owned(),
        "--innodb-buffer-pool-size=128M".to_owned(),
        format!("--innodb-flush-log-at-trx-commit={flush}"),
    ];
    if is_root() {
        options.push("--user=root".to_owned());
    }
    options
}

/// The protocol's greeting is a packet whose fifth byte is 10 (or 255: too early, an error).
pub(crate) fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let mut start = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && start[4] == 10
}

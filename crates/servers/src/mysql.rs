//! A private MySQL 9, run from its unpacked copy through that copy's own loader and libraries.

use std::fs;
use std::path::Path;

use crate::launch::{Plan, free_port, is_root, prepare};
use crate::mariadb::{FIRST_STATEMENTS, greets, shared_options};
use crate::mysql_unpack::Unpacked;
use crate::{Durability, Outcome};

/// Makes the data folder and says how to start the server on it.
///
/// # Errors
/// The copy is not in the cache, or fails.
pub fn plan(folder: &Path, durability: Durability) -> Outcome<Plan> {
    let unpacked = Unpacked::in_cache()?.ok_or("no unpacked copy in the cache")?;
    let init = folder.join("init.sql");
    fs::write(&init, FIRST_STATEMENTS).map_err(|error| format!("cannot write {}: {error}", init.display()))?;
    let mut install = command(&unpacked);
    install.push("--innodb-flush-method=nosync".to_owned());
    install.push("--initialize-insecure".to_owned());
    install.push(format!("--datadir={}/data", folder.display()));
    if is_root() {
        install.push("--user=root".to_owned());
    }
    prepare(&install, None, folder)?;

    let port = free_port()?;
    let mut argv = command(&unpacked);
    argv.extend(shared_options(folder, port, durability));
    argv.extend(["--mysqlx=OFF", "--secure-file-priv=NULL"].map(str::to_owned));
    if durability == Durability::Fast {
        argv.extend(
            ["--innodb-flush-method=nosync", "--innodb-doublewrite=OFF", "--innodb-fast-shutdown=2"].map(str::to_owned),
        );
    }
    Ok(Plan {
        name: "mysql",
        folder: folder.to_owned(),
        argv,
        user: None,
        url: format!("mysql://mission@127.0.0.1:{port}/"),
        stop_signal: "TERM",
        ready: Box::new(move || greets(port)),
    })
}

fn command(unpacked: &Unpacked) -> Vec<String> {
    let mut argv = unpacked.run("usr/sbin/mysqld");
    argv.push("--no-defaults".to_owned());
    argv.push(format!("--basedir={}/usr", unpacked.root.display()));
    argv
}

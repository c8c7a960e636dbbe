//! What the tests need from the system: found, or installed by apt-get, or named exactly.

use std::path::Path;
use std::process::{Command, Stdio};

use mission_servers::launch::is_root;
use mission_servers::missing_for_galera;
use mission_servers::mysql_unpack::Unpacked;
use mission_servers::postgres;
use mission_servers::programs::find_program;

use crate::Outcome;
use crate::kind::{Cause, Kind, Missing};

/// Python's database modules are for the tests that speak to the tables from outside.
const PYTHON: [&str; 3] = ["python3", "python3-pymysql", "python3-psycopg2"];

/// Brings what the kinds need and answers those that cannot be had.
pub(crate) fn ensure(kinds: &[Kind]) -> Vec<Missing> {
    let mut wanted: Vec<&str> = Vec::new();
    for package in kinds.iter().filter(|&&kind| !is_there(kind)).flat_map(|&kind| packages(kind)) {
        if !wanted.contains(package) {
            wanted.push(package);
        }
    }
    let mut complaint = None;
    if !wanted.is_empty() {
        complaint = install(&wanted).err();
    }
    let mut missing = Vec::new();
    for &kind in kinds {
        let reason = match kind {
            Kind::Mysql => Unpacked::ensure().err(),
            _ if is_there(kind) => None,
            _ => Some(format!(
                "{}; install by hand: {}",
                complaint.as_deref().unwrap_or("still not found after installing"),
                packages(kind).join(" ")
            )),
        };
        if let Some(reason) = reason {
            missing.push(Missing { kind, cause: Cause::CannotBeHad(reason) });
        }
    }
    missing
}

/// The smallest packages that hold server and client, without services.
fn packages(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Sqlite => &["sqlite3", PYTHON[0]],
        Kind::Mariadb => &["mariadb-server-core", "mariadb-client-core", PYTHON[0], PYTHON[1]],
        Kind::Mysql => &[],
        Kind::Postgres => &["postgresql", PYTHON[0], PYTHON[2]],
        // The scripts of a state transfer come with the whole server.
        Kind::Galera => &["mariadb-server", "mariadb-client-core", "galera-4", "rsync"],
    }
}

fn is_there(kind: Kind) -> bool {
    let has_module = |name: &str| {
        let roots = ["/usr/lib/python3/dist-packages"];
        roots.iter().any(|root| Path::new(root).join(name).exists())
    };
    match kind {
        Kind::Sqlite => find_program("sqlite3").is_some() && find_program("python3").is_some(),
        Kind::Mariadb => {
            find_program("mariadbd").is_some()
                && find_program("mariadb-install-db").is_some()
                && find_program("mariadb").is_some()
                && has_module("pymysql")
        }
        Kind::Mysql => true,
        Kind::Galera => is_there(Kind::Mariadb) && missing_for_galera().is_none(),
        Kind::Postgres => postgres::programs().is_some() && find_program("psql").is_some() && has_module("psycopg2"),
    }
}

fn install(packages: &[&str]) -> Outcome<()> {
    if find_program("apt-get").is_none() {
        return Err("apt-get is not on this machine".to_owned());
    }
    eprintln!("installing {} ...", packages.join(" "));
    let script = install_script(packages);
    let mut command = if is_root() {
        Command::new("sh")
    } else {
        let mut command = Command::new("sudo");
        command.arg("sh");
        command
    };
    // A question cannot be answered here, except sudo's own, which goes to the terminal.
    let output = command
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run apt-get as root: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("apt-get failed: {}", said.lines().last().unwrap_or("no reason given")))
}

/// No service may start and no cluster may be made: both are asked for in the system's own way, and taken back.
fn install_script(packages: &[&str]) -> String {
    let list = packages.join(" ");
    // Releases that number their small packages have the large ones without a number.
    let large = list.replace("-core", "");
    format!(
        "set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f '$policy EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
clusters=/etc/postgresql-common/createcluster.conf
if [ ! -e $clusters ]; then
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' > $clusters
fi
apt='apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -q'
$apt update >&2
$apt install --yes --no-install-recommends {list} >&2 || $apt install --yes --no-install-recommends {large} >&2
"
    )
}

//! However the command ends, no server and no folder stays behind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const END_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_killed_command_leaves_nothing_behind() {
    ends_with_its_command("KILL", |command| command.id());
}

#[test]
fn a_terminated_command_leaves_nothing_behind() {
    ends_with_its_command("TERM", |command| command.id());
}

#[test]
fn a_killed_guard_leaves_nothing_behind() {
    ends_with_its_command("KILL", |command| child_of(command.id()));
}

/// Keeps a MariaDB, signals the process that `whom` chooses, and waits until server and folder are gone.
fn ends_with_its_command(signal: &str, whom: impl FnOnce(&Child) -> u32) {
    if std::env::var("MISSION_TEST_SKIP").is_ok_and(|skipped| skipped.split(',').any(|name| name == "mariadb")) {
        println!("NOT TESTED: mariadb");
        return;
    }
    // Without the test command the packages may be missing, and a test must not install any.
    assert!(std::env::var_os("MISSION_TEST_MARIADB_URL").is_some(), "no MariaDB: run `cargo xtask test`");
    let folder = Folder::make(&format!("{signal}-{}", std::thread::current().name().unwrap_or_default()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["servers", "--only", "mariadb"])
        .env("TMPDIR", &folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    show_if_the_test_fails(&mut command);
    let address = first_address(&mut command);
    assert!(TcpStream::connect(&address).is_ok(), "{address} does not answer");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);

    let victim = whom(&command).to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {victim}")]).status().unwrap().success());
    command.wait().unwrap();
    let deadline = Instant::now() + END_MAX;
    while TcpStream::connect(&address).is_ok() || fs::read_dir(&folder.0).unwrap().count() > 0 {
        assert!(Instant::now() < deadline, "{address} or its folder is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What it says when it is killed looks like a crash. What a thread of a test writes is shown with the test's own words.
fn show_if_the_test_fails(command: &mut Child) {
    let said = BufReader::new(command.stderr.take().unwrap()).lines();
    std::thread::spawn(move || said.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
}

fn first_address(command: &mut Child) -> String {
    let lines = BufReader::new(command.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.contains("MARIADB_URL")).expect("the server starts");
    let (_, rest) = line.split_once('@').unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

fn child_of(parent: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    children.trim().parse().unwrap()
}

struct Folder(PathBuf);

impl Folder {
    fn make(name: &str) -> Self {
        let path: &Path = &std::env::temp_dir();
        let path = path.join(format!("mission-killed-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

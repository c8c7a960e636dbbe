//! The same with processes of their own: killed in the middle of a write, or stopped and woken too late.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use mission_core::CommittedFile;
use mission_files::Quota;

use crate::kit::{Bench, TASK, attempt, open, write};

const LINES: u64 = 200_000;

/// The child of the tests below: writes lines from `from`, commits each thousand, and says so; at the end of its input
/// it writes once more, as a zombie does that was stopped and is woken.
#[test]
#[ignore = "runs within the tests of this file"]
fn child() {
    let Ok(path) = std::env::var("MISSION_TEST_FOLDER") else { return };
    let folder = open(Path::new(&path), Quota::default());
    let mut file = attempt(&folder, TASK, 1).create("a.csv").unwrap();
    let (mut input, mut word) = (std::io::stdin().lines(), String::new());
    for n in 0..LINES {
        writeln!(file, "{n}").unwrap();
        if n % 1000 == 999 {
            let committed = file.commit().unwrap();
            println!("{} {} {} {}", n + 1, committed.bytes, committed.staging, committed.hash);
        }
        if n == LINES / 2 && std::env::var("MISSION_TEST_STOPS").is_ok() {
            println!("stops");
            word = input.next().unwrap().unwrap();
        }
    }
    if word == "wake" {
        let _ = file.finish(None);
    }
    println!("ends");
}

struct Writer {
    process: Child,
    input: ChildStdin,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Writer {
    fn start(folder: &Path, stops: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::child", "--ignored", "--nocapture"]).env("MISSION_TEST_FOLDER", folder);
        command.envs(stops.map(|stops| ("MISSION_TEST_STOPS", stops)));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        Self { input: process.stdin.take().unwrap(), process, lines: Box::new(lines) }
    }

    /// The line it has reached and the last committed file, once it has said this word or so many commits.
    fn commits_until(&mut self, word: &str, commits: usize) -> (u64, CommittedFile) {
        let mut last = None;
        for line in self.lines.by_ref() {
            let parts: Vec<&str> = line.split(' ').collect();
            if let Ok(next) = parts[0].parse::<u64>()
                && parts.len() == 4
            {
                last = Some((next, committed(parts[1].parse().unwrap(), parts[2], parts[3])));
            }
            if line == word {
                break;
            }
            if last.as_ref().is_some_and(|(next, _)| *next >= commits as u64 * 1000) {
                break;
            }
        }
        last.unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn committed(bytes: u64, staging: &str, hash: &str) -> CommittedFile {
    CommittedFile {
        name: "a.csv".into(),
        media_type: "text/csv".into(),
        bytes,
        rows: None,
        staging: staging.into(),
        hash: hash.into(),
        is_finished: false,
        keep_ms: None,
        segments: Vec::new(),
    }
}

/// What an undisturbed run gives.
fn whole() -> (Vec<u8>, String) {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    (0..LINES).for_each(|n| write(&mut file, &format!("{n}\n")));
    let finished = file.finish(None).unwrap();
    (bench.read(&finished.location), finished.sha256)
}

#[test]
fn a_file_of_a_killed_process_is_resumed_to_the_byte() {
    let (bytes, sha256) = whole();
    for commits in [1, 7, 60] {
        let bench = Bench::new();
        let mut writer = Writer::start(bench.folder.path(), None);
        let (next, committed) = writer.commits_until("ends", commits);
        drop(writer);
        let mut file = bench.attempt(2).resume(&committed).unwrap();
        (next..LINES).for_each(|n| write(&mut file, &format!("{n}\n")));
        let finished = file.finish(None).unwrap();
        assert_eq!(finished.sha256, sha256);
        assert!(bench.read(&finished.location) == bytes);
    }
}

#[test]
fn a_process_that_is_woken_too_late_changes_nothing() {
    let (bytes, sha256) = whole();
    let bench = Bench::new();
    let mut writer = Writer::start(bench.folder.path(), Some("stops"));
    let (next, committed) = writer.commits_until("stops", usize::MAX / 2000);
    let mut file = bench.attempt(2).resume(&committed).unwrap();
    (next..LINES).for_each(|n| write(&mut file, &format!("{n}\n")));
    let finished = file.finish(None).unwrap();
    assert!(bench.read(&finished.location) == bytes);
    file.unstage().unwrap();
    // It writes the rest under its old handle, and even gives its file a name: another one, which no row speaks of.
    writer.input.write_all(b"wake\n").unwrap();
    assert!(writer.lines.by_ref().any(|line| line == "ends"));
    drop(writer);
    assert_eq!(finished.sha256, sha256);
    assert!(bench.read(&finished.location) == bytes);
    assert_eq!(bench.published().len(), 2);
    let staged = bench.folder.staged().unwrap();
    bench.folder.sweep(&staged, |_| false, |location| location == finished.location).unwrap();
    assert_eq!(bench.published(), [finished.location]);
}

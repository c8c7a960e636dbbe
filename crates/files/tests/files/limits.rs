//! Quotas, room, and a disk that takes no more: an error that says what to do, and nothing committed is lost.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use mission_files::Quota;
use rustix::process::{Resource, Rlimit};

use crate::kit::{Bench, attempt, open, write};

#[test]
fn a_quota_refuses_what_would_break_it_and_keeps_the_rest() {
    let bench = Bench::with_quota(Quota { task_bytes_max: Some(1_000_000), total_bytes_max: None });
    let files = bench.attempt(1);
    let mut file = files.create("a.bin").unwrap();
    file.write_all(&[1; 600_000]).unwrap();
    let committed = file.commit().unwrap();
    let mut second = files.create("b.bin").unwrap();
    let said = second.write_all(&[1; 600_000]).unwrap_err().to_string();
    assert!(said.contains("1200000 bytes") && said.contains("1000000") && said.contains("raise the quota"), "{said}");
    second.discard().unwrap();
    assert_eq!(file.finish(None).unwrap().bytes, committed.bytes);
}

#[test]
fn a_small_write_over_the_quota_fails_at_the_commit() {
    let bench = Bench::with_quota(Quota { task_bytes_max: None, total_bytes_max: Some(10) });
    bench.folder.set_published_bytes(8);
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "123");
    let said = file.commit().unwrap_err();
    assert!(said.is_storage() && said.to_string().contains("11 bytes"), "{said}");
    bench.folder.set_published_bytes(0);
    assert_eq!(file.commit().unwrap().bytes, 3, "once there is room it goes on");
}

#[test]
fn room_is_asked_before() {
    let bench = Bench::new();
    bench.folder.check_room(1).unwrap();
    let said = bench.folder.check_room(u64::MAX).unwrap_err().to_string();
    assert!(said.contains("has room for") && said.contains(bench.folder.path().to_str().unwrap()), "{said}");
}

/// The child of the two tests below: it writes into the folder it is given until it is refused.
#[test]
#[ignore = "runs within the tests of this file"]
fn child() {
    let Ok(path) = std::env::var("MISSION_TEST_FOLDER") else { return };
    let folder = open(Path::new(&path), Quota::default());
    let mut file = attempt(&folder, 1, 1).create("a.bin").unwrap();
    file.write_all(&[1; 300_000]).unwrap();
    let committed = file.commit().unwrap();
    let mut refused = None;
    for _ in 0..64 {
        if let Err(error) =
            file.write_all(&[2; 100_000]).and_then(|()| file.commit().map(drop).map_err(std::io::Error::other))
        {
            refused = Some(error.to_string());
            break;
        }
    }
    let refused = refused.expect("64 blocks fit");
    // The cause may go away: what the failed write left at the end of the file is uncertain all the same.
    let most = rustix::process::getrlimit(Resource::Fsize).maximum;
    rustix::process::setrlimit(Resource::Fsize, Rlimit { current: most, maximum: most }).unwrap();
    assert_eq!(file.write_all(&[2; 300_000]).unwrap_err().to_string(), refused, "it does not go on as if nothing were");
    assert_eq!(file.commit().unwrap_err().to_string(), refused);
    assert!(file.finish(None).is_err());
    drop(file);
    let mut file = attempt(&folder, 1, 2).resume(&committed).unwrap();
    let finished = file.finish(None).unwrap();
    let bytes = std::fs::read(Path::new(&path).join(&finished.location)).unwrap();
    assert!(bytes == vec![1; 300_000], "what was committed is there");
    println!("said: {refused}");
}

fn run_child(script: &str, folder: &Path) -> String {
    let test = std::env::current_exe().unwrap();
    let out = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(test)
        .args(["--exact", "limits::child", "--ignored", "--nocapture"])
        .env("MISSION_TEST_FOLDER", folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{text}");
    text
}

#[test]
fn a_limit_on_the_size_of_files_is_said_and_what_was_committed_stays() {
    let temp = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes; the signal would end the process before the error is seen.
    let text = run_child("trap '' XFSZ; ulimit -S -f 1500; exec \"$@\"", temp.path());
    assert!(text.contains("said: cannot write") && text.contains("ulimit -f"), "{text}");
}

#[test]
#[ignore = "needs the right to make user namespaces"]
fn a_full_disk_is_said_and_what_was_committed_stays() {
    let temp = tempfile::tempdir().unwrap();
    let script =
        "exec unshare -rm sh -c 'mount -t tmpfs -o size=1m tmpfs \"$MISSION_TEST_FOLDER\" && exec \"$@\"' sh \"$@\"";
    let text = run_child(script, temp.path());
    assert!(text.contains("said: cannot write") && text.contains("free room"), "{text}");
}

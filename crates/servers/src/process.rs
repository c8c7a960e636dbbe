//! Ending processes by their ids: one, or one with all that it started.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);

/// Sends a signal by name; a process that is already gone is no matter.
pub fn signal(pid: u32, name: &str) {
    let script = format!("kill -{name} {pid} 2>/dev/null");
    let _ = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).status();
}

/// Kills a process and all its descendants.
pub fn end_tree(root: u32) {
    for pid in tree(root) {
        signal(pid, "KILL");
    }
}

/// Asks a process to end, gives it so long for its last words, and kills what is left of it and of what it had started.
pub fn end_in_order(root: u32, patience: Duration) {
    let family = tree(root);
    signal(root, "TERM");
    let deadline = Instant::now() + patience;
    while is_running(root) && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
    end_tree(root);
    family.into_iter().filter(|pid| is_running(*pid)).for_each(|pid| signal(pid, "KILL"));
}

/// A process and all its descendants, parents first so that none of those that are killed starts another.
pub fn tree(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        next += 1;
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
    }
    tree
}

/// Whether a process runs; one that nobody has collected yet does not.
pub fn is_running(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)] // A test may.

    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::{end_in_order, end_tree, is_running, parents};

    #[test]
    fn a_tree_ends_with_its_leaves() {
        let script = "sleep 300 & echo $!; wait";
        let mut root = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut leaf = String::new();
        BufReader::new(root.stdout.take().unwrap()).read_line(&mut leaf).unwrap();
        let leaf: u32 = leaf.trim().parse().unwrap();
        let is_child = |pid: u32| parents().contains(&(pid, root.id()));
        assert!(is_child(leaf));
        end_tree(root.id());
        assert!(!root.wait().unwrap().success());
        goes(leaf);
    }

    fn goes(pid: u32) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_running(pid) {
            assert!(Instant::now() < deadline, "{pid} is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn who_is_asked_to_end_has_his_last_words_and_leaves_nobody() {
        let script = "sleep 300 & leaf=$!; trap 'echo last; exit 7' TERM; echo $leaf; wait";
        let mut root = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(root.stdout.take().unwrap()).lines();
        let leaf: u32 = said.next().unwrap().unwrap().parse().unwrap();
        end_in_order(root.id(), Duration::from_secs(20));
        assert_eq!((said.next().unwrap().unwrap().as_str(), root.wait().unwrap().code()), ("last", Some(7)));
        goes(leaf);
    }
}

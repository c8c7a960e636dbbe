//! What a process costs, read from `/proc`; nothing where there is none.

use std::fs;
use std::path::PathBuf;

/// Processor time that processes have used, in seconds, by the scheduler's own count of nanoseconds: the usual count of ticks is
/// too coarse for one that rests.
pub(crate) fn processor_seconds(pids: &[u32]) -> Option<f64> {
    pids.iter().map(|pid| nanoseconds(*pid)).sum::<Option<u64>>().map(|ns| ns as f64 / 1e9)
}

/// Over its threads; one that ended meanwhile is left out.
fn nanoseconds(pid: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let used = |path: PathBuf| fs::read_to_string(path).ok()?.split_whitespace().next()?.parse::<u64>().ok();
    Some(threads.filter_map(|thread| used(thread.ok()?.path().join("schedstat"))).sum())
}

/// A process and all that descend from it.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    let mut place = 0;
    while let Some(parent) = family.get(place) {
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        place += 1;
    }
    family
}

/// Memory that a process holds, in MiB.
pub(crate) fn memory_mib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

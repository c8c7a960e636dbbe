//! What a process costs, read from `/proc`; nothing where there is none.

use std::fs;

/// Processor time that processes have used, in seconds, those of their threads included.
pub(crate) fn processor_seconds(pids: &[u32]) -> Option<f64> {
    // Clock ticks are hundredths of a second on every Linux that has a user.
    pids.iter().map(|pid| ticks(*pid)).sum::<Option<u64>>().map(|ticks| ticks as f64 / 100.0)
}

fn ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything: what counts stands behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
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

//! Who this process is: so that another worker on the same machine can tell, without waiting, that it is gone.

use std::time::Duration;

use mission_store::{NewWorker, Worker};

use crate::Registry;
use crate::settings::WorkerSettings;

/// This process, as it puts itself on the list of workers.
pub(crate) fn entry(settings: &WorkerSettings, registry: &Registry, lease: Duration) -> NewWorker {
    let (host, pid) = (host(), std::process::id());
    NewWorker {
        name: settings.name.clone().unwrap_or_else(|| format!("{host}:{pid}")),
        process: place().unwrap_or_default(),
        pid: i64::from(pid),
        pid_started: started(pid).unwrap_or(0),
        concurrency: i64::try_from(settings.concurrency).unwrap_or(i64::MAX),
        types: settings.types.clone(),
        methods: registry.names().map(str::to_owned).collect(),
        lease,
        hint_address: None,
        host,
    }
}

/// Machine, boot and pid namespace, within which a pid means one process; none where that cannot be told.
#[cfg(target_os = "linux")]
pub(crate) fn place() -> Option<String> {
    // Another pid namespace's /proc would tell about other processes.
    let own = std::fs::read_link("/proc/self").ok()?;
    if own.to_str()? != std::process::id().to_string() {
        return None;
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let machine = std::fs::read_to_string("/etc/machine-id").ok().filter(|id| !id.trim().is_empty());
    let machine = machine.unwrap_or_else(host);
    Some(format!("{} {} {}", machine.trim(), boot.trim(), namespace.display()))
}

/// Elsewhere only the lease tells.
#[cfg(not(target_os = "linux"))]
pub(crate) fn place() -> Option<String> {
    None
}

/// Whether the process of a worker in this place is gone for certain.
#[cfg(target_os = "linux")]
pub(crate) fn is_gone(pid: i64, pid_started: i64) -> bool {
    // The list may hold anything; a number that none can have tells nothing.
    let number = i32::try_from(pid).ok().filter(|pid| *pid > 0);
    let Some(number) = number.and_then(rustix::process::Pid::from_raw) else { return false };
    // What /proc hides from other users still answers here.
    if rustix::process::test_kill_process(number) == Err(rustix::io::Errno::SRCH) {
        return true;
    }
    match stat(&pid.to_string()) {
        Some(stat) => stat.is_dead || pid_started != 0 && stat.started != pid_started,
        None => false,
    }
}

/// Elsewhere only the lease tells.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_gone(_pid: i64, _pid_started: i64) -> bool {
    false
}

/// Whether a worker on the list is known to be gone, whatever its lease says: it ran on this machine, and its process ended.
pub fn is_known_gone(worker: &Worker) -> bool {
    place().is_some_and(|place| place == worker.process) && is_gone(worker.pid, worker.pid_started)
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(target_os = "linux")]
fn started(_pid: u32) -> Option<i64> {
    stat("self").map(|stat| stat.started)
}

#[cfg(not(target_os = "linux"))]
fn started(_pid: u32) -> Option<i64> {
    None
}

#[cfg(target_os = "linux")]
struct Stat {
    /// A zombie, which nobody has waited for yet, runs no tasks.
    is_dead: bool,
    /// In ticks since the boot.
    started: i64,
}

#[cfg(target_os = "linux")]
fn stat(pid: &str) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses too; what follows the last one is fields 3 to 52.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat { is_dead: matches!(*fields.first()?, "Z" | "X" | "x"), started: fields.get(19)?.parse().ok()? })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_living_process_is_told_from_a_dead_one() {
        let own = i64::from(std::process::id());
        let own_start = started(std::process::id()).unwrap();
        assert!(place().is_some_and(|place| place.split(' ').count() == 3), "{:?}", place());
        assert!(!is_gone(own, own_start) && !is_gone(own, 0));
        assert!(is_gone(own, own_start - 1), "the number was given to another process since");
        assert!(!is_gone(0, 0) && !is_gone(-1, 0));
    }

    #[test]
    fn a_process_that_nobody_has_waited_for_is_gone_too() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = i64::from(child.id());
        assert!(!is_gone(pid, 0));
        child.kill().unwrap();
        while !is_gone(pid, 0) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_gone(pid, 0));
    }
}

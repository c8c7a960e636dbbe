//! Processes by their ids: signals, and a tie that ends a child with its parent.

use std::process::Child;
use std::time::{Duration, Instant};

use mission_verifier::Outcome;
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

const POLL: Duration = Duration::from_millis(5);
const STOP_MAX: Duration = Duration::from_secs(5);

/// Sends a signal to a child that has not been collected yet, so that its id is its own.
pub(crate) fn signal(child: &Child, signal: Signal) -> Outcome<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("no such process id")?;
    kill_process(pid, signal).map_err(Into::into)
}

/// Called by a child at its beginning: it dies with its parent, even where it stands stopped.
pub(crate) fn die_with_parent() -> Outcome<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Into::into)
}

/// Waits for a child's end; whether it came within the limit.
pub(crate) async fn ended_within(child: &mut Child, limit: Duration) -> Outcome<bool> {
    let deadline = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}

/// Waits until a process that was sent SIGSTOP has stopped with all its threads.
pub(crate) fn stands_still(pid: u32) -> Outcome<()> {
    let deadline = Instant::now() + STOP_MAX;
    let is_stopped = || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"))?;
        let states = threads.flatten().map(|thread| std::fs::read_to_string(thread.path().join("stat")));
        // The state stands behind the name, which may hold anything but ends with the last bracket.
        Ok::<_, std::io::Error>(
            states.flatten().all(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))),
        )
    };
    while !is_stopped()? {
        if Instant::now() > deadline {
            return Err(format!("process {pid} does not stop").into());
        }
        std::thread::yield_now();
    }
    Ok(())
}

//! The keeper of the worker on demand: holds the lock of its place, and starts the worker anew where it died.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, Result};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::place::Place;
use super::start::{again, cannot_start};
use crate::app::App;
use crate::args::KEPT;
use crate::exit::Exit;

/// How often it looks whether the lock is free, or another worker has come.
const TURN_POLL: Duration = Duration::from_millis(50);
/// How long a holder of the lock may be neither on the list nor gone before something must be wrong with it.
const TURN_MAX: Duration = Duration::from_secs(60);
/// Deaths one after another, none of which lived for [`LIVED`], after which it gives up: four prove a task to be poison,
/// and a few such tasks may wait.
const DEATHS_MAX: u32 = 20;
/// A worker that lived as long as this did not die of being started.
const LIVED: Duration = Duration::from_secs(60);
/// How often it looks whether its SQLite file is still there.
const FILE_POLL: Duration = Duration::from_millis(250);
/// Longest wait before it is started anew.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Keeps a worker until that leaves by itself, its file is gone or this process is told to end.
pub(crate) async fn keep(app: &App) -> Result<Exit> {
    // Closing the terminal of whoever pushed is none of the worker's business. A failure means that it is its own already.
    let _ = rustix::process::setsid();
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let Some(lock) = turn(app, &Place::of(app)?).await? else { return Ok(Exit::Ok) };
    let mut deaths = 0;
    loop {
        let started = Instant::now();
        let mut worker = kept(app)?;
        let ended = tokio::select! {
            ended = worker.wait() => ended,
            _ = terminate.recv() => return end(worker, lock).await,
            _ = interrupt.recv() => return end(worker, lock).await,
            () = file_gone(app.config.database.sqlite_file()) => return end(worker, lock).await,
        };
        let ended = ended.map_err(cannot_start)?;
        if ended.success() {
            return Ok(Exit::Ok);
        }
        deaths = if started.elapsed() >= LIVED { 1 } else { deaths + 1 };
        if deaths > DEATHS_MAX {
            let sentence = format!("the worker died {deaths} times, last with {ended}: see the lines above");
            return Err(Error::new(ErrorKind::Setup, sentence));
        }
        app.note(format_args!("the worker died with {ended}; it is started anew"));
        tokio::select! {
            () = tokio::time::sleep(pause(deaths)) => {}
            _ = terminate.recv() => return Ok(Exit::Ok),
            _ = interrupt.recv() => return Ok(Exit::Ok),
        }
    }
}

/// The lock, once it is this process's turn; `None` where a worker with these methods is there and stays.
async fn turn(app: &App, place: &Place) -> Result<Option<File>> {
    let methods = app.method_names();
    let mut since = Instant::now();
    loop {
        if let Some(lock) = place.lock()? {
            return Ok(Some(lock));
        }
        let mut workers = app.open_existing().await?.live_workers().await?;
        workers.retain(|worker| worker.types.is_none() && methods.iter().all(|method| worker.methods.contains(method)));
        if workers.iter().any(|worker| !worker.is_leaving) {
            return Ok(None);
        }
        if !workers.is_empty() {
            // What runs in one that leaves may take its time.
            since = Instant::now();
        }
        if since.elapsed() > TURN_MAX {
            return Err(Error::new(
                ErrorKind::Setup,
                "another process holds the worker's lock and does not work: end it",
            ));
        }
        tokio::time::sleep(TURN_POLL).await;
    }
}

/// The worker itself, which writes to the same log.
fn kept(app: &App) -> Result<Child> {
    let mut command = Command::from(again(app)?);
    command.arg(KEPT).spawn().map_err(cannot_start)
}

/// Passes the signal on, and waits until the worker has handed over what it ran.
async fn end(mut worker: Child, lock: File) -> Result<Exit> {
    // It claims nothing more, and what it runs may take its time: a push need not wait for that.
    drop(lock);
    let pid = worker.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // One that has just ended needs no signal.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    worker.wait().await.map_err(cannot_start)?;
    Ok(Exit::Ok)
}

/// Returns once another file or none stands in the place of this one: its worker serves nobody any more, and holds up the one of the new file.
async fn file_gone(file: Option<PathBuf>) {
    let Some(file) = file else { return std::future::pending().await };
    let which = || std::fs::metadata(&file).ok().map(|found| (found.dev(), found.ino()));
    let (first, mut every) = (which(), tokio::time::interval(FILE_POLL));
    while first.is_none() || which() == first {
        every.tick().await;
    }
}

/// None before the first time, because somebody waits for the tasks; then longer each time.
fn pause(deaths: u32) -> Duration {
    Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(deaths) - 2).min(PAUSE_MAX)
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|fault| Error::new(ErrorKind::Setup, "signals cannot be listened for").with_source(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_death_is_made_good_at_once_and_later_ones_ever_later() {
        let pauses: Vec<u128> = [1, 2, 3, 4, 20].map(|deaths| pause(deaths).as_millis()).to_vec();
        assert_eq!(pauses, [0, 200, 600, 1400, 5000]);
    }
}

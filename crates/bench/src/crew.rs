//! Worker processes: this program once more, told to work.

use std::process::Stdio;
use std::time::Duration;

use mission_core::{Error, ErrorKind, Result};
use mission_engine::Mission;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::methods::methods;
use crate::plan::Plan;

/// Tasks at once in a worker, where nothing else is planned: enough for whole batches of short ones.
pub const CONCURRENCY: usize = 1000;
const START_MAX: Duration = Duration::from_secs(20);

/// Works with the methods of the measuring, so many tasks at once, until standard input ends. Says `ready` on standard output once it works.
///
/// # Errors
/// The database cannot be opened, or the worker cannot start.
pub async fn serve(url: &str, concurrency: usize) -> Result<()> {
    let mission = Mission::open(url).await?;
    let worker = work(&mission, concurrency).await?;
    let mut out = tokio::io::stdout();
    // Whoever started it reads this, or is gone; then the input ends, too.
    let _ = out.write_all(b"ready\n").await;
    let _ = out.flush().await;
    let _ = tokio::io::stdin().read(&mut [0]).await;
    worker.stop().await;
    mission.close().await;
    Ok(())
}

/// A worker in this process.
pub(crate) async fn work(mission: &Mission, concurrency: usize) -> Result<mission_engine::WorkerHandle> {
    mission
        .worker()
        .only_methods(methods())
        .settings(|settings| {
            settings.concurrency = concurrency;
            settings.grace = Duration::ZERO;
        })
        .start()
        .await
}

/// Worker processes that end with this value.
pub(crate) struct Crew {
    workers: Vec<Child>,
}

impl Crew {
    /// So many, each ready to work.
    pub(crate) async fn hire(plan: &Plan, url: &str, count: usize) -> Result<Self> {
        Self::hire_for(plan, url, count, CONCURRENCY).await
    }

    /// So many, each ready to run so many tasks at once.
    pub(crate) async fn hire_for(plan: &Plan, url: &str, count: usize, concurrency: usize) -> Result<Self> {
        let mut workers = Vec::with_capacity(count);
        for _ in 0..count {
            let mut command = Command::new(&plan.worker.0);
            command.args(&plan.worker.1).args(["--concurrency", &concurrency.to_string()]);
            command.env("MISSION_DATABASE", url).kill_on_drop(true);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().map_err(|fault| failed("cannot start a worker", fault.to_string()))?;
            let mut out = child.stdout.take();
            let ready = async {
                match &mut out {
                    Some(out) => out.read_u8().await,
                    None => Err(std::io::ErrorKind::BrokenPipe.into()),
                }
            };
            match tokio::time::timeout(START_MAX, ready).await {
                Ok(Ok(_)) => workers.push(child),
                Ok(Err(fault)) => return Err(failed("a worker ended before it was ready", fault.to_string())),
                Err(_) => return Err(failed("a worker is not ready", format!("after {START_MAX:?}"))),
            }
        }
        Ok(Self { workers })
    }

    /// The processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.workers.iter().filter_map(Child::id).collect()
    }

    /// Ends all in order.
    pub(crate) async fn dismiss(mut self) {
        for worker in &mut self.workers {
            drop(worker.stdin.take());
        }
        for worker in &mut self.workers {
            // It is killed with the value where it does not end.
            let _ = tokio::time::timeout(START_MAX, worker.wait()).await;
        }
    }
}

fn failed(what: &str, why: String) -> Error {
    Error::new(ErrorKind::Setup, format!("{what}: {why}"))
}

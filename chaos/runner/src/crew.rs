//! The crew: worker processes that are killed, stopped, told to leave, and replaced.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mission_verifier::{Outcome, Papers};
use rustix::process::Signal;

use crate::load::Load;
use crate::process::{ended_within, signal, stands_still};
use crate::stage::Stage;

/// A worker leaves within its grace and two seconds more (G9); the rest is for a busy machine.
const LEAVE_MAX: Duration = Duration::from_secs(20);

/// What each worker is told.
#[derive(Debug, Clone)]
pub struct Duty {
    /// How many tasks at once.
    pub concurrency: usize,
    /// How long its lease holds.
    pub lease: Duration,
    /// How long running tasks may go on after SIGTERM.
    pub grace: Duration,
    /// What it pushes itself meanwhile, one task after another.
    pub pushes: Option<Load>,
}

impl Default for Duty {
    fn default() -> Self {
        Self { concurrency: 8, lease: Duration::from_secs(10), grace: Duration::from_secs(2), pushes: None }
    }
}

/// The worker processes of a run.
pub struct Crew {
    program: PathBuf,
    url: String,
    duty: Duty,
    papers: Papers,
    workers: Vec<Child>,
    hired: i64,
}

impl Crew {
    /// So many workers, started now. `program` is this program's file.
    ///
    /// # Errors
    /// A process cannot be started.
    pub fn hire(program: impl Into<PathBuf>, stage: &Stage, duty: Duty, count: usize) -> Outcome<Self> {
        let mut crew = Self {
            program: program.into(),
            url: stage.url.clone(),
            duty,
            papers: stage.papers.clone(),
            workers: Vec::new(),
            hired: 0,
        };
        for _ in 0..count {
            crew.hire_one()?;
        }
        Ok(crew)
    }

    /// One more worker.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn hire_one(&mut self) -> Outcome<()> {
        let log = File::options().create(true).append(true).open(self.papers.folder().join("workers.log"))?;
        let milliseconds = |span: Duration| span.as_millis().to_string();
        let pushes = self.duty.pushes.iter().flat_map(|load| load.words(self.hired * load.wave));
        let child = Command::new(&self.program)
            .arg("worker")
            .arg(&self.url)
            .arg(self.papers.folder())
            .args([self.duty.concurrency.to_string(), milliseconds(self.duty.lease), milliseconds(self.duty.grace)])
            .args(pushes)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.workers.push(child);
        self.hired += 1;
        Ok(())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Kills one with SIGKILL and notes when it was gone.
    ///
    /// # Errors
    /// It had ended by itself, which no worker may.
    pub fn kill(&mut self, place: usize) -> Outcome<()> {
        let mut child = self.workers.swap_remove(place);
        must_run(&mut child)?;
        signal(&child, Signal::KILL)?;
        child.wait()?;
        self.papers.exit(child.id(), "kill")
    }

    /// Asks one to leave with SIGTERM, waits for it, notes when it was gone; answers how long it took.
    ///
    /// # Errors
    /// It had ended by itself, does not end in time, or says that something went wrong.
    pub async fn dismiss(&mut self, place: usize) -> Outcome<Duration> {
        let mut child = self.workers.swap_remove(place);
        must_run(&mut child)?;
        let asked = std::time::Instant::now();
        signal(&child, Signal::TERM)?;
        if !ended_within(&mut child, LEAVE_MAX).await? {
            child.kill()?;
            return Err(format!("worker {} did not leave within {LEAVE_MAX:?}", child.id()).into());
        }
        self.papers.exit(child.id(), "term")?;
        let status = child.wait()?;
        // A worker that had not begun to listen yet has nothing to hand over.
        if !status.success() && status.signal() != Some(Signal::TERM.as_raw()) {
            return Err(format!("worker {} left with {status}", child.id()).into());
        }
        Ok(asked.elapsed())
    }

    /// Freezes one with SIGSTOP, and notes that from now on it is as good as gone.
    ///
    /// # Errors
    /// It had ended by itself.
    pub fn freeze(&mut self, place: usize) -> Outcome<()> {
        self.stop(place)?;
        self.papers.exit(self.workers[place].id(), "stop")
    }

    /// Stops one for a moment; it stands still when this returns.
    pub(crate) fn stop(&mut self, place: usize) -> Outcome<()> {
        must_run(&mut self.workers[place])?;
        signal(&self.workers[place], Signal::STOP)?;
        stands_still(self.workers[place].id())
    }

    pub(crate) fn place_of(&self, pid: u32) -> Option<usize> {
        self.workers.iter().position(|worker| worker.id() == pid)
    }

    pub(crate) fn pid(&self, place: usize) -> u32 {
        self.workers[place].id()
    }

    /// Lets a frozen one go on.
    ///
    /// # Errors
    /// It is gone.
    pub fn thaw(&mut self, place: usize) -> Outcome<()> {
        signal(&self.workers[place], Signal::CONT)
    }

    /// Workers never leave by themselves: says so if one did.
    ///
    /// # Errors
    /// One did.
    pub fn must_all_run(&mut self) -> Outcome<()> {
        self.workers.iter_mut().try_for_each(must_run)
    }

    /// Lets all leave in order.
    ///
    /// # Errors
    /// As [`dismiss`](Self::dismiss).
    pub async fn dismiss_all(&mut self) -> Outcome<()> {
        self.must_all_run()?;
        while !self.workers.is_empty() {
            self.dismiss(0).await?;
        }
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

fn must_run(child: &mut Child) -> Outcome<()> {
    match child.try_wait()? {
        None => Ok(()),
        Some(status) => Err(format!("worker {} ended by itself: {status} (see workers.log)", child.id()).into()),
    }
}

//! The load: orders that producers push wave after wave, so that there is always something to run and never too much.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use mission_verifier::Outcome;
use serde::{Deserialize, Serialize};

use crate::stage::Stage;

/// What a task is to do; its params.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The number of the order.
    pub n: i64,
    /// How long it takes.
    pub ms: u64,
}

/// The shape of the orders.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many orders there are to be at least.
    pub tasks: i64,
    /// How many a producer pushes before it ends.
    pub wave: i64,
    /// Longest task in milliseconds; most take far less.
    pub ms_max: u64,
    /// The methods, separated by commas; orders go round.
    pub methods: &'static str,
    /// The seed of the producers.
    pub seed: u64,
}

impl Load {
    /// The words for a process that pushes a wave of it, from this order on.
    pub(crate) fn words(&self, from: i64) -> [String; 5] {
        let Self { wave, ms_max, methods, seed, .. } = self;
        [from.to_string(), wave.to_string(), ms_max.to_string(), (*methods).to_owned(), seed.to_string()]
    }
}

/// The producers of a run.
pub(crate) struct Producers {
    program: PathBuf,
    load: Load,
    pushed: i64,
    running: Option<Child>,
}

impl Producers {
    pub(crate) fn new(program: PathBuf, load: Load) -> Self {
        Self { program, load, pushed: 0, running: None }
    }

    /// Whether a producer is at work.
    ///
    /// # Errors
    /// One gave up.
    pub(crate) fn are_busy(&mut self) -> Outcome<bool> {
        let Some(running) = &mut self.running else { return Ok(false) };
        match running.try_wait()? {
            None => Ok(true),
            Some(status) if status.success() => {
                self.running = None;
                Ok(false)
            }
            Some(status) => Err(format!("a producer ended with {status} (see producers.log)").into()),
        }
    }

    /// Starts the next wave where the last one is nearly done; whether the load is not all pushed.
    /// `wants_more` asks for further waves beyond it, until enough faults have happened.
    pub(crate) fn feed(&mut self, stage: &Stage, unfinished: i64, wants_more: bool) -> Outcome<bool> {
        let is_busy = self.are_busy()?;
        let goes_on = wants_more || self.pushed < self.load.tasks;
        if goes_on && !is_busy && unfinished < self.load.wave / 2 {
            self.start(stage)?;
        }
        Ok(goes_on)
    }

    /// Starts a wave whether or not it is time for one, unless a producer is at work.
    pub(crate) fn press(&mut self, stage: &Stage) -> Outcome<()> {
        if self.are_busy()? { Ok(()) } else { self.start(stage) }
    }

    fn start(&mut self, stage: &Stage) -> Outcome<()> {
        let log = File::options().create(true).append(true).open(stage.folder().join("producers.log"))?;
        let child = Command::new(&self.program)
            .arg("producer")
            .arg(&stage.url)
            .arg(stage.folder())
            .args(self.load.words(self.pushed))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.pushed += self.load.wave;
        self.running = Some(child);
        Ok(())
    }
}

impl Drop for Producers {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

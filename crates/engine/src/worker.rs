//! A worker in this process: told what it has, then started or run.

use std::path::PathBuf;
use std::time::Duration;

use mission_core::{Result, Task};
use mission_files::BucketSettings;
use mission_worker::{Method, OnLostLease, Registry, States, Which, WorkerHandle, WorkerSettings, run_until_signalled};

use crate::Mission;

/// A worker to be told its methods, state and bounds, and then started ([`start`](Self::start)) or run ([`run`](Self::run)).
///
/// ```no_run
/// # async fn main_of_an_application(mission: mission_engine::Mission) -> mission_core::Result<()> {
/// let worker = mission.worker().concurrency(8).start().await?;
/// // … serve the web application …
/// worker.stop().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "a worker does nothing until it is started or run"]
pub struct WorkerBuilder {
    mission: Mission,
    methods: Vec<Method>,
    has_registered: bool,
    states: States,
    settings: WorkerSettings,
}

impl WorkerBuilder {
    pub(crate) fn new(mission: Mission) -> Self {
        Self {
            mission,
            methods: Vec::new(),
            has_registered: true,
            states: States::new(),
            settings: WorkerSettings::default(),
        }
    }

    /// Adds methods to those that registered themselves. Needed for methods of a library crate, which the linker drops
    /// where the binary never names them, and for closures.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.extend(methods);
        self
    }

    /// These methods and no others: not even those that registered themselves.
    pub fn only_methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = methods.into_iter().collect();
        self.has_registered = false;
        self
    }

    /// Gives shared state to the methods that ask for `State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }

    /// Gives all shared state at once, in place of what was given before.
    pub fn states(mut self, states: States) -> Self {
        self.states = states;
        self
    }

    /// Serves only tasks of these types; all unless told otherwise.
    pub fn types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// How many tasks run at once: twice the processors, at least four, unless told otherwise.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.settings.concurrency = concurrency;
        self
    }

    /// How long running methods may go on after a stop; 30 s unless told otherwise.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How long this worker's lease holds without renewal: after that others take over its tasks.
    /// 10 s unless told otherwise, 60 s on SQLite.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = Some(lease);
        self
    }

    /// The folder for result files, or the address of a bucket that hosts share (`s3://…`, feature `s3`, keys in the environment):
    /// `mission-files` beside an SQLite database, else in the working directory, unless told otherwise.
    pub fn files_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.files.folder = Some(folder.into());
        self
    }

    /// The bucket for result files with keys of its own; the folder then holds what this host is writing. Needs the feature `s3`.
    pub fn files_in_bucket(mut self, bucket: BucketSettings) -> Self {
        self.settings.files.bucket = Some(bucket);
        self
    }

    /// How long result files are kept after their task's success, unless task, method or file say otherwise; 7 days
    /// unless told otherwise.
    pub fn keep_files(mut self, keep: Duration) -> Self {
        self.settings.files.keep = Some(keep);
        self
    }

    /// Ends the process, with exit code 70, where a method still runs when the lease of its task is over: for side effects that must
    /// never happen beside those of the next attempt. Else the log names it, and what it writes about the task is refused.
    pub fn abort_on_lost_lease(mut self) -> Self {
        self.settings.on_lost_lease = OnLostLease::Abort;
        self
    }

    /// Opens no port for hints: what other processes push is found by looking, within a second. Else one datagram, to a free port of
    /// the address that this host turns towards the database, makes the worker look at once.
    pub fn without_hints(mut self) -> Self {
        self.settings.takes_hints = false;
        self
    }

    /// Any further setting at once: for commands that build a worker from their flags.
    pub fn settings(mut self, change: impl FnOnce(&mut WorkerSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts the worker beside whatever else this process does, such as a web server. Touches no signals.
    ///
    /// # Errors
    /// There is no method, there are two of one name, a method asks for state that was not given, or the tables are missing.
    pub async fn start(self) -> Result<WorkerHandle> {
        // Boxed, as the two below: the compiler looks into a user's futures only so deep, and a worker's are deep.
        Box::pin(self.build()?.start()).await
    }

    /// Runs until SIGTERM or Ctrl-C: the first ends it gracefully, a second at once.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn run(self) -> Result<()> {
        Box::pin(run_until_signalled(self.build()?)).await
    }

    /// Runs what waits now, or one task, due or not; answers the records as they stand then.
    ///
    /// # Errors
    /// As [`start`](Self::start); also no such task, or one that does not wait.
    pub async fn execute(self, which: Which) -> Result<Vec<Task>> {
        Box::pin(self.build()?.execute(which)).await
    }

    fn build(self) -> Result<mission_worker::Worker> {
        let registry = if self.has_registered { Registry::collect(self.methods)? } else { Registry::of(self.methods)? };
        let (store, wake) = (self.mission.store(), self.mission.inner.wake.clone());
        Ok(mission_worker::Worker::new(store, registry, self.states, wake, self.settings))
    }
}

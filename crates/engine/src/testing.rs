//! For your own tests: a handle on an empty SQLite database that runs what is pushed at once.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> mission_core::Result<()> {
//! # use mission_core::{Failure, NewTask, State as TaskState};
//! # use mission_worker::Method;
//!
//! let double = Method::from_fn("double", |_ctx, n: u64| async move { Ok::<_, Failure>(2 * n) });
//! # use mission_engine::testing;
//! let mission = testing::methods([double]).open().await?;
//!
//! let task = mission.push(NewTask::new("double").params(&21)).await?.get().await?;
//! assert_eq!(task.state, TaskState::Success);
//! assert_eq!(task.content_as::<u64>()?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! Retries run at once, without their backoff. A task that is due later waits for its time, and nothing runs it here.

use std::path::PathBuf;

use mission_core::{Error, ErrorKind, Result};
use mission_store::{OnMissing, Store};
use mission_worker::{Method, Registry, States, Wake, Which, Worker, WorkerSettings};
use tempfile::TempDir;

use crate::Mission;
use crate::detached::detached;

/// A handle that runs what is pushed at once, with the methods that registered themselves.
///
/// # Errors
/// There is no method at all, or no temporary folder can be made.
pub async fn mission() -> Result<Mission> {
    methods([]).open().await
}

/// The same with further methods; also the way to give state: `testing::methods([]).state(…).open()`.
pub fn methods(methods: impl IntoIterator<Item = Method>) -> Testing {
    Testing { methods: methods.into_iter().collect(), states: States::new(), files: None }
}

/// A test's handle to be told its methods and state.
#[must_use = "nothing is made until it is opened"]
pub struct Testing {
    methods: Vec<Method>,
    states: States,
    files: Option<PathBuf>,
}

impl Testing {
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

    /// Lets result files go to this folder and stay there; else they go with the handle.
    pub fn files(mut self, folder: impl Into<PathBuf>) -> Self {
        self.files = Some(folder.into());
        self
    }

    /// Makes the database, in a temporary folder that goes with the last clone of the handle.
    ///
    /// # Errors
    /// As [`mission`], or a method asks for state that was not given.
    pub async fn open(self) -> Result<Mission> {
        let registry = Registry::collect(self.methods)?;
        registry.check_states(&self.states)?;
        let folder = tempfile::tempdir()
            .map_err(|fault| Error::new(ErrorKind::Setup, "no temporary folder can be made").with_source(fault))?;
        let url = format!("sqlite://{}", folder.path().join("mission.db").display());
        let store = detached(async move {
            let store = Store::open(&url, OnMissing::Create).await?;
            store.migrate().await?;
            Ok(store)
        })
        .await?;
        let id_of = store.clone();
        let files = match self.files {
            Some(folder) => {
                Some(Files { folder, database_id: detached(async move { id_of.database_id().await }).await? })
            }
            None => None,
        };
        Ok(Mission::over(store, Some(Inline { registry, states: self.states, files, _folder: folder })))
    }
}

/// What a test's handle runs tasks with.
pub(crate) struct Inline {
    registry: Registry,
    states: States,
    files: Option<Files>,
    _folder: TempDir,
}

/// The folder of result files, where it outlives the database.
struct Files {
    folder: PathBuf,
    database_id: String,
}

impl Drop for Files {
    fn drop(&mut self) {
        mission_files::leave_folder(&self.folder, &self.database_id);
    }
}

impl Inline {
    /// Runs what was just pushed and is due, until it has ended. A test does not wait for a backoff: a retry runs at once.
    pub(crate) async fn run(&self, mission: &Mission, pushed: &[mission_store::Pushed]) -> Result<()> {
        for pushed in pushed.iter().filter(|pushed| !pushed.is_existing) {
            let now = mission.inner.store.now().await?;
            let mut task = mission.get(&pushed.unique_id).await?;
            let is_due = task.as_ref().is_some_and(|task| task.run_at <= now);
            while is_due && task.is_some_and(|task| !task.state.is_final()) {
                let which = Which::One(pushed.unique_id.clone());
                let (store, registry, states) = (mission.store(), self.registry.clone(), self.states.clone());
                let mut settings = WorkerSettings::default();
                settings.files.folder = self.files.as_ref().map(|files| files.folder.clone());
                let worker = Worker::new(store, registry, states, Wake::new(), settings);
                detached(async move { worker.execute(which).await.map(drop) }).await?;
                task = mission.get(&pushed.unique_id).await?;
            }
        }
        Ok(())
    }
}

//! How a worker works: what its owner may set, and what is made of it.

use std::time::Duration;

use mission_core::{Error, ErrorKind, checked_name};
use mission_store::{Keep, Kind};

use crate::limits;
use crate::storage::FilesSettings;

/// What a worker does where nothing is left to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenEmpty {
    /// Wait for more.
    #[default]
    Stay,
    /// Leave as soon as nothing is due and nothing runs.
    Stop,
    /// Leave after this long without work, unless a task it can run is due within ten minutes; never as a task arrives.
    Linger(Duration),
}

/// What a worker does about a method that still runs when the lease of its task is over: on a thread of its own, or on one of the
/// runtime without an await. Whatever it writes about the task is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLostLease {
    /// Names it in the log and lets it go on.
    #[default]
    GoOn,
    /// Ends the process at once with exit code 70: for side effects that must never happen beside those of the next attempt.
    Abort,
}

/// How a worker works.
///
/// ```
/// # use mission_worker::WorkerSettings;
/// let settings = WorkerSettings { concurrency: 8, types: Some(vec!["report".to_owned()]), ..WorkerSettings::default() };
/// assert_eq!(settings.grace.as_secs(), 30);
/// ```
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// How many tasks run at once: twice the processors, at least four, unless told otherwise.
    pub concurrency: usize,
    /// The types it serves; `None` for all.
    pub types: Option<Vec<String>>,
    /// How long running tasks may take to end once the worker was asked to stop.
    pub grace: Duration,
    /// How long its lease holds without renewal: 10 s on servers, 60 s on SQLite unless told otherwise; 2 s to 1 h.
    pub lease: Option<Duration>,
    /// What people call it: host and process number unless told otherwise.
    pub name: Option<String>,
    /// What it does where nothing is left to run.
    pub when_empty: WhenEmpty,
    /// How long ended tasks are kept.
    pub keep: Keep,
    /// Where result files lie, how long and how much of them is kept.
    pub files: FilesSettings,
    /// Whether it listens for hints of other processes, on a port for datagrams: they make it look for tasks at once instead of
    /// within a second.
    pub takes_hints: bool,
    /// What becomes of a blocking method that still runs when the lease of its task is over.
    pub on_lost_lease: OnLostLease,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            concurrency: (2 * processors).max(limits::CONCURRENCY_DEFAULT_MIN),
            types: None,
            grace: Duration::from_secs(30),
            lease: None,
            name: None,
            when_empty: WhenEmpty::default(),
            keep: Keep::default(),
            files: FilesSettings::default(),
            takes_hints: true,
            on_lost_lease: OnLostLease::default(),
        }
    }
}

impl WorkerSettings {
    /// Refuses what cannot work, with the bounds.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(1..=limits::CONCURRENCY_MAX).contains(&self.concurrency) {
            return Err(setup(format!(
                "a concurrency of {} is out of range: use 1 to {}",
                self.concurrency,
                limits::CONCURRENCY_MAX
            )));
        }
        if self.lease.is_some_and(|lease| !(limits::LEASE_MIN..=limits::LEASE_MAX).contains(&lease)) {
            return Err(setup("the lease is out of range: use 2 s to 1 h".to_owned()));
        }
        for task_type in self.types.iter().flatten() {
            checked_name("type", task_type, mission_core::limits::TYPE_CHARS_MAX)?;
        }
        Ok(())
    }

    /// The lease on this kind of database.
    pub(crate) fn lease_on(&self, kind: Kind) -> Duration {
        self.lease.unwrap_or(match kind {
            // One long write of somebody else's blocks every renewal there; the process itself tells sooner.
            Kind::Sqlite => limits::LEASE_SQLITE,
            Kind::Mysql | Kind::Postgres => limits::LEASE_SERVER,
        })
    }

    /// Whether it serves a type.
    pub(crate) fn serves(&self, task_type: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|served| served == task_type))
    }
}

fn setup(message: String) -> Error {
    Error::new(ErrorKind::Setup, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_with_its_bounds() {
        let settings = WorkerSettings::default;
        let faults = [
            (WorkerSettings { concurrency: 0, ..settings() }, "concurrency of 0"),
            (WorkerSettings { lease: Some(Duration::ZERO), ..settings() }, "lease"),
            (WorkerSettings { lease: Some(Duration::from_millis(1999)), ..settings() }, "use 2 s to 1 h"),
            (WorkerSettings { types: Some(vec![String::new()]), ..settings() }, "type"),
        ];
        for (settings, word) in faults {
            let error = settings.check().unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(settings().check().is_ok());
    }

    #[test]
    fn a_worker_serves_all_types_unless_told_otherwise() {
        let all = WorkerSettings::default();
        let one = WorkerSettings { types: Some(vec!["report".to_owned()]), ..WorkerSettings::default() };
        assert!(all.serves("system") && one.serves("report") && !one.serves("system"));
        assert!(all.lease_on(Kind::Sqlite) > all.lease_on(Kind::Postgres));
    }
}

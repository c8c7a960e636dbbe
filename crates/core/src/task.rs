//! A task as its row shows it.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CommittedFile, Counts, Error, LeaseToken, Progress, Reason, State, Timestamp, UniqueId, WorkerId, params};

/// A task as it stood when it was read. Fields have the names of the columns, in Rust, JSON and SQL alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Task {
    /// The row's number, in the order of pushing as the database counts.
    pub id: i64,
    /// The public id.
    pub unique_id: UniqueId,
    /// The name of the code that runs it.
    pub method: String,
    /// Its category.
    #[serde(rename = "type")]
    pub task_type: String,
    /// Where it stands.
    pub state: State,
    /// Its params as JSON text.
    #[serde(serialize_with = "as_raw_json")]
    pub params: Option<String>,
    /// What it answered, or why it failed.
    pub content: Option<String>,
    /// Whether `content` was cut to fit.
    pub content_cut: bool,
    /// Why it failed or waits again.
    pub reason: Option<Reason>,
    /// Who submitted it.
    pub creator: Option<String>,
    /// −9 … 9, higher first.
    pub priority: i64,
    /// Its key, unique per method while it waits or runs.
    pub task_key: Option<String>,
    /// When it may run.
    pub run_at: Timestamp,
    /// How far it has come; in JSON `progress_done`, `progress_total` and `progress_message`, as in the table.
    #[serde(flatten, serialize_with = "as_columns")]
    pub progress: Option<Progress>,
    /// What is counted about it.
    #[serde(flatten)]
    pub counts: Counts,
    /// Retries of its own, which win over the method's.
    pub retries: Option<i64>,
    /// Longest run of one attempt, in milliseconds.
    pub timeout_ms: Option<i64>,
    /// Longest time without progress, in milliseconds.
    pub stall_timeout_ms: Option<i64>,
    /// How long its result files are kept after its success, in milliseconds; else as long as the worker keeps them.
    pub keep_files_ms: Option<i64>,
    /// Where its method goes on: the cursor of its last checkpoint, JSON text.
    #[serde(serialize_with = "as_raw_json")]
    pub checkpoint: Option<String>,
    /// Units done as of the checkpoint.
    pub checkpoint_done: Option<u64>,
    /// The files in the making, as far as they are stored.
    #[serde(skip)]
    pub checkpoint_files: Vec<CommittedFile>,
    /// Attempts that went on from a checkpoint.
    pub resumed: i64,
    /// Units of progress that were done once more after going on.
    pub redone: i64,
    /// How long its method has run for the present progress, in milliseconds.
    pub active_ms: i64,
    /// Whether someone asked to cancel it while it ran.
    pub cancel_requested: bool,
    /// The worker that runs it, or ran it last.
    pub worker_id: Option<WorkerId>,
    /// Its fence: grows by one at each claim.
    pub lease_token: LeaseToken,
    /// When it was pushed.
    pub created_date: Timestamp,
    /// When its state last changed.
    pub modified_date: Timestamp,
}

impl Task {
    /// A task with the given essentials and everything else at its default; rows fill in the rest.
    pub fn with(id: i64, unique_id: UniqueId, method: String, state: State) -> Self {
        Self {
            id,
            unique_id,
            method,
            task_type: String::new(),
            state,
            params: None,
            content: None,
            content_cut: false,
            reason: None,
            creator: None,
            priority: 0,
            task_key: None,
            run_at: Timestamp(0),
            progress: None,
            counts: Counts::default(),
            retries: None,
            timeout_ms: None,
            stall_timeout_ms: None,
            keep_files_ms: None,
            checkpoint: None,
            checkpoint_done: None,
            checkpoint_files: Vec::new(),
            resumed: 0,
            redone: 0,
            active_ms: 0,
            cancel_requested: false,
            worker_id: None,
            lease_token: LeaseToken(0),
            created_date: Timestamp(0),
            modified_date: Timestamp(0),
        }
    }

    /// The params, if they mean any: NULL, `[]` and `{}` are none.
    pub fn params_json(&self) -> Option<&str> {
        self.params.as_deref().filter(|json| !params::is_none(json))
    }

    /// Units of progress per second while its method ran; what was done once more took time, too.
    pub fn rate(&self) -> Option<f64> {
        let done = self.progress.as_ref()?.done.saturating_add(u64::try_from(self.redone).unwrap_or(0));
        (done > 0 && self.active_ms > 0).then(|| done as f64 * 1000.0 / self.active_ms as f64)
    }

    /// How long its method has still to run at that rate, where the total is known and the task has not ended.
    pub fn remaining(&self) -> Option<Duration> {
        let progress = self.progress.as_ref().filter(|_| !self.state.is_final())?;
        let left = progress.total?.saturating_sub(progress.done);
        Duration::try_from_secs_f64(left as f64 / self.rate()?).ok()
    }

    /// The content as the value a method returned; strings are stored as they are, others as JSON.
    pub fn content_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.content.as_deref().unwrap_or("null");
        serde_json::from_str(text)
            .or_else(|fault| serde_json::from_value(serde_json::Value::from(text)).map_err(|_| fault))
            .map_err(|fault| {
                Error::invalid(format!("the content of task {} is not of the asked type", self.unique_id))
                    .with_source(fault)
            })
    }
}

/// The columns of the table, null where nothing was reported.
fn as_columns<S: serde::Serializer>(progress: &Option<Progress>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Columns<'p> {
        progress_done: Option<u64>,
        progress_total: Option<u64>,
        progress_message: Option<&'p str>,
    }
    let columns = Columns {
        progress_done: progress.as_ref().map(|progress| progress.done),
        progress_total: progress.as_ref().and_then(|progress| progress.total),
        progress_message: progress.as_ref().and_then(|progress| progress.message.as_deref()),
    };
    columns.serialize(serializer)
}

/// Params are JSON already: show them as such, unless a plain INSERT stored something else.
fn as_raw_json<S: serde::Serializer>(params: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match params.as_deref().map(serde_json::from_str::<&serde_json::value::RawValue>) {
        None => serializer.serialize_none(),
        Some(Ok(raw)) => raw.serialize(serializer),
        Some(Err(_)) => params.serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(content: &str) -> Task {
        let mut task = Task::with(1, UniqueId::from_row("a".into()), "m".into(), State::Success);
        task.content = Some(content.into());
        task
    }

    #[test]
    fn content_reads_back_as_a_plain_string_or_as_json() {
        assert_eq!(answered("hello").content_as::<String>().unwrap(), "hello");
        assert_eq!(answered("[1,2]").content_as::<Vec<u64>>().unwrap(), [1, 2]);
        assert_eq!(answered("7").content_as::<u64>().unwrap(), 7);
        assert!(answered("hello").content_as::<u64>().is_err());
    }

    #[test]
    fn rate_and_remaining_time_count_what_was_done_twice() {
        let mut task = Task::with(1, UniqueId::from_row("a".into()), "m".into(), State::Executing);
        assert_eq!((task.rate(), task.remaining()), (None, None));
        task.progress = Some(Progress::of(300, 900));
        (task.redone, task.active_ms) = (100, 2000);
        assert_eq!((task.rate(), task.remaining()), (Some(200.0), Some(Duration::from_secs(3))));
        task.progress = Some(Progress::of(901, 900));
        assert_eq!(task.remaining(), Some(Duration::ZERO));
        task.state = State::Fail;
        assert_eq!(task.remaining(), None);
        (task.state, task.progress) = (State::Executing, Some(Progress::of(1, u64::MAX)));
        task.active_ms = i64::MAX;
        assert_eq!(task.remaining(), None, "a span beyond all measure");
    }

    #[test]
    fn json_shows_the_checkpoint_as_json_and_none_of_its_files() {
        let mut task = answered("x");
        task.checkpoint = Some("[3,\"page\"]".into());
        let json = serde_json::to_string(&task).unwrap();
        assert!(json.contains("\"checkpoint\":[3,\"page\"],\"checkpoint_done\":null,\"resumed\":0"), "{json}");
        assert!(!json.contains("checkpoint_files"), "{json}");
    }

    #[test]
    fn json_shows_params_as_json_and_dates_as_rfc_3339() {
        let mut task = answered("x");
        task.params = Some("{\"n\":9007199254740993}".into());
        let json = serde_json::to_string(&task).unwrap();
        assert!(json.contains("\"params\":{\"n\":9007199254740993}") && json.contains("\"type\":\"\""), "{json}");
        assert!(json.contains("\"created_date\":\"1970-01-01T00:00:00Z\""), "{json}");
        task.progress = Some(Progress::of(3, 4));
        let json = serde_json::to_string(&task).unwrap();
        assert!(json.contains("\"progress_done\":3,\"progress_total\":4,\"progress_message\":null"), "{json}");
        task.params = Some("not json".into());
        assert!(serde_json::to_string(&task).unwrap().contains("\"params\":\"not json\""));
    }
}

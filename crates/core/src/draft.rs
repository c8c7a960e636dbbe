//! A task to be pushed: its builder and its checks.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::text::shown;
use crate::{Error, Params, Priority, Timestamp, UniqueId, checked_name, limits};

/// When a task may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Due {
    /// At once.
    #[default]
    Now,
    /// So long after the push, by the database's clock.
    In(Duration),
    /// At a moment.
    At(Timestamp),
}

/// A task to be pushed. Faults of the builder are kept and reported by the push.
///
/// ```
/// # use mission_core::NewTask;
/// let task = NewTask::new("export").params(&serde_json::json!({"rows": 1000})).creator("alice").priority(3);
/// assert!(task.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    unique_id: UniqueId,
    method: String,
    params: Result<Params, String>,
    task_type: String,
    creator: Option<String>,
    priority: i64,
    due: Due,
    key: Option<String>,
    without_repeat_method: bool,
    retries: Option<i64>,
    timeout: Option<Duration>,
    stall_timeout: Option<Duration>,
    keep_files: Option<Duration>,
}

impl NewTask {
    /// A task for the method of this name; everything else has its default.
    pub fn new(method: impl Into<String>) -> Self {
        Self {
            unique_id: UniqueId::of_now(),
            method: method.into(),
            params: Ok(Params::NONE),
            task_type: "system".to_owned(),
            creator: None,
            priority: 0,
            due: Due::Now,
            key: None,
            without_repeat_method: false,
            retries: None,
            timeout: None,
            stall_timeout: None,
            keep_files: None,
        }
    }

    /// The params: any value that serialises to JSON, at most 1 MiB.
    #[must_use]
    pub fn params(mut self, params: &impl Serialize) -> Self {
        self.params = Params::of(params).map_err(|e| e.to_string());
        self
    }

    /// The params as JSON text.
    #[must_use]
    pub fn params_json(mut self, json: &str) -> Self {
        self.params = Params::from_json(json).map_err(|e| e.to_string());
        self
    }

    /// The category, your own string of at most 64 characters; `system` unless told otherwise.
    #[must_use]
    pub fn task_type(mut self, task_type: impl Into<String>) -> Self {
        self.task_type = task_type.into();
        self
    }

    /// Who submits it, your own string of at most 191 characters.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = Some(creator.into());
        self
    }

    /// −9 (last) to 9 (first).
    #[must_use]
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = priority;
        self
    }

    /// Not before this moment, by the database's clock.
    #[must_use]
    pub fn at(mut self, moment: SystemTime) -> Self {
        self.due = Due::At(moment.into());
        self
    }

    /// Not before this span has passed since the push, by the database's clock.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.due = Due::In(wait);
        self
    }

    /// Unique per method while the task waits or runs: a second push returns the first task.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Refused while any task of the method waits or runs: the push returns that task.
    #[must_use]
    pub fn without_repeat_method(mut self) -> Self {
        self.without_repeat_method = true;
        self
    }

    /// Retries after an ordinary failure; else the method's own.
    #[must_use]
    pub fn retries(mut self, retries: i64) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Longest run of one attempt; else the method's own, else none.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Longest time without progress; else the method's own, else none.
    #[must_use]
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = Some(timeout);
        self
    }

    /// How long its result files are kept after its success; else as long as the worker keeps them.
    #[must_use]
    pub fn keep_files(mut self, keep: Duration) -> Self {
        self.keep_files = Some(keep);
        self
    }

    /// The id the task will have: note it before the push to look up a push whose answer was lost.
    pub fn unique_id(&self) -> &UniqueId {
        &self.unique_id
    }

    /// The method's name.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Whether another task may stand in its way.
    pub fn is_guarded(&self) -> bool {
        self.key.is_some() || self.without_repeat_method
    }

    /// Checks everything, as the push does; the error names the field and its bounds.
    pub fn check(&self) -> Result<CheckedTask<'_>, Error> {
        let params = match &self.params {
            Ok(params) => params,
            Err(fault) => return Err(Error::invalid(format!("task {:?}: {fault}", shown(&self.method)))),
        };
        let retries = self.retries.map(check_retries).transpose()?;
        if let Due::In(span) = self.due {
            check_span("delay", span)?;
        }
        Ok(CheckedTask {
            unique_id: &self.unique_id,
            method: checked_name("method", &self.method, limits::NAME_CHARS_MAX)?,
            params: params.as_json(),
            task_type: checked_name("type", &self.task_type, limits::TYPE_CHARS_MAX)?,
            creator: check_optional("creator", self.creator.as_deref())?,
            priority: Priority::new(self.priority)?,
            due: self.due,
            key: check_optional("key", self.key.as_deref())?,
            without_repeat_method: self.without_repeat_method,
            retries,
            timeout_ms: self.timeout.map(|t| check_timeout("timeout", t)).transpose()?,
            stall_timeout_ms: self.stall_timeout.map(|t| check_timeout("stall_timeout", t)).transpose()?,
            keep_files_ms: self.keep_files.map(|keep| check_span("time to keep files", keep)).transpose()?,
        })
    }
}

/// A task whose fields are known to fit: what the store takes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are those of `NewTask`, checked.
pub struct CheckedTask<'t> {
    pub unique_id: &'t UniqueId,
    pub method: &'t str,
    pub params: Option<&'t str>,
    pub task_type: &'t str,
    pub creator: Option<&'t str>,
    pub priority: Priority,
    pub due: Due,
    pub key: Option<&'t str>,
    pub without_repeat_method: bool,
    pub retries: Option<i64>,
    pub timeout_ms: Option<i64>,
    pub stall_timeout_ms: Option<i64>,
    pub keep_files_ms: Option<i64>,
}

fn check_optional<'n>(what: &str, name: Option<&'n str>) -> Result<Option<&'n str>, Error> {
    name.map(|name| checked_name(what, name, limits::NAME_CHARS_MAX)).transpose()
}

fn check_retries(retries: i64) -> Result<i64, Error> {
    if (0..=limits::RETRIES_MAX).contains(&retries) {
        return Ok(retries);
    }
    Err(Error::invalid(format!("retries {retries} is out of range: use 0 to {}", limits::RETRIES_MAX)))
}

fn check_span(what: &str, span: Duration) -> Result<i64, Error> {
    if span > limits::SPAN_MAX {
        return Err(Error::invalid(format!("the {what} of {} s is longer than 100 years", span.as_secs())));
    }
    // proof: SPAN_MAX is far below i64::MAX milliseconds, so the fallback is never taken.
    Ok(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

fn check_timeout(what: &str, span: Duration) -> Result<i64, Error> {
    match check_span(what, span)? {
        0 => Err(Error::invalid(format!("the {what} is shorter than a millisecond: leave it out for none"))),
        ms => Ok(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_named_at_the_check() {
        let task = || NewTask::new("export");
        let faults = [
            (NewTask::new(""), "method"),
            (NewTask::new("a\0b"), "method"),
            (task().task_type("x".repeat(65)), "type"),
            (task().creator("\n"), "creator"),
            (task().key(""), "key"),
            (task().priority(10), "priority 10"),
            (task().retries(-1), "retries -1"),
            (task().timeout(Duration::ZERO), "timeout"),
            (task().stall_timeout(Duration::MAX), "stall_timeout"),
            (task().after(Duration::MAX), "delay"),
            (task().keep_files(Duration::MAX), "time to keep files"),
            (task().params_json("{"), "params"),
        ];
        for (task, word) in faults {
            let error = task.check().unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(word), "{error}");
        }
    }
}

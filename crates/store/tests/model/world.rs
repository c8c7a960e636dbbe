//! The model: what the tables hold after each step, told in plain lists. It shares no code with the store.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{Lease, NewTask, Progress, Reason, Settlement, State, Task, UniqueId, WorkerId};
use mission_store::{Claimed, Line, Report, Reported, Verdict};
use proptest::prelude::*;

use crate::kept::{Kept, Recorded};
use crate::step::{Due, HOUR, Repeat, Spec};

/// A row as it must look. Times the database's clock gives are known to lie within the step that gave them.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) task: Task,
    pub(crate) is_new: bool,
    pub(crate) is_modified: bool,
    /// The due time is the clock's and so many microseconds.
    pub(crate) due_wait: Option<i64>,
}

/// What a push must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Stored,
    /// One of these stands in the way.
    Other(BTreeSet<UniqueId>),
}

#[derive(Debug, Clone)]
pub(crate) struct Pushing {
    pub(crate) spec: Spec,
    pub(crate) task: NewTask,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) is_paused: bool,
    pub(crate) limit: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    Holds,
    Over,
    Condemned,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) rows: Vec<Row>,
    pub(crate) pushes: Vec<Pushing>,
    pub(crate) leases: Vec<Claimed>,
    pub(crate) lines: Vec<Line>,
    pub(crate) rules: BTreeMap<String, Rule>,
    pub(crate) listed: BTreeMap<i64, Term>,
    pub(crate) workers: Vec<WorkerId>,
    /// Result files, by the row of their task; 0 once another took their place.
    pub(crate) files: Vec<(i64, Kept)>,
    pub(crate) attempts: BTreeMap<i64, Vec<Recorded>>,
}

pub(crate) const MICROSECONDS_OF_HOUR: i64 = HOUR.as_micros() as i64;

/// So many seconds after a moment long ago.
pub(crate) fn long_ago(seconds: u64) -> i64 {
    (1_000_000_000 + seconds as i64) * 1_000_000
}

impl Row {
    fn of(pushing: &Pushing) -> Self {
        let Spec { task_type, priority, key, due, retries, params, .. } = &pushing.spec;
        let method = pushing.task.method().to_owned();
        let mut task = Task::with(0, pushing.task.unique_id().clone(), method, State::Init);
        task.task_type = format!("type{task_type}");
        task.priority = *priority;
        task.task_key = key.map(|key| format!("key{key}"));
        task.retries = *retries;
        task.params = params.map(|params| format!("[{params}]"));
        let due_wait = match due {
            Due::Now => Some(0),
            Due::Later(hours) => Some(i64::from(*hours) * MICROSECONDS_OF_HOUR),
            Due::LongAgo(seconds) => {
                task.run_at.0 = long_ago(*seconds);
                None
            }
        };
        Self { task, is_new: true, is_modified: true, due_wait }
    }

    /// What follows from a claim.
    fn claimed_by(&mut self, worker: WorkerId) {
        let task = &mut self.task;
        task.state = State::Executing;
        task.lease_token.0 += 1;
        task.counts.attempt += 1;
        task.worker_id = Some(worker);
        task.cancel_requested = false;
        if task.checkpoint.is_none() {
            task.progress = None;
            task.active_ms = 0;
        }
        task.content = None;
        task.content_cut = false;
        self.is_modified = true;
    }

    pub(crate) fn is_held_by(&self, lease: Lease) -> bool {
        let task = &self.task;
        (task.id, task.lease_token, task.state) == (lease.id, lease.token, State::Executing)
    }

    fn holds_key(&self, method: &str, key: &str) -> bool {
        let task = &self.task;
        task.state.is_active() && task.method == method && task.task_key.as_deref() == Some(key)
    }

    /// Takes over from the real row what only the database decides, within what it may decide.
    pub(crate) fn learn(&mut self, real: &Task, before: i64, after: i64) -> Result<(), TestCaseError> {
        let step = before..=after;
        if std::mem::take(&mut self.is_new) {
            self.task.id = real.id;
            prop_assert!(step.contains(&real.created_date.0), "created {:?} outside {step:?}", real.created_date);
            self.task.created_date = real.created_date;
        }
        if std::mem::take(&mut self.is_modified) {
            prop_assert!(step.contains(&real.modified_date.0), "modified {:?} outside {step:?}", real.modified_date);
            self.task.modified_date = real.modified_date;
        }
        if let Some(wait) = self.due_wait.take() {
            let clock = real.run_at.0 - wait;
            prop_assert!(step.contains(&clock), "due {:?} less {wait} outside {step:?}", real.run_at);
            self.task.run_at = real.run_at;
        }
        Ok(())
    }
}

impl World {
    pub(crate) fn row(&self, unique_id: &UniqueId) -> Option<&Row> {
        self.rows.iter().find(|row| row.task.unique_id == *unique_id)
    }

    pub(crate) fn row_mut(&mut self, unique_id: &UniqueId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.task.unique_id == *unique_id)
    }

    /// Stores a task unless it is there already, its key is taken, or it wants to be the only one of its method.
    pub(crate) fn push(&mut self, pushing: &Pushing) -> Answer {
        if self.row(pushing.task.unique_id()).is_some() {
            return Answer::Stored;
        }
        let method = pushing.task.method();
        let ids = |fits: &dyn Fn(&&Row) -> bool| -> BTreeSet<UniqueId> {
            self.rows.iter().filter(fits).map(|row| row.task.unique_id.clone()).collect()
        };
        let key = pushing.spec.key.map(|key| format!("key{key}"));
        let same_key = ids(&|row| key.as_ref().is_some_and(|key| row.holds_key(method, key)));
        if !same_key.is_empty() {
            return Answer::Other(same_key);
        }
        let active = ids(&|row| row.task.state.is_active() && row.task.method == method);
        if pushing.spec.repeat == Repeat::Refused && !active.is_empty() {
            return Answer::Other(active);
        }
        self.rows.push(Row::of(pushing));
        Answer::Stored
    }

    /// The lines with waiting tasks, in the order of their names.
    pub(crate) fn waiting_lines(&self) -> Vec<Line> {
        let mut heads = BTreeMap::new();
        for Row { task, .. } in self.rows.iter().filter(|row| row.task.state == State::Init) {
            let head = heads.entry((task.method.clone(), task.task_type.clone(), task.priority)).or_insert(task.run_at);
            *head = task.run_at.min(*head);
        }
        heads
            .into_iter()
            .map(|((method, task_type, priority), head)| {
                let Rule { is_paused, limit: running_limit } = self.rules.get(&task_type).cloned().unwrap_or_default();
                Line { method, task_type, priority, lane: 0, head, is_paused, running_limit }
            })
            .collect()
    }

    /// Claims the first due tasks of a line.
    pub(crate) fn claim(
        &mut self,
        line: &Line,
        worker: WorkerId,
        limit: usize,
        crashes_max: i64,
        now: i64,
    ) -> Vec<UniqueId> {
        let fits = |task: &Task| {
            task.state == State::Init
                && (&task.method, &task.task_type, task.priority) == (&line.method, &line.task_type, line.priority)
                && (line.head.0..=now).contains(&task.run_at.0)
                && task.counts.crashes <= crashes_max
        };
        let mut due: Vec<&mut Row> = self.rows.iter_mut().filter(|row| fits(&row.task)).collect();
        due.sort_by_key(|row| (row.task.run_at, row.task.id));
        due.truncate(limit);
        due.iter_mut().for_each(|row| row.claimed_by(worker));
        due.into_iter().map(|row| row.task.unique_id.clone()).collect()
    }

    /// Whether a push of now for the line of an offer is begun by who offered it: nothing of the line that the offer knows is due by then, and its
    /// type has no rule.
    pub(crate) fn begins(&self, spec: &Spec, line: &Line, now: i64) -> bool {
        let of_line = |task: &Task| {
            (&task.method, &task.task_type, task.priority) == (&line.method, &line.task_type, line.priority)
        };
        let is_for = (format!("method{}", spec.method), format!("type{}", spec.task_type), spec.priority)
            == (line.method.clone(), line.task_type.clone(), line.priority);
        let is_guarded = spec.key.is_some() || spec.repeat == Repeat::Refused;
        let waits = |row: &Row| {
            let task = &row.task;
            task.state == State::Init && of_line(task) && (line.head.0..=now).contains(&task.run_at.0)
        };
        let is_free = !self.is_ruled(&line.task_type) && !self.rows.iter().any(waits);
        is_for && is_free && !is_guarded && matches!(spec.due, Due::Now)
    }

    pub(crate) fn claim_one(&mut self, unique_id: &UniqueId, worker: WorkerId) -> bool {
        match self.row_mut(unique_id) {
            Some(row) if row.task.state == State::Init => {
                row.claimed_by(worker);
                true
            }
            _ => false,
        }
    }

    /// Whether something is set against claims from a type.
    pub(crate) fn is_ruled(&self, task_type: &str) -> bool {
        self.rules.get(task_type).is_some_and(|rule| rule.is_paused || rule.limit.is_some())
    }

    /// Room under a type's running limit.
    pub(crate) fn room(&self, task_type: &str) -> usize {
        let Some(limit) = self.rules.get(task_type).and_then(|rule| rule.limit) else { return usize::MAX };
        let running =
            self.rows.iter().filter(|row| row.task.state == State::Executing && row.task.task_type == task_type);
        usize::try_from(limit).unwrap().saturating_sub(running.count())
    }

    /// Whether an end that would let a task wait again cancels it, because it was asked to end and its worker did not hear.
    pub(crate) fn cancels(&self, settlement: &Settlement) -> bool {
        let is_asked = |row: &Row| row.is_held_by(settlement.lease) && row.task.cancel_requested;
        settlement.state == State::Init && self.rows.iter().any(is_asked)
    }

    /// Writes an end under its token; a repeated one counts as written, any other is lost.
    pub(crate) fn settle(&mut self, settlement: &Settlement) -> Verdict {
        let cancels = self.cancels(settlement);
        let row = self.rows.iter_mut().find(|row| row.task.id == settlement.lease.id);
        let Some(row) = row.filter(|row| row.task.lease_token == settlement.lease.token) else { return Verdict::Lost };
        let task = &mut row.task;
        if task.state != State::Executing {
            // The wish to end it stays where it was cancelled in place of waiting again.
            let is_in_place = task.state == State::Cancelled && task.cancel_requested;
            let written = if is_in_place { State::Init } else { task.state };
            return if written == settlement.state { Verdict::Settled } else { Verdict::Lost };
        }
        task.state = if cancels { State::Cancelled } else { settlement.state };
        task.reason = if cancels { Some(Reason::Cancelled) } else { settlement.reason };
        task.content = settlement.content.as_ref().map(|content| content.text.clone());
        task.content_cut = settlement.content.as_ref().is_some_and(|content| content.is_cut);
        task.counts = settlement.counts;
        task.worker_id = None;
        task.cancel_requested = cancels;
        row.is_modified = true;
        row.due_wait = settlement.wait.map(|wait| wait.as_micros() as i64);
        Verdict::Settled
    }

    /// Writes what a running attempt reports, or nothing.
    pub(crate) fn report(&mut self, report: &Report) -> Reported {
        let lease = report.lease;
        let Some(row) = self.rows.iter_mut().find(|row| row.is_held_by(lease)) else { return Reported::Lost };
        let task = &mut row.task;
        // The tables' integers are signed.
        let signed = |value: u64| value.min(i64::MAX as u64);
        if let Some(progress) = &report.progress {
            let total = progress.total.map(signed);
            task.progress = Some(Progress { done: signed(progress.done), total, message: progress.message.clone() });
        }
        match &report.checkpoint {
            Some(checkpoint) if checkpoint.cursor.is_empty() => {
                (task.checkpoint, task.checkpoint_done, task.checkpoint_files) = (None, None, Vec::new());
            }
            Some(checkpoint) => {
                task.checkpoint = Some(checkpoint.cursor.clone());
                task.checkpoint_done = Some(signed(checkpoint.done));
                task.checkpoint_files = checkpoint.files.clone();
                task.counts.crashes = 0;
            }
            None => {}
        }
        (task.resumed, task.redone, task.active_ms) = (report.resumed, report.redone, report.active_ms);
        Reported::Written
    }

    /// Whether a task may go back to wait: its key is free.
    pub(crate) fn key_is_taken(&self, task: &Task) -> bool {
        task.task_key.as_ref().is_some_and(|key| self.rows.iter().any(|row| row.holds_key(&task.method, key)))
    }

    /// The ids of the tasks a worker runs, in the order of pushing.
    pub(crate) fn held_by(&self, worker: WorkerId) -> Vec<UniqueId> {
        let held = self.rows.iter().filter(|row| row.task.worker_id == Some(worker));
        held.map(|row| row.task.unique_id.clone()).collect()
    }

    /// Workers that hold tasks and are not on the list.
    pub(crate) fn orphan_holders(&self) -> BTreeSet<WorkerId> {
        let holders = self.rows.iter().filter_map(|row| row.task.worker_id);
        holders.filter(|worker| !self.listed.contains_key(&worker.0)).collect()
    }
}

//! Lines that are due and served, and yet do not move: what the database refuses shows nowhere else than in a log.

use std::time::Duration;

use mission_core::{Result, Timestamp, format_span};
use mission_store::{Claimed, Finding, Line, Store, Worker};

use crate::serving::serves;

/// Due for longer than this beside a worker that has room for it, a line is stuck: workers notice it within a second.
const DUE_MAX: Duration = Duration::from_secs(30);
/// How often one looks before saying so: between two short tasks any worker is idle for an instant.
const LOOKS: usize = 3;
/// Pause between two looks: within all of them a worker notices what is due.
const LOOK_PAUSE: Duration = Duration::from_millis(600);

/// What a worker runs at one moment.
struct Load<'w> {
    worker: &'w Worker,
    running: Vec<Claimed>,
}

/// A finding for each line that has been due for long, though live workers with free slots serve it.
pub(crate) async fn stuck(store: &Store, workers: &[Worker]) -> Result<Vec<Finding>> {
    let (mut lines, mut now) = suspicious(store, workers).await?;
    for _ in 1..LOOKS {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
        let (again, later) = suspicious(store, workers).await?;
        // One whose head has moved goes on.
        lines.retain(|line| again.contains(line));
        now = later;
    }
    Ok(lines.iter().map(|line| finding(line, now)).collect())
}

fn finding(line: &Line, now: Timestamp) -> Finding {
    let sentence = format!(
        "tasks of {} in type {} have been due for {}, and a live worker with free slots does not get them: \
         look into the worker's log, and whether the database's disk is full",
        line.method,
        line.task_type,
        format_span(now.since(line.head))
    );
    Finding::wrong("stuck", sentence)
}

async fn suspicious(store: &Store, workers: &[Worker]) -> Result<(Vec<Line>, Timestamp)> {
    let (mut lines, now) = store.lines().await?;
    let since = |moment: Timestamp| now.since(moment) > DUE_MAX;
    lines.retain(|line| since(line.head));
    if lines.is_empty() {
        return Ok((lines, now));
    }
    let held: Vec<String> = store
        .type_rules()
        .await?
        .into_iter()
        .filter(|rule| rule.is_paused || rule.running_limit.is_some())
        .map(|rule| rule.task_type)
        .collect();
    lines.retain(|line| !held.contains(&line.task_type));
    let mut loads = Vec::new();
    // A worker that has just started has had no time yet.
    for worker in workers.iter().filter(|worker| since(worker.started_date)) {
        let is_needed = lines.iter().any(|line| serves(worker, &line.method, &line.task_type));
        if is_needed {
            loads.push(Load { worker, running: store.executing(worker.id).await? });
        }
    }
    lines.retain(|line| {
        let mut serving = loads.iter().filter(|load| serves(load.worker, &line.method, &line.task_type)).peekable();
        serving.peek().is_some() && serving.all(|load| load.has_room_for(line))
    });
    Ok((lines, now))
}

impl Load<'_> {
    /// Whether nothing that it runs explains why the line waits.
    fn has_room_for(&self, line: &Line) -> bool {
        let is_full = i64::try_from(self.running.len()).is_ok_and(|running| running >= self.worker.concurrency);
        // It gets tasks of the line, or lets a task run alone under which a process died.
        let explains = |claimed: &Claimed| {
            let task = &claimed.task;
            claimed.running.counts.is_suspect() || (&task.method, &task.task_type) == (&line.method, &line.task_type)
        };
        !is_full && !self.running.iter().any(explains)
    }
}

//! What a method has reported of its task, in memory: its progress, its latest checkpoint, and when the next one is due.

use std::time::Duration;

use mission_core::{Checkpoint, Error, ErrorKind, Progress, Task};

use crate::checkpoint::CheckpointError;
use crate::limits;

/// What a report finds to be done before the method goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing.
    GoOn,
    /// The runtime's thread has been held long enough: give it a turn.
    Yield,
}

/// One attempt's reports. Times are those of [`crate::clock::coarse_ms`].
pub(crate) struct Reported {
    start: Start,
    progress: Progress,
    /// The highest `done` that this attempt itself reported: the progress of the record may be ahead of it after a resume.
    reached: u64,
    /// Grows by one with each report; 0 means none yet.
    version: u64,
    /// The version that is written.
    written: u64,
    /// The latest checkpoint until it is written, with its version.
    checkpoint: Option<(u64, Checkpoint)>,
    /// The version of the last checkpoint that is written; 0 means none in this attempt.
    kept: u64,
    /// The version of the last one that the database refused.
    refused: u64,
    /// Whether one of them was a place to go on from.
    is_safe: bool,
    began_ms: u64,
    /// When the last report came, or the attempt began.
    at_ms: u64,
    /// When the runtime last had a turn.
    yielded_at_ms: u64,
    /// When the next checkpoint is due.
    due_at_ms: u64,
}

/// What the record told when the attempt began.
#[derive(Debug, Clone, Copy, Default)]
struct Start {
    /// How far the record says the task has come.
    done: u64,
    /// How far it had come at the checkpoint.
    checkpoint_done: u64,
    has_resumed: bool,
    has_started_over: bool,
    resumed: i64,
    redone: i64,
    active_ms: i64,
}

/// What of an attempt is to be written, in absolute figures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unwritten {
    pub(crate) version: u64,
    pub(crate) progress: Progress,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) resumed: i64,
    pub(crate) redone: i64,
    pub(crate) active_ms: i64,
}

impl Reported {
    /// The beginning of an attempt: where the task has a checkpoint, its progress goes on from the record's.
    pub(crate) fn begin(task: &Task, now_ms: u64) -> Self {
        let seed = task.progress.clone().filter(|_| task.checkpoint.is_some()).unwrap_or_default();
        let start = Start {
            done: seed.done,
            checkpoint_done: task.checkpoint_done.unwrap_or(0),
            has_resumed: false,
            has_started_over: false,
            resumed: task.resumed,
            redone: task.redone,
            active_ms: task.active_ms,
        };
        Self {
            start,
            progress: seed,
            reached: 0,
            version: 0,
            written: 0,
            checkpoint: None,
            kept: 0,
            refused: 0,
            is_safe: false,
            began_ms: now_ms,
            at_ms: now_ms,
            yielded_at_ms: now_ms,
            due_at_ms: now_ms + ms(limits::CHECKPOINT_FIRST),
        }
    }

    /// Takes a report: `done` never falls, and what a report leaves out stays as it was; an empty message clears the last one.
    pub(crate) fn report(&mut self, progress: Progress, now_ms: u64) -> Pace {
        self.reached = self.reached.max(progress.done);
        let kept = &mut self.progress;
        kept.done = kept.done.max(progress.done);
        kept.total = progress.total.or(kept.total);
        if progress.message.is_some() {
            kept.message = progress.message.filter(|message| !message.is_empty());
        }
        self.version += 1;
        self.at_ms = now_ms;
        if now_ms.saturating_sub(self.yielded_at_ms) < limits::YIELD_EVERY_MS {
            return Pace::GoOn;
        }
        self.yielded_at_ms = now_ms;
        Pace::Yield
    }

    /// Whether the next checkpoint is due.
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.due_at_ms
    }

    /// Takes a checkpoint to be written; answers its version.
    pub(crate) fn submit(&mut self, checkpoint: Checkpoint) -> u64 {
        self.version += 1;
        self.checkpoint = Some((self.version, checkpoint));
        self.version
    }

    /// A checkpoint took so long, of which this attempt may spend a part of its time.
    pub(crate) fn postpone(&mut self, took: Duration, now_ms: u64) {
        let wait = (took * limits::CHECKPOINT_PART).clamp(limits::CHECKPOINT_EVERY, limits::CHECKPOINT_EVERY_MAX);
        self.due_at_ms = now_ms + ms(wait);
    }

    /// The method goes on from the checkpoint.
    pub(crate) fn resume(&mut self) {
        if !self.start.has_resumed {
            self.start.has_resumed = true;
            self.version += 1;
        }
    }

    /// The method begins from nothing: what it does up to where the record stood is done again.
    pub(crate) fn start_over(&mut self, now_ms: u64) {
        self.progress = Progress::default();
        self.reached = 0;
        self.start.has_started_over = true;
        self.start.checkpoint_done = 0;
        self.start.active_ms = 0;
        self.began_ms = now_ms;
    }

    /// Whether the method began from nothing although there was a checkpoint.
    pub(crate) fn has_started_over(&self) -> bool {
        self.start.has_started_over
    }

    /// Attempts that went on from a checkpoint.
    pub(crate) fn resumed(&self) -> i64 {
        self.start.resumed + i64::from(self.start.has_resumed)
    }

    /// What is newer than what is written.
    pub(crate) fn unwritten(&self, now_ms: u64) -> Option<Unwritten> {
        (self.version > self.written).then(|| Unwritten {
            version: self.version,
            progress: self.progress.clone(),
            checkpoint: self.checkpoint.as_ref().map(|(_, checkpoint)| checkpoint.clone()),
            resumed: self.resumed(),
            redone: self.redone(),
            active_ms: self.start.active_ms.saturating_add(signed(now_ms.saturating_sub(self.began_ms))),
        })
    }

    /// Whether a checkpoint waits to be written.
    pub(crate) fn has_checkpoint_waiting(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// What was unwritten at this version is written.
    pub(crate) fn mark_written(&mut self, version: u64) {
        self.written = self.written.max(version);
        if let Some((submitted, checkpoint)) = self.checkpoint.take_if(|(submitted, _)| *submitted <= version) {
            self.kept = submitted;
            self.is_safe |= !checkpoint.is_start_over();
        }
    }

    /// What was unwritten at this version is refused, and would be again.
    pub(crate) fn mark_refused(&mut self, version: u64) {
        if let Some(submitted) = self.drop_unwritten(version) {
            self.refused = submitted;
        }
    }

    /// What is unwritten at this version never will be; answers the version of a checkpoint among it.
    pub(crate) fn drop_unwritten(&mut self, version: u64) -> Option<u64> {
        self.written = self.written.max(version);
        self.checkpoint.take_if(|(submitted, _)| *submitted <= version).map(|(submitted, _)| submitted)
    }

    /// What the database said to the checkpoint of this version, once it has.
    pub(crate) fn answer_to(&self, version: u64) -> Option<Result<(), CheckpointError>> {
        if self.kept >= version {
            return Some(Ok(()));
        }
        let refusal = "the database refused the checkpoint; the worker's log says why";
        let refused = || Err(CheckpointError::Refused(Error::new(ErrorKind::Database, refusal)));
        (self.refused >= version).then(refused)
    }

    /// Whether a checkpoint of this attempt is written: crashes before it count no more.
    pub(crate) fn is_safe(&self) -> bool {
        self.is_safe
    }

    /// When the last report came, or the attempt began.
    pub(crate) fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// Units that were done once more: counted as they are done, so that each is counted as often as it really was.
    fn redone(&self) -> i64 {
        let from = if self.start.has_resumed { self.start.checkpoint_done } else { 0 };
        self.start.redone.saturating_add(signed(self.reached.min(self.start.done).saturating_sub(from)))
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use mission_core::{State, UniqueId};

    use super::*;

    fn task() -> Task {
        Task::with(1, UniqueId::random(), "export".into(), State::Executing)
    }

    /// One that an attempt left at 900, with a checkpoint at 500.
    fn left_behind() -> Task {
        let mut task = task();
        task.progress = Some(Progress::of(900, 1000));
        task.checkpoint = Some("500".into());
        task.checkpoint_done = Some(500);
        (task.resumed, task.redone, task.active_ms) = (1, 30, 2_000);
        task
    }

    fn at(cursor: u64) -> Checkpoint {
        Checkpoint::at(&cursor, cursor, Vec::new()).unwrap()
    }

    #[test]
    fn a_checkpoint_is_due_soon_at_first_and_then_a_tenth_of_the_time() {
        let mut reported = Reported::begin(&task(), 1_000);
        assert!(!reported.is_due(1_049) && reported.is_due(1_050));
        for (took, next) in [(1, 500), (49, 500), (80, 800), (5_000, 10_000)] {
            reported.postpone(Duration::from_millis(took), 2_000);
            assert!(!reported.is_due(2_000 + next - 1) && reported.is_due(2_000 + next), "after {took} ms");
        }
    }

    #[test]
    fn the_latest_checkpoint_waits_until_it_is_written() {
        let mut reported = Reported::begin(&task(), 0);
        let first = reported.submit(at(1));
        let on_the_way = reported.unwritten(0).unwrap();
        let second = reported.submit(at(2));
        reported.mark_written(on_the_way.version);
        assert_eq!((reported.kept, reported.is_safe()), (0, false), "the first one was overtaken");
        assert_eq!(reported.unwritten(0).unwrap().checkpoint, Some(at(2)));
        reported.mark_written(second);
        assert!(reported.kept == second && first < second && reported.is_safe());
        assert_eq!(reported.unwritten(0), None);
        reported.report(3.into(), 0);
        assert_eq!(reported.unwritten(0).unwrap().checkpoint, None, "it is not written again");
    }

    #[test]
    fn after_a_resume_progress_stands_and_what_is_done_again_is_counted_once() {
        let mut reported = Reported::begin(&left_behind(), 0);
        reported.resume();
        reported.resume();
        let redone = |reported: &mut Reported, done: u64| {
            reported.report(done.into(), 10);
            let unwritten = reported.unwritten(10).unwrap();
            (unwritten.progress.done, unwritten.redone)
        };
        assert_eq!(redone(&mut reported, 501), (900, 31));
        assert_eq!(redone(&mut reported, 700), (900, 230));
        assert_eq!(redone(&mut reported, 950), (950, 430));
        assert_eq!(reported.unwritten(500).map(|unwritten| (unwritten.resumed, unwritten.active_ms)), Some((2, 2_500)));
    }

    #[test]
    fn a_method_that_starts_over_does_all_of_it_again() {
        let mut reported = Reported::begin(&left_behind(), 0);
        reported.start_over(100);
        reported.submit(Checkpoint::start_over());
        reported.report((40, 1000).into(), 150);
        let unwritten = reported.unwritten(150).unwrap();
        assert_eq!(
            (unwritten.progress.done, unwritten.resumed, unwritten.redone, unwritten.active_ms),
            (40, 1, 70, 50)
        );
        reported.mark_written(unwritten.version);
        assert!(!reported.is_safe(), "a beginning is no place to go on from");
    }

    #[test]
    fn without_a_checkpoint_progress_begins_anew() {
        let mut task = left_behind();
        task.checkpoint = None;
        let mut reported = Reported::begin(&task, 0);
        reported.report(1.into(), 0);
        assert_eq!(reported.unwritten(0).unwrap().progress.done, 1);
    }
}

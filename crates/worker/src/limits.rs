//! Every limit of the worker in one place, each with its reason.

use std::time::Duration;

/// Least concurrency unless told otherwise: methods mostly wait for others, even on one processor.
pub(crate) const CONCURRENCY_DEFAULT_MIN: usize = 4;
/// Most tasks at once: one claim of each line takes as many, and its locks are held until it commits.
pub(crate) const CONCURRENCY_MAX: usize = 10_000;
/// Most tasks one claim takes: larger batches gain nothing and hold locks longer.
pub(crate) const CLAIM_MAX: usize = 500;
/// Claims smaller than this cost much for each task: where they are filled twice running, other workers help.
pub(crate) const CLAIM_SMALL: usize = 64;
/// Tasks of the runtime that make an attempt, one begun by the other: itself and its method.
pub(crate) const TASKS_OF_ATTEMPT: usize = 2;
/// With fewer free slots than this part of all, a claim waits a moment for more of them.
pub(crate) const GATHER_PART: usize = 4;
/// That moment: short beside any task that is worth a row in a table.
pub(crate) const GATHER_PAUSE: Duration = Duration::from_millis(1);
/// Most tasks that are claimed together with outcomes: beside more of them a commit is little.
pub(crate) const TOGETHER_MAX: usize = 32;
/// Most content of an outcome that a claim goes with: larger ones are no small write.
pub(crate) const TOGETHER_BYTES_MAX: usize = 16 * 1024;
/// Most claims that go alone before the next tries to go together.
pub(crate) const APART_MAX: u32 = 64;
/// So long outcomes wait for a claim that is about to come, and a claim for the settler.
pub(crate) const TOGETHER_PAUSE: Duration = Duration::from_millis(2);
/// So many claims does one weigh whose turn to write to a file was refused: with fewer, two workers go on side by side.
pub(crate) const CROWD_WEIGHT: i64 = 8;
/// Most claims in hand: as much as four weigh whose turns were refused, by one stranger's writes as they come.
pub(crate) const CROWD_CREDIT_MAX: i64 = 32;
/// So long a worker stands by before it looks how far others have come: long beside a few slow writes.
pub(crate) const CROWD_PAUSE: Duration = Duration::from_millis(200);
/// So often it asks meanwhile whether anybody leads: each time is a change of processes, and so long does a dead leader's work wait.
pub(crate) const CROWD_ASK_EVERY: Duration = Duration::from_millis(50);
/// So long a worker leads whose tasks do not end at once any more, or that has no slot.
pub(crate) const CROWD_LEAD_MAX: Duration = Duration::from_millis(20);
/// So often does a worker claim beside which others stand by, at the least, also while a third program pushes in bulk: who comes to
/// less beside slow disks or slower programs is not left alone.
pub(crate) const CROWD_CLAIM_EVERY: Duration = Duration::from_millis(10);
/// With so many other lines of the priority nobody stands by: each is looked at before.
pub(crate) const CROWD_LINES_MAX: usize = 4;
/// So long a worker does not stand by again where others have not got on: pauses in vain cost a tenth of the time.
pub(crate) const CROWD_STAYS: Duration = Duration::from_secs(2);
/// Outcomes that may wait to be written before nothing more is claimed: memory stays bounded where the database is slow.
pub(crate) const SETTLE_BACKLOG_MAX: usize = 2_000;

/// Lease on a server: with four beats in it a crash is noticed within 15 s, a short hiccup is not.
pub(crate) const LEASE_SERVER: Duration = Duration::from_secs(10);
/// Lease on SQLite, where one long write of somebody else's holds up every renewal.
pub(crate) const LEASE_SQLITE: Duration = Duration::from_secs(60);
/// Shortest lease: beats must fit between the hiccups of a busy machine, beside the time that is kept back.
pub(crate) const LEASE_MIN: Duration = Duration::from_secs(2);
/// Longest lease: so long does a task stay behind on a machine that is gone.
pub(crate) const LEASE_MAX: Duration = Duration::from_secs(3600);
/// Beats per lease: three may fail before the lease is in danger.
pub(crate) const BEATS_PER_LEASE: u32 = 4;
/// Part of the lease kept back, so that tasks have ended before others may claim them.
pub(crate) const LEASE_MARGIN_PART: u32 = 8;
/// Least that is kept back: the time it takes to end what was told to stop, and some for a busy machine.
pub(crate) const LEASE_MARGIN_MIN: Duration =
    STOP_MOMENT.saturating_add(ABORT_MAX).saturating_add(Duration::from_millis(100));
/// Pause after a beat that failed: the database may be back any moment.
pub(crate) const BEAT_AGAIN: Duration = Duration::from_millis(250);
/// Longest rest without a look at the clock: so long may tasks run past their lease on a machine that slept.
pub(crate) const REST_STEP: Duration = Duration::from_secs(1);

/// Pause between two hints of a process, and between two that a worker follows: short beside a commit, long beside a look.
pub(crate) const HINT_EVERY: Duration = Duration::from_millis(2);
/// So long all who push hint the same worker: with each change two are at work for a while, and in each other's way.
pub(crate) const HINTED_FOR: Duration = Duration::from_secs(5);
/// So long a worker without a free slot keeps a hint before another gets it.
pub(crate) const HINT_LEFT: Duration = Duration::from_millis(5);
/// So long hints are not passed on again for a line that others are busy with.
pub(crate) const HINT_PASSED_FOR: Duration = Duration::from_millis(50);
/// Hints that are read in one go beside the one that ended the wait: those of some pushers at their pace, and few of a flood.
pub(crate) const HINTS_AT_ONCE: usize = 7;
/// How often a hint is passed on at the most.
pub(crate) const HOPS_MAX: u8 = 9;
/// So long the list of ears is taken for up to date.
pub(crate) const EARS_FRESH: Duration = Duration::from_secs(1);
/// So long an ear is worth a hint before the list is read again: most workers stay for long.
pub(crate) const EARS_AGE_MAX: Duration = Duration::from_secs(60);
/// Longest hint that is read; ours are shorter.
pub(crate) const HINT_BYTES_MAX: usize = 64;
/// How long the end of a process waits for its last hint.
pub(crate) const HINT_PATIENCE: Duration = Duration::from_millis(100);

/// Longest that the list of lines is used without a new look.
pub(crate) const LINES_AGE_MAX: Duration = Duration::from_secs(1);
/// So many claims from one line tell that a call is about it again.
pub(crate) const ALIKE_MIN: usize = 2;
/// So long a worker waits for a push that has taken its offer: for a statement and its commit.
pub(crate) const OFFER_PATIENCE: Duration = Duration::from_secs(1);
/// Shortest pause between looks, and after a refusal.
pub(crate) const POLL_FIRST: Duration = Duration::from_millis(20);
/// Pause before the next look of a worker that had tasks and finds no more: who pushes calls. With shorter ones all workers of a crowd
/// find each batch, and most of their claims only what others have locked.
pub(crate) const POLL_AFTER_WORK: Duration = Duration::from_millis(200);
/// Longest pause between looks of a worker that cannot tell by the look at the list of workers whether there is anything new: half of the
/// second within which a plain insert is to start.
pub(crate) const POLL_MAX: Duration = Duration::from_millis(500);
/// Longest that a worker at rest leans on these looks alone: they compare names and times that all databases put in words of their own.
pub(crate) const CALM_MAX: Duration = Duration::from_secs(30);
/// A look that takes long is followed by a rest so many times as long: looking stays a small part of the work.
pub(crate) const LOOK_REST_FACTOR: u32 = 20;
/// How often a worker compares the tasks it holds with those it knows of, whether or not it has a reason to.
pub(crate) const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// Turns that are remembered: as many as there may be lines, so that each has one.
pub(crate) const TURNS_KEPT: u64 = mission_core::limits::LINES_MAX.unsigned_abs();
/// Pause of a type whose running limit was found reached, because each look locks the type's row.
pub(crate) const FULL_TYPE_PAUSE: Duration = Duration::from_millis(200);
/// Pause of a line whose claim the database refused: long beside what a refused claim costs, short for who mends the row.
pub(crate) const ASIDE_PAUSE: Duration = Duration::from_secs(5);
/// How often a fault that lasts is logged: often enough that a look into the log finds it, seldom enough not to fill it.
pub(crate) const SAY_AGAIN: Duration = Duration::from_secs(60);
/// Pause after an error of the database.
pub(crate) const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// A task due sooner than this keeps a lingering worker from leaving: starting one anew costs more than waiting.
pub(crate) const LINGER_HORIZON: Duration = Duration::from_secs(600);

/// How long a method that was told to stop may take to end by itself, for its clean-up, before it is dropped.
pub(crate) const STOP_MOMENT: Duration = Duration::from_millis(250);
/// How long a dropped method may take to reach its next await before its outcome is recorded without it.
pub(crate) const ABORT_MAX: Duration = Duration::from_millis(250);
/// With which code a process ends that must not outlive its lease: an internal software error, as `sysexits` has it.
pub(crate) const ABORT_EXIT_CODE: i32 = 70;
/// What a worker may take beyond its grace: writing the last outcomes and taking itself off the list.
pub(crate) const EXIT_MAX: Duration = Duration::from_secs(2);

/// How often progress is written.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// How often while a running task is young: somebody may have just pushed it and be looking.
pub(crate) const PROGRESS_EVERY_AT_FIRST: Duration = Duration::from_millis(50);
/// How long a running task counts as young.
pub(crate) const PROGRESS_YOUTH: Duration = Duration::from_millis(500);
/// The folder of result files unless told otherwise.
pub(crate) const FILES_FOLDER: &str = "mission-files";
/// How long result files are kept after their task's success: time to come back after a holiday, and no archive.
pub(crate) const KEEP_FILES: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a task that writes files goes on while their bucket is away: all of it would be done again after a death.
pub(crate) const FILES_AWAY_MAX: Duration = Duration::from_secs(600);
/// How long a method may keep a thread of the runtime to itself before its reports of progress give it back, in milliseconds.
pub(crate) const YIELD_EVERY_MS: u64 = 10;
/// When the first checkpoint of an attempt is due: a worker that dies again and again soon after its start still gets on.
pub(crate) const CHECKPOINT_FIRST: Duration = Duration::from_millis(50);
/// How often a checkpoint is due after that: so much is done again after a death.
pub(crate) const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);
/// A checkpoint that took long is followed by a pause so many times as long: making them takes at most a tenth of the time.
pub(crate) const CHECKPOINT_PART: u32 = 10;
/// Longest such pause: losing more work than this costs more than the checkpoint does.
pub(crate) const CHECKPOINT_EVERY_MAX: Duration = Duration::from_secs(10);
/// How long a method waits for its checkpoint to be written before it goes on; the write is kept and tried again.
pub(crate) const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(250);
/// How long an outcome waits for the last lines of its task's log, so that they mostly stand there before it.
pub(crate) const LINES_MOMENT: Duration = Duration::from_millis(250);
/// Attempts whose lines may wait to be written: each may have a quarter of a mebibyte of them.
pub(crate) const LINES_BACKLOG_MAX: usize = 1_000;
/// How long a success in its method's transaction waits for the lines of the task's log: who follows it reads to the success
/// and goes, but that transaction may hold locks.
pub(crate) const LINES_PATIENCE: Duration = Duration::from_millis(500);
/// How often running tasks are looked up for a cancel or a lost lease; half of the second a cancel may take.
pub(crate) const WATCH_EVERY: Duration = Duration::from_millis(500);
/// Tasks younger than this are not looked up: most end sooner.
pub(crate) const WATCH_AGE_MIN: Duration = Duration::from_millis(500);
/// How long an outcome waits for disk or bucket, once the attempt is to end: twice that is within what a worker may take beyond its grace.
pub(crate) const FILES_MOMENT: Duration = Duration::from_millis(500);
/// How often outcomes are tried whose rows somebody else holds: looking costs them nothing.
pub(crate) const HELD_EVERY: Duration = Duration::from_millis(250);
/// Longest pause between two tries to write outcomes.
pub(crate) const SETTLE_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often the list of workers is looked at, and whether a task waits: what an idle worker mostly asks beside its beats.
pub(crate) const HOUSE_EVERY: Duration = Duration::from_millis(800);
/// So long a look that saw nothing stands for the fetcher's own: with what follows within the second of a plain insert.
pub(crate) const GLANCE_AGE_MAX: Duration = Duration::from_millis(900);
/// How often the processes of workers on the same machine are looked at, which costs the database nothing.
pub(crate) const NEIGHBOURS_EVERY: Duration = Duration::from_millis(200);
/// How often tasks are sought whose worker is not on the list: only a worker that was taken for dead leaves some.
pub(crate) const ORPHANS_EVERY: Duration = Duration::from_secs(10);
/// A look at the list that takes longer than this says that the database was away.
pub(crate) const SLOW_LOOK: Duration = Duration::from_secs(1);
/// How often tasks and files whose time is over are removed, besides at the start.
pub(crate) const CLEAN_EVERY: Duration = Duration::from_secs(3600);
/// Pause between two steps of pruning: claims go first.
pub(crate) const PRUNE_PAUSE: Duration = Duration::from_millis(50);

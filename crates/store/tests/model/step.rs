//! What can be done to a store, and how a random life of it is drawn: steps that shrink to few and simple ones.

use std::time::{Duration, UNIX_EPOCH};

use mission_core::{Checkpoint, CommittedFile, Failure, NewTask, Outcome, Progress};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A time that no sequence lives to see.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A task to be pushed, of few methods, types and keys, so that they meet.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) method: usize,
    pub(crate) task_type: usize,
    pub(crate) priority: i64,
    pub(crate) key: Option<usize>,
    pub(crate) repeat: Repeat,
    pub(crate) due: Due,
    pub(crate) retries: Option<i64>,
    pub(crate) params: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Free,
    Refused,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    Now,
    /// So many seconds after a moment long ago.
    LongAgo(u64),
    /// In so many hours.
    Later(u32),
}

impl Spec {
    pub(crate) fn new_task(&self) -> NewTask {
        let mut task = NewTask::new(format!("method{}", self.method))
            .task_type(format!("type{}", self.task_type))
            .priority(self.priority);
        if let Some(key) = self.key {
            task = task.key(format!("key{key}"));
        }
        if self.repeat == Repeat::Refused {
            task = task.without_repeat_method();
        }
        if let Some(retries) = self.retries {
            task = task.retries(retries);
        }
        if let Some(params) = self.params {
            task = task.params(&[params]);
        }
        match self.due {
            Due::Now => task,
            Due::LongAgo(seconds) => task.at(UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)),
            Due::Later(hours) => task.after(HOUR * hours),
        }
    }
}

/// One task of a push.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    New(Spec),
    /// One that was pushed before, whatever became of it.
    Again(Index),
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    Success,
    Failed,
    Fatal,
    After(u32),
    Panicked,
    TimedOut,
    Stalled,
    Cancelled,
    BadParams,
    HandedOver,
    Died,
}

impl Ending {
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Ending::Success => Outcome::Success("done".to_owned()),
            Ending::Failed => Outcome::Failed(Failure::new("busy")),
            Ending::Fatal => Outcome::Failed(Failure::new("gone").fatal()),
            Ending::After(hours) => Outcome::Failed(Failure::new("slow down").retry_after(HOUR * hours)),
            Ending::Panicked => Outcome::Panicked("index out of bounds".to_owned()),
            Ending::TimedOut => Outcome::TimedOut(HOUR),
            Ending::Stalled => Outcome::Stalled(HOUR),
            Ending::Cancelled => Outcome::Cancelled,
            Ending::BadParams => Outcome::BadParams("no field rows".to_owned()),
            Ending::HandedOver => Outcome::HandedOver,
            Ending::Died => Outcome::Died,
        }
    }
}

/// Under which right something is written: one of the leases, its token as it was given or off by some.
#[derive(Debug, Clone)]
pub(crate) struct Right {
    pub(crate) among: Leases,
    pub(crate) lease: Index,
    pub(crate) shift: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leases {
    /// Those that hold.
    Held,
    /// All that were ever given.
    All,
}

#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) right: Right,
    pub(crate) ending: Ending,
    pub(crate) retries: i64,
    pub(crate) content: ContentKind,
    pub(crate) brings: Brings,
    pub(crate) news: News,
}

/// Whether a worker has looked since the task was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Heard,
    Unheard,
}

/// What an end brings with it, as far as it may.
#[derive(Debug, Clone)]
pub(crate) struct Brings {
    pub(crate) files: Vec<File>,
    pub(crate) is_recorded: bool,
    pub(crate) follow_up: Option<Spec>,
}

/// A result file, of few names and places.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) name: u8,
    pub(crate) place: u8,
    pub(crate) bytes: u64,
    pub(crate) keep_hours: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Commit,
    Rollback,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKind {
    Whole,
    Cut,
}

#[derive(Debug, Clone)]
pub(crate) struct Say {
    pub(crate) right: Right,
    pub(crate) progress: Option<Progress>,
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Attempts that went on; the other figures are made of it.
    pub(crate) figure: i64,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Push(Vec<Item>),
    Claim {
        line: Index,
        age: Age,
        worker: usize,
        limit: usize,
        is_limited: bool,
        leaves_suspects: bool,
    },
    ClaimOne {
        task: Index,
        worker: usize,
    },
    /// A push as a handle makes it, beside a worker at rest that would begin a task of the line.
    PushBeside {
        spec: Spec,
        offered: Offered,
        worker: usize,
        may_take: bool,
    },
    Settle(Vec<End>),
    /// Ends that bring nothing, and a claim from a line without a running limit.
    Both {
        ends: Vec<End>,
        line: Index,
        age: Age,
        worker: usize,
        limit: usize,
        leaves_suspects: bool,
    },
    SucceedIn {
        right: Right,
        brings: Brings,
        fate: Fate,
    },
    Report(Vec<Say>),
    HandOver {
        worker: usize,
    },
    Rescue {
        worker: usize,
    },
    Cancel(Index),
    Retry {
        task: Index,
        among: Tasks,
    },
    Delete(Index),
    Watch,
    Prune {
        ends: bool,
        failures: bool,
        after: Option<Index>,
    },
    Limit {
        task_type: usize,
        limit: Option<i64>,
    },
    Pause {
        task_type: usize,
    },
    Resume {
        task_type: usize,
    },
    Register {
        worker: usize,
        term: Duration,
    },
    Beat {
        worker: usize,
    },
    CondemnExpired {
        worker: usize,
    },
    CondemnGone {
        worker: usize,
    },
    Remove {
        worker: usize,
    },
}

/// Which line a worker at rest offers to take from.
#[derive(Debug, Clone)]
pub(crate) enum Offered {
    /// Of those that are there now, or ever were.
    Any(Index),
    /// That of the push, from so many seconds after a moment long ago.
    SameLongAgo(u64),
    /// That of the push, from now on.
    SameNow,
}

/// Which tasks are chosen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tasks {
    Ended,
    All,
}

/// Whether a claim goes by the lines as they are, or by some that were read at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    Old,
}

pub(crate) const WORKERS: usize = 3;

fn spec() -> impl Strategy<Value = Spec> {
    let due = prop_oneof![
        5 => Just(Due::Now),
        3 => (0..4_u64).prop_map(Due::LongAgo),
        1 => (1..3_u32).prop_map(Due::Later),
    ];
    let repeat = prop_oneof![6 => Just(Repeat::Free), 1 => Just(Repeat::Refused)];
    let kinds = (
        select(vec![0_usize, 0, 0, 1]),
        select(vec![0_usize, 0, 1]),
        select(vec![0_i64, 0, 0, -9, 9]),
        option::of(0..2_usize),
    );
    (kinds, repeat, due, option::of(0..3_i64), option::of(any::<u8>())).prop_map(
        |((method, task_type, priority, key), repeat, due, retries, params)| Spec {
            method,
            task_type,
            priority,
            key,
            repeat,
            due,
            retries,
            params,
        },
    )
}

fn right() -> impl Strategy<Value = Right> {
    let shift = prop_oneof![12 => Just(0_i64), 1 => Just(-1), 1 => Just(1)];
    let among = prop_oneof![2 => Just(Leases::Held), 1 => Just(Leases::All)];
    (among, any::<Index>(), shift).prop_map(|(among, lease, shift)| Right { among, lease, shift })
}

fn end() -> impl Strategy<Value = End> {
    let ending = prop_oneof![
        3 => Just(Ending::Success),
        2 => Just(Ending::Failed),
        1 => Just(Ending::Fatal),
        1 => (0..3_u32).prop_map(Ending::After),
        1 => Just(Ending::Panicked),
        1 => Just(Ending::TimedOut),
        1 => Just(Ending::Stalled),
        1 => Just(Ending::Cancelled),
        1 => Just(Ending::BadParams),
        2 => Just(Ending::HandedOver),
        3 => Just(Ending::Died),
    ];
    let content = prop_oneof![4 => Just(ContentKind::Whole), 1 => Just(ContentKind::Cut)];
    let news = select(vec![News::Heard, News::Unheard]);
    (right(), ending, 0..3_i64, content, brings(), news).prop_map(|(right, ending, retries, content, brings, news)| {
        End { right, ending, retries, content, brings, news }
    })
}

fn brings() -> impl Strategy<Value = Brings> {
    let file = (0..2_u8, 0..3_u8, 0..9_u64, option::of(0..2_u32)).prop_map(|(name, place, bytes, keep_hours)| File {
        name,
        place,
        bytes,
        keep_hours,
    });
    let follow_up = prop_oneof![3 => Just(None), 1 => spec().prop_map(Some)];
    (vec(file, 0..3), any::<bool>(), follow_up).prop_map(|(files, is_recorded, follow_up)| Brings {
        files,
        is_recorded,
        follow_up,
    })
}

fn say() -> impl Strategy<Value = Say> {
    let count = || prop_oneof![4 => 0..20_u64, 1 => Just(u64::MAX)];
    let message = option::of(0..9_u8).prop_map(|message| message.map(|message| format!("at {message}")));
    let progress =
        (count(), option::of(count()), message).prop_map(|(done, total, message)| Progress { done, total, message });
    (right(), option::of(progress), option::of(checkpoint()), 0..9_i64)
        .prop_map(|(right, progress, checkpoint, figure)| Say { right, progress, checkpoint, figure })
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    let file =
        (0..9_u64, any::<bool>(), option::of(0..9_i64)).prop_map(|(bytes, is_finished, keep_ms)| CommittedFile {
            name: "export.csv".to_owned(),
            media_type: "text/csv".to_owned(),
            bytes,
            rows: keep_ms.map(|_| bytes * 2),
            staging: format!("7-{bytes}.part"),
            hash: "00ff".to_owned(),
            is_finished,
            keep_ms,
            segments: (0..bytes % 3).map(|number| (7, number, bytes).into()).collect(),
        });
    let at = (0..9_u64, vec(file, 0..3)).prop_map(|(at, files)| Checkpoint::at(&at, at, files).unwrap());
    prop_oneof![5 => at, 1 => Just(Checkpoint::start_over())]
}

fn step() -> impl Strategy<Value = Step> {
    let item = prop_oneof![4 => spec().prop_map(Item::New), 1 => any::<Index>().prop_map(Item::Again)];
    let age = prop_oneof![4 => Just(Age::Fresh), 1 => Just(Age::Old)];
    let claim = (any::<Index>(), age, 0..WORKERS, 1..4_usize, any::<bool>(), any::<bool>());
    let both = (vec(end(), 1..4), claim.clone());
    let offered = prop_oneof![
        1 => any::<Index>().prop_map(Offered::Any),
        2 => (0..5_u64).prop_map(Offered::SameLongAgo),
        2 => Just(Offered::SameNow),
    ];
    let plain = spec().prop_map(|spec| Spec { key: None, repeat: Repeat::Free, due: Due::Now, ..spec });
    let beside = (prop_oneof![2 => plain, 1 => spec()], offered, 0..WORKERS, proptest::bool::weighted(0.9));
    let tasks = prop_oneof![2 => Just(Tasks::Ended), 1 => Just(Tasks::All)];
    let term = select(vec![HOUR, Duration::ZERO]);
    prop_oneof![
        8 => vec(item, 1..4).prop_map(Step::Push),
        7 => claim.prop_map(|(line, age, worker, limit, is_limited, leaves_suspects)| Step::Claim {
            line, age, worker, limit, is_limited, leaves_suspects
        }),
        3 => (any::<Index>(), 0..WORKERS).prop_map(|(task, worker)| Step::ClaimOne { task, worker }),
        4 => beside.prop_map(|(spec, offered, worker, may_take)| Step::PushBeside { spec, offered, worker, may_take }),
        8 => vec(end(), 1..4).prop_map(Step::Settle),
        5 => both.prop_map(|(ends, (line, age, worker, limit, _, leaves_suspects))| Step::Both {
            ends, line, age, worker, limit, leaves_suspects
        }),
        2 => (right(), brings(), select(vec![Fate::Commit, Fate::Commit, Fate::Rollback]))
            .prop_map(|(right, brings, fate)| Step::SucceedIn { right, brings, fate }),
        4 => vec(say(), 1..4).prop_map(Step::Report),
        1 => (0..WORKERS).prop_map(|worker| Step::HandOver { worker }),
        2 => (0..WORKERS).prop_map(|worker| Step::Rescue { worker }),
        3 => any::<Index>().prop_map(Step::Cancel),
        3 => (any::<Index>(), tasks).prop_map(|(task, among)| Step::Retry { task, among }),
        2 => any::<Index>().prop_map(Step::Delete),
        1 => Just(Step::Watch),
        1 => (any::<bool>(), any::<bool>(), option::of(any::<Index>()))
            .prop_map(|(ends, failures, after)| Step::Prune { ends, failures, after }),
        1 => (0..2_usize, option::of(0..3_i64)).prop_map(|(task_type, limit)| Step::Limit { task_type, limit }),
        1 => (0..2_usize).prop_map(|task_type| Step::Pause { task_type }),
        1 => (0..2_usize).prop_map(|task_type| Step::Resume { task_type }),
        1 => (0..WORKERS, term).prop_map(|(worker, term)| Step::Register { worker, term }),
        1 => (0..WORKERS).prop_map(|worker| Step::Beat { worker }),
        1 => (0..WORKERS).prop_map(|worker| Step::CondemnExpired { worker }),
        1 => (0..WORKERS).prop_map(|worker| Step::CondemnGone { worker }),
        1 => (0..WORKERS).prop_map(|worker| Step::Remove { worker }),
    ]
}

/// A life of a store, from empty.
pub(crate) fn life(steps_max: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=steps_max)
}

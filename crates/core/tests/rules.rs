//! Every outcome under every count, policy, cancel and reason: what follows, told a second time by a table of its own.
//!
//! `docs/guards.md` tells how the coverage of the lifecycle's branches by this table is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation ends the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use mission_core::{
    Backoff, Chance, Counts, Effects, Failure, Lease, LeaseToken, OnCrash, Outcome, Policy, Reason, Running, State,
    settle,
};

/// How an attempt ended, as a word that makes the outcome again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Success,
    Failed,
    FailedWithWait,
    Fatal,
    FatalWithWait,
    Panicked,
    TimedOut,
    Stalled,
    Cancelled,
    BadParams,
    HandedOver,
    Died,
}

const ENDED: [Ended; 12] = [
    Ended::Success,
    Ended::Failed,
    Ended::FailedWithWait,
    Ended::Fatal,
    Ended::FatalWithWait,
    Ended::Panicked,
    Ended::TimedOut,
    Ended::Stalled,
    Ended::Cancelled,
    Ended::BadParams,
    Ended::HandedOver,
    Ended::Died,
];

const REASONS: [(Reason, &str); 9] = [
    (Reason::Error, "error"),
    (Reason::Panic, "panic"),
    (Reason::Timeout, "timeout"),
    (Reason::Stalled, "stalled"),
    (Reason::BadParams, "bad_params"),
    (Reason::Crashed, "crashed"),
    (Reason::Cancelled, "cancelled"),
    (Reason::HandedOver, "handed_over"),
    (Reason::Imported, "imported"),
];

fn outcome(ended: Ended) -> Outcome {
    let asked = Duration::from_secs(77);
    match ended {
        Ended::Success => Outcome::Success("12 rows".to_owned()),
        Ended::Failed => Outcome::Failed(Failure::new("no such customer")),
        Ended::FailedWithWait => Outcome::Failed(Failure::new("slow down").retry_after(asked)),
        Ended::Fatal => Outcome::Failed(Failure::new("gone").fatal()),
        Ended::FatalWithWait => Outcome::Failed(Failure::new("gone").fatal().retry_after(asked)),
        Ended::Panicked => Outcome::Panicked("index out of bounds".to_owned()),
        Ended::TimedOut => Outcome::TimedOut(Duration::from_secs(90)),
        Ended::Stalled => Outcome::Stalled(Duration::from_secs(5)),
        Ended::Cancelled => Outcome::Cancelled,
        Ended::BadParams => Outcome::BadParams("no field rows".to_owned()),
        Ended::HandedOver => Outcome::HandedOver,
        Ended::Died => Outcome::Died,
    }
}

/// One case of the table.
#[derive(Debug, Clone, Copy)]
struct Case {
    ended: Ended,
    counts: Counts,
    own_retries: Option<i64>,
    method_retries: i64,
    is_backoff_default: bool,
    cancel_requested: bool,
    last_reason: Option<Reason>,
}

/// What must follow: state, reason, content, counts (attempt, failures, crashes), and the wait in milliseconds.
type Follows = (&'static str, &'static str, String, (i64, i64, i64), Option<u64>);

/// With a chance of one half a wait is three quarters of the full one: 1, 2, 4, 8 s, or 7, 14, 20, 20 s.
fn backoff_ms(failures: i64, is_default: bool) -> u64 {
    let waits: [u64; 4] = if is_default { [750, 1500, 3000, 6000] } else { [5250, 10_500, 15_000, 15_000] };
    waits[usize::try_from(failures - 1).unwrap()]
}

/// The rules as PRODUCT.md tells them, in the order in which they win over each other.
fn expected(case: Case) -> Follows {
    let Counts { attempt, failures, crashes } = case.counts;
    let same = (attempt, failures, crashes);
    let one_more_failure = (attempt, failures + 1, crashes);
    let retries = match (case.own_retries, case.method_retries) {
        (Some(own), _) => own,
        (None, methods) => methods,
    };
    let (reason, message, asked) = match case.ended {
        Ended::Success => return ("success", "", "12 rows".into(), same, None),
        Ended::Cancelled => return ("cancelled", "cancelled", "cancelled while it ran".into(), same, None),
        _ if case.cancel_requested => return ("cancelled", "cancelled", "cancelled while it ran".into(), same, None),
        Ended::BadParams if case.last_reason == Some(Reason::BadParams) => {
            return ("fail", "bad_params", "no field rows".into(), same, None);
        }
        Ended::BadParams => return ("init", "bad_params", "no field rows".into(), same, Some(30_000)),
        Ended::HandedOver => {
            let taken_back = [0, 0, 1, 2][usize::try_from(attempt).unwrap()];
            let content = "handed over by a worker that stopped".into();
            return ("init", "handed_over", content, (taken_back, failures, crashes), None);
        }
        Ended::Died => {
            let deaths = crashes + 1;
            let counts = (attempt, failures, deaths);
            return match deaths {
                1..=3 => ("init", "crashed", "the worker's process died".into(), counts, None),
                _ => {
                    let content = format!("the worker's process died under this task {deaths} times");
                    ("fail", "crashed", content, counts, None)
                }
            };
        }
        Ended::Fatal | Ended::FatalWithWait => return ("fail", "error", "gone".into(), one_more_failure, None),
        Ended::Failed => ("error", "no such customer", None),
        Ended::FailedWithWait => ("error", "slow down", Some(77_000)),
        Ended::Panicked => ("panic", "panicked: index out of bounds", None),
        Ended::TimedOut => ("timeout", "ran longer than its timeout of 1m 30s", None),
        Ended::Stalled => ("stalled", "made no progress for 5s", None),
    };
    if failures >= retries {
        return ("fail", reason, message.into(), one_more_failure, None);
    }
    let wait = asked.unwrap_or_else(|| backoff_ms(failures + 1, case.is_backoff_default));
    ("init", reason, message.into(), one_more_failure, Some(wait))
}

fn cases() -> impl Iterator<Item = Case> {
    let counts = (0..4).flat_map(|attempt| {
        (0..4).flat_map(move |failures| (0..5).map(move |crashes| Counts { attempt, failures, crashes }))
    });
    let retries = [None, Some(0), Some(1), Some(3)];
    let reasons: Vec<Option<Reason>> = std::iter::once(None).chain(REASONS.map(|(reason, _)| Some(reason))).collect();
    counts.flat_map(move |counts| {
        let reasons = reasons.clone();
        ENDED.into_iter().flat_map(move |ended| {
            let reasons = reasons.clone();
            retries.into_iter().flat_map(move |own_retries| {
                let reasons = reasons.clone();
                [(0, true), (2, true), (2, false), (4, true)].into_iter().flat_map(
                    move |(method_retries, is_backoff_default)| {
                        reasons.clone().into_iter().flat_map(move |last_reason| {
                            [false, true].map(|cancel_requested| Case {
                                ended,
                                counts,
                                own_retries,
                                method_retries,
                                is_backoff_default,
                                cancel_requested,
                                last_reason,
                            })
                        })
                    },
                )
            })
        })
    })
}

#[test]
fn what_follows_is_what_the_table_says_in_every_case() {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for case in cases() {
        let default = Backoff::default();
        let own = Backoff { first: Duration::from_secs(7), longest: Duration::from_secs(20) };
        let backoff = if case.is_backoff_default { default } else { own };
        let on_crash = if case.counts.attempt % 2 == 0 { OnCrash::RunAgain } else { OnCrash::Fail };
        let policy = Policy { retries: case.method_retries, backoff, on_crash };
        let running = Running {
            lease: Lease { id: 7, token: LeaseToken(3) },
            counts: case.counts,
            retries: case.own_retries,
            last_reason: case.last_reason,
            cancel_requested: case.cancel_requested,
        };
        let settled = settle(&running, &policy, outcome(case.ended), Chance::fixed(0.5));
        let (state, reason, content, (attempt, failures, crashes), wait_ms) = expected(case);
        *seen.entry((state, reason)).or_default() += 1;
        assert_eq!(settled.state.as_str(), state, "{case:?}");
        assert_eq!(settled.reason.map_or("", Reason::as_str), reason, "{case:?}");
        let text = settled.content.expect("an end says something");
        assert_eq!((text.text, text.is_cut), (content, false), "{case:?}");
        assert_eq!(settled.counts, Counts { attempt, failures, crashes }, "{case:?}");
        assert_eq!(settled.wait, wait_ms.map(Duration::from_millis), "{case:?}");
        assert_eq!((settled.lease, settled.effects), (running.lease, Effects::NONE), "{case:?}");
    }
    let ends: Vec<String> = seen.keys().map(|(state, reason)| format!("{state} {reason}")).collect();
    let all = [
        "cancelled cancelled",
        "fail bad_params",
        "fail crashed",
        "fail error",
        "fail panic",
        "fail stalled",
        "fail timeout",
        "init bad_params",
        "init crashed",
        "init error",
        "init handed_over",
        "init panic",
        "init stalled",
        "init timeout",
        "success ",
    ];
    assert_eq!(ends, all, "every end is in the table");
}

#[test]
fn only_a_method_that_asks_for_it_is_refused_after_a_crash_and_a_checkpoint_forgets_crashes() {
    for crashes in 0..5 {
        for on_crash in [OnCrash::RunAgain, OnCrash::Fail] {
            let mut running = Running {
                lease: Lease { id: 7, token: LeaseToken(3) },
                counts: Counts { attempt: 2, failures: 1, crashes },
                retries: Some(9),
                last_reason: Some(Reason::Crashed),
                cancel_requested: false,
            };
            let policy = Policy { retries: 9, on_crash, ..Policy::default() };
            let refused = running.refused_after_crash(&policy);
            let is_refused = matches!((crashes, on_crash), (1.., OnCrash::Fail));
            assert_eq!(refused.is_some(), is_refused, "{crashes} {on_crash:?}");
            if let Some(refused) = refused {
                assert_eq!((refused.state, refused.reason), (State::Fail, Some(Reason::Crashed)));
                assert_eq!((refused.lease, refused.counts, refused.wait), (running.lease, running.counts, None));
                let content = "the worker's process died, and the method is not to run again after a crash";
                assert_eq!(refused.content.unwrap().text, content);
            }
            running.checkpointed();
            assert_eq!(running.counts, Counts { attempt: 2, failures: 1, crashes: 0 });
            assert_eq!(running.refused_after_crash(&policy), None);
        }
    }
    assert_eq!(OnCrash::default(), OnCrash::RunAgain);
}

#[test]
fn a_task_is_a_suspect_from_its_first_death_and_poison_after_three_more() {
    let table = [(-1, false, false), (0, false, false), (1, true, false), (3, true, false), (4, true, true)];
    for (crashes, is_suspect, is_poison) in table {
        let counts = Counts { attempt: 9, failures: 9, crashes };
        assert_eq!((counts.is_suspect(), counts.is_poison()), (is_suspect, is_poison), "{crashes}");
    }
}

#[test]
fn each_state_and_reason_has_one_word_everywhere() {
    let states = [
        (State::Init, "init", false),
        (State::Executing, "executing", false),
        (State::Success, "success", true),
        (State::Fail, "fail", true),
        (State::Cancelled, "cancelled", true),
    ];
    assert_eq!(State::ALL.to_vec(), states.map(|(state, ..)| state).to_vec());
    for (state, word, is_final) in states {
        assert_eq!((state.as_str(), word.parse::<State>().unwrap()), (word, state));
        assert_eq!((state.is_final(), state.is_active()), (is_final, !is_final), "{word}");
        assert_eq!(format!("{state:>12}|{state:<12}"), format!("{word:>12}|{word:<12}"));
    }
    for (reason, word) in REASONS {
        assert_eq!((reason.as_str(), word.parse::<Reason>().unwrap()), (word, reason));
        assert_eq!(format!("{reason:>12}"), format!("{word:>12}"));
    }
    for unknown in ["", "Init", "init ", "done", "bad params"] {
        let state = unknown.parse::<State>().unwrap_err();
        let ways_out = "use init, executing, success, fail or cancelled";
        assert_eq!(state.to_string(), format!("no state is called {unknown:?}: {ways_out}"));
        let reason = unknown.parse::<Reason>().unwrap_err();
        assert!(state.is_invalid() && reason.is_invalid());
        let words = REASONS.map(|(_, word)| word).join(", ");
        assert_eq!(reason.to_string(), format!("no reason is called {unknown:?}: use one of {words}"));
    }
}

#[test]
fn the_lawful_moves_are_these_and_no_others() {
    // From a row to a column, in the order init, executing, success, fail, cancelled.
    let table = ["-x--x", "x-xxx", "x----", "x----", "x----"];
    for (from, row) in State::ALL.into_iter().zip(table) {
        for (to, mark) in State::ALL.into_iter().zip(row.chars()) {
            assert_eq!(from.may_become(to), mark == 'x', "{from} -> {to}");
        }
    }
}

//! What follows from each outcome, as a table and as properties of every life a task can lead.

use std::time::Duration;

use mission_core::{
    Backoff, Chance, Counts, Failure, Lease, LeaseToken, OnCrash, Outcome, Policy, Reason, Running, State, limits,
    settle,
};
use proptest::prelude::*;

fn running() -> Running {
    Running {
        lease: Lease { id: 7, token: LeaseToken(3) },
        counts: Counts { attempt: 2, failures: 0, crashes: 0 },
        retries: None,
        last_reason: None,
        cancel_requested: false,
    }
}

fn policy(retries: i64) -> Policy {
    Policy { retries, ..Policy::default() }
}

fn half() -> Chance {
    Chance::fixed(0.5)
}

#[test]
fn an_answer_is_success_with_its_content() {
    let settled = settle(&running(), &policy(0), Outcome::Success("done".into()), half());
    assert_eq!((settled.state, settled.reason, settled.wait), (State::Success, None, None));
    assert_eq!(settled.content.unwrap().text, "done");
    assert_eq!((settled.lease, settled.counts), (running().lease, running().counts));
}

#[test]
fn without_retries_each_kind_of_failure_ends_the_task_under_its_reason() {
    let table = [
        (Outcome::Failed(Failure::new("no such customer")), Reason::Error, "no such customer"),
        (Outcome::Panicked("index out of bounds".into()), Reason::Panic, "panicked: index out of bounds"),
        (Outcome::TimedOut(Duration::from_secs(90)), Reason::Timeout, "ran longer than its timeout of 1m 30s"),
        (Outcome::Stalled(Duration::from_secs(5)), Reason::Stalled, "made no progress for 5s"),
    ];
    for (outcome, reason, content) in table {
        let settled = settle(&running(), &policy(0), outcome, half());
        assert_eq!((settled.state, settled.reason, settled.counts.failures), (State::Fail, Some(reason), 1));
        assert_eq!(settled.content.unwrap().text, content);
    }
}

#[test]
fn with_retries_left_a_failure_waits_for_the_backoff_and_the_last_one_ends_it() {
    let mut task = running();
    for failures in 1..=3 {
        let settled = settle(&task, &policy(3), Outcome::Failed(Failure::new("busy")), half());
        assert_eq!((settled.state, settled.reason), (State::Init, Some(Reason::Error)));
        assert_eq!(settled.wait, Some(Backoff::default().wait(failures, half())));
        task.counts = settled.counts;
    }
    let settled = settle(&task, &policy(3), Outcome::Failed(Failure::new("busy")), half());
    assert_eq!((settled.state, settled.counts.failures), (State::Fail, 4));
}

#[test]
fn the_tasks_own_retries_win_over_the_methods() {
    let task = Running { retries: Some(1), ..running() };
    assert_eq!(settle(&task, &policy(0), Outcome::Panicked("x".into()), half()).state, State::Init);
    let task = Running { retries: Some(0), ..running() };
    assert_eq!(settle(&task, &policy(9), Outcome::Panicked("x".into()), half()).state, State::Fail);
}

#[test]
fn a_fatal_failure_is_not_retried_and_a_wait_that_was_asked_for_is_kept() {
    let fatal = Outcome::Failed(Failure::new("gone").fatal());
    assert_eq!(settle(&running(), &policy(9), fatal, half()).state, State::Fail);
    let later = Outcome::Failed(Failure::new("slow down").retry_after(Duration::from_secs(77)));
    assert_eq!(settle(&running(), &policy(1), later, half()).wait, Some(Duration::from_secs(77)));
}

#[test]
fn params_that_do_not_fit_are_tried_once_more_after_thirty_seconds() {
    let settled = settle(&running(), &policy(9), Outcome::BadParams("no field rows".into()), half());
    assert_eq!((settled.state, settled.reason), (State::Init, Some(Reason::BadParams)));
    assert_eq!((settled.wait, settled.counts.failures), (Some(limits::BAD_PARAMS_WAIT), 0));
    let again = Running { last_reason: settled.reason, ..running() };
    let settled = settle(&again, &policy(9), Outcome::BadParams("no field rows".into()), half());
    assert_eq!((settled.state, settled.reason), (State::Fail, Some(Reason::BadParams)));
}

#[test]
fn a_hand_over_counts_nothing_and_keeps_the_place_in_front() {
    let settled = settle(&running(), &policy(0), Outcome::HandedOver, half());
    assert_eq!((settled.state, settled.reason, settled.wait), (State::Init, Some(Reason::HandedOver), None));
    assert_eq!(settled.counts, Counts { attempt: 1, failures: 0, crashes: 0 });
    let first = Running { counts: Counts::default(), ..running() };
    assert_eq!(settle(&first, &policy(0), Outcome::HandedOver, half()).counts.attempt, 0);
}

#[test]
fn the_first_death_and_three_as_the_only_suspect_make_a_task_poison() {
    let mut task = running();
    for crashes in 1..=3 {
        let settled = settle(&task, &policy(0), Outcome::Died, half());
        assert_eq!((settled.state, settled.counts.crashes, settled.wait), (State::Init, crashes, None));
        assert!(settled.counts.is_suspect() && !settled.counts.is_poison());
        task.counts = settled.counts;
    }
    let settled = settle(&task, &policy(0), Outcome::Died, half());
    assert_eq!((settled.state, settled.reason, settled.counts.crashes), (State::Fail, Some(Reason::Crashed), 4));
    assert!(settled.content.unwrap().text.contains("4 times"));
}

#[test]
fn a_method_may_refuse_to_run_after_a_crash() {
    let once = Policy { on_crash: OnCrash::Fail, ..Policy::default() };
    assert_eq!(running().refused_after_crash(&once), None);
    let suspect = Running { counts: Counts { crashes: 1, ..running().counts }, ..running() };
    assert_eq!(suspect.refused_after_crash(&policy(0)), None);
    let refused = suspect.refused_after_crash(&once).unwrap();
    assert_eq!((refused.state, refused.reason), (State::Fail, Some(Reason::Crashed)));
}

#[test]
fn a_cancel_wins_over_every_outcome_but_success() {
    let asked = Running { cancel_requested: true, ..running() };
    let outcomes = [
        Outcome::Cancelled,
        Outcome::Failed(Failure::new("interrupted")),
        Outcome::Panicked("x".into()),
        Outcome::HandedOver,
        Outcome::Died,
        Outcome::BadParams("x".into()),
    ];
    for outcome in outcomes {
        let settled = settle(&asked, &policy(9), outcome, half());
        assert_eq!((settled.state, settled.reason), (State::Cancelled, Some(Reason::Cancelled)));
    }
    assert_eq!(settle(&asked, &policy(9), Outcome::Success(String::new()), half()).state, State::Success);
    assert_eq!(settle(&running(), &policy(9), Outcome::Cancelled, half()).state, State::Cancelled);
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<String>().prop_map(Outcome::Success),
        (any::<String>(), any::<bool>(), proptest::option::of(any::<u64>())).prop_map(|(text, is_fatal, wait)| {
            let failure = Failure::new(text);
            let failure = if is_fatal { failure.fatal() } else { failure };
            Outcome::Failed(match wait {
                Some(seconds) => failure.retry_after(Duration::from_secs(seconds)),
                None => failure,
            })
        }),
        any::<String>().prop_map(Outcome::Panicked),
        any::<u32>().prop_map(|ms| Outcome::TimedOut(Duration::from_millis(ms.into()))),
        any::<u32>().prop_map(|ms| Outcome::Stalled(Duration::from_millis(ms.into()))),
        Just(()).prop_map(|()| Outcome::Cancelled),
        any::<String>().prop_map(Outcome::BadParams),
        Just(()).prop_map(|()| Outcome::HandedOver),
        Just(()).prop_map(|()| Outcome::Died),
    ]
}

proptest! {
    #[test]
    fn every_settlement_is_a_lawful_move_under_the_same_lease(
        outcome in any_outcome(), retries in 0..5i64, own in proptest::option::of(0..5i64),
        attempt in 1..9i64, failures in 0..9i64, crashes in 0..9i64, cancel_requested: bool, chance in 0.0..1.0f64,
    ) {
        let task = Running {
            counts: Counts { attempt, failures, crashes }, retries: own, cancel_requested, ..running()
        };
        let settled = settle(&task, &policy(retries), outcome, Chance::fixed(chance));
        prop_assert!(State::Executing.may_become(settled.state));
        prop_assert_eq!(settled.lease, task.lease);
        prop_assert_eq!(settled.state == State::Success, settled.reason.is_none());
        prop_assert!(settled.wait.is_none() || settled.state == State::Init);
        let content = settled.content.unwrap();
        prop_assert!(content.text.len() <= limits::CONTENT_BYTES_MAX && !content.text.contains('\0'));
        prop_assert!(settled.counts.attempt <= attempt && settled.counts.attempt >= attempt - 1);
    }

    #[test]
    fn a_task_that_always_fails_ends_after_its_retries(retries in 0..8i64, chance in 0.0..1.0f64) {
        let mut task = running();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let settled = settle(&task, &policy(retries), Outcome::Failed(Failure::new("no")), Chance::fixed(chance));
            task.counts = settled.counts;
            if settled.state == State::Fail { break; }
            prop_assert!(attempts <= retries);
        }
        prop_assert_eq!(attempts, retries + 1);
    }
}

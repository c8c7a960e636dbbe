//! What a settlement brings: files, the attempt and follow-up tasks are there if and only if the settlement is.

use std::time::Duration;

use mission_core::{AttemptRecord, Effects, FinishedFile, NewTask, Reason, Settlement, State, WorkerId, limits};
use mission_store::{Claimed, Verdict};
use mission_testkit::{Database, Kind, conformance};

use crate::settle::refuse;
use crate::stage::{WORKER, ending, get, number, open, open_several, push, race, running, task, waiting_again};

conformance![
    a_success_and_its_files_are_seen_together,
    a_lost_lease_leaves_no_file_no_attempt_and_no_follow_up,
    a_settle_that_is_repeated_brings_nothing_twice,
    of_racing_ends_one_brings_its_effects,
    a_group_brings_the_effects_of_those_that_were_hit,
    an_attempt_is_recorded_though_its_task_is_cancelled_in_place_of_waiting_again,
    a_follow_up_with_a_key_that_is_taken_changes_nothing,
    a_success_whose_follow_up_cannot_be_stored_is_a_failure_that_says_so,
    a_success_whose_files_the_database_refuses_is_a_failure_that_says_so,
    a_success_that_finds_the_disk_full_waits_for_room,
    a_failure_is_recorded_without_a_record_that_is_refused,
    hostile_texts_in_files_and_attempts_are_made_to_fit,
    the_attempts_of_a_task_are_bounded,
];

pub(crate) fn finished(name: &str, location: &str) -> FinishedFile {
    FinishedFile {
        name: name.to_owned(),
        media_type: "text/csv".to_owned(),
        bytes: 1 << 40,
        sha256: "ab".repeat(32),
        rows: Some(9_007_199_254_740_993),
        storage: STORAGE.to_owned(),
        location: location.to_owned(),
        keep: Some(Duration::from_secs(3600)),
    }
}

pub(crate) const STORAGE: &str = "file:machine:/files";

pub(crate) fn record(claimed: &Claimed, outcome: &str) -> AttemptRecord {
    AttemptRecord {
        attempt: claimed.running.counts.attempt,
        worker_id: WORKER,
        worker: "host-1".to_owned(),
        ran: Duration::from_secs(60),
        outcome: outcome.to_owned(),
        content: None,
    }
}

/// A success with one file, a record and one follow-up.
pub(crate) fn rich(claimed: &Claimed, location: &str) -> Settlement {
    let effects = Effects {
        files: vec![finished("orders.csv", location)],
        attempt_record: Some(record(claimed, "success")),
        follow_ups: vec![NewTask::new("mail")],
    };
    Settlement { effects, ..ending(claimed, State::Success, "done") }
}

/// How many artifacts, attempts and follow-ups there are.
pub(crate) async fn brought(db: &Database) -> (i64, i64, i64) {
    (
        number(db, "select count(*) from mission_artifacts;").await,
        number(db, "select count(*) from mission_attempts;").await,
        number(db, "select count(*) from mission_tasks where method = 'mail';").await,
    )
}

async fn a_success_and_its_files_are_seen_together(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let id = &claimed.task.unique_id;
    let forever = FinishedFile { keep: None, rows: None, ..finished("a.zip", "a.bin") };
    let mut end = rich(&claimed, "1.csv");
    end.effects.files.push(forever.clone());
    let before = store.now().await.unwrap();
    assert_eq!(store.settle(&[end.clone()]).await.unwrap(), [Verdict::Settled]);
    let artifacts = store.artifacts(id).await.unwrap();
    assert_eq!(artifacts.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a.zip", "orders.csv"]);
    let orders = store.artifact(id, "orders.csv").await.unwrap().unwrap();
    assert_eq!(orders, artifacts[1]);
    let file = &end.effects.files[0];
    assert_eq!((&orders.media_type, orders.bytes, &orders.sha256), (&file.media_type, file.bytes, &file.sha256));
    assert_eq!((orders.row_count, orders.task_id, orders.is_expired), (file.rows, claimed.task.id, false));
    assert_eq!((&orders.storage, &orders.location), (&file.storage, &file.location));
    let keep = orders.expires_date.unwrap().since(before);
    assert!((Duration::from_secs(3599)..Duration::from_secs(3630)).contains(&keep), "{keep:?}");
    assert_eq!((artifacts[0].expires_date, artifacts[0].row_count), (None, None));
    assert_eq!(store.artifact(id, "Orders.csv").await.unwrap(), None);

    let attempts = store.attempts(id).await.unwrap();
    let [attempt] = attempts.as_slice() else { panic!("{attempts:?}") };
    assert_eq!(
        (attempt.attempt, attempt.lease_token, attempt.outcome.as_str()),
        (1, claimed.task.lease_token, "success")
    );
    assert_eq!(attempt.ended_date.since(attempt.started_date), Duration::from_secs(60));
    assert!(attempt.ended_date >= before);
    let follow_up = get(&store, end.effects.follow_ups[0].unique_id()).await;
    assert_eq!((follow_up.state, follow_up.method.as_str()), (State::Init, "mail"));
}

async fn a_lost_lease_leaves_no_file_no_attempt_and_no_follow_up(db: Database) {
    let store = open(&db).await;
    let stale = running(&store, task()).await;
    store.settle(&[waiting_again(&stale, None)]).await.unwrap();
    assert_eq!(store.settle(&[rich(&stale, "1.csv")]).await.unwrap(), [Verdict::Lost], "it waits");
    let other = store.claim_one(&stale.task.unique_id, WorkerId(8)).await.unwrap().unwrap();
    let before = get(&store, &stale.task.unique_id).await;
    assert_eq!(store.settle(&[rich(&stale, "1.csv")]).await.unwrap(), [Verdict::Lost], "another runs it");
    assert_eq!((get(&store, &stale.task.unique_id).await, brought(&db).await), (before, (0, 0, 0)));
    store.settle(&[rich(&other, "2.csv")]).await.unwrap();
    assert_eq!(store.settle(&[rich(&stale, "1.csv")]).await.unwrap(), [Verdict::Lost], "another ended it");
    assert_eq!(brought(&db).await, (1, 1, 1));
    assert_eq!(store.artifacts(&stale.task.unique_id).await.unwrap()[0].location, "2.csv");
}

async fn a_settle_that_is_repeated_brings_nothing_twice(db: Database) {
    let store = open(&db).await;
    let (one, two) = (running(&store, task()).await, running(&store, task()).await);
    let group = [rich(&one, "1.csv"), rich(&two, "2.csv")];
    assert_eq!(store.settle(&group[..1]).await.unwrap(), [Verdict::Settled]);
    let before = store.artifacts(&one.task.unique_id).await.unwrap();
    // As after a commit whose answer was lost, with one beside it that is new.
    for _ in 0..2 {
        assert_eq!(store.settle(&group).await.unwrap(), [Verdict::Settled; 2]);
        assert_eq!(brought(&db).await, (2, 2, 2));
    }
    assert_eq!(store.artifacts(&one.task.unique_id).await.unwrap(), before);
}

async fn of_racing_ends_one_brings_its_effects(db: Database) {
    let stores = open_several(&db, 4).await;
    for round in 1..=5 {
        let claimed = running(&stores[0], task()).await;
        let verdicts = race(&stores, 4, |store, number| {
            let mut end = rich(&claimed, &format!("{number}.csv"));
            end.state = [State::Success, State::Fail, State::Cancelled, State::Init][number];
            async move { store.settle(&[end]).await.unwrap()[0] }
        })
        .await;
        let winner = verdicts.iter().position(|verdict| *verdict == Verdict::Settled).unwrap();
        let artifacts = stores[0].artifacts(&claimed.task.unique_id).await.unwrap();
        assert_eq!(artifacts[0].location, format!("{winner}.csv"));
        assert_eq!(brought(&db).await, (round, round, round));
    }
}

async fn a_group_brings_the_effects_of_those_that_were_hit(db: Database) {
    let store = open(&db).await;
    let mut group = Vec::new();
    for number in 0..12 {
        let claimed = running(&store, task()).await;
        let bare = ending(&claimed, State::Success, "bare");
        group.push(if number % 3 == 0 { bare } else { rich(&claimed, &format!("{number}.csv")) });
    }
    for lost in [0, 4, 11] {
        group[lost].lease.token.0 += 1;
    }
    let verdicts = store.settle(&group).await.unwrap();
    let lost: Vec<_> = (0..12).filter(|place| verdicts[*place] == Verdict::Lost).collect();
    assert_eq!(lost, [0, 4, 11]);
    assert_eq!(brought(&db).await, (6, 6, 6));
    assert_eq!(number(&db, "select count(*) from mission_artifacts where location in ('4.csv', '11.csv');").await, 0);
}

async fn an_attempt_is_recorded_though_its_task_is_cancelled_in_place_of_waiting_again(db: Database) {
    let store = open(&db).await;
    for is_lost in [false, true] {
        let (asked, other) = (running(&store, task()).await, running(&store, task()).await);
        store.cancel(&asked.task.unique_id).await.unwrap();
        let failed = |claimed: &Claimed| {
            let effects = Effects { attempt_record: Some(record(claimed, "error")), ..Effects::NONE };
            Settlement { effects, ..waiting_again(claimed, None) }
        };
        let mut group = [failed(&asked), failed(&other)];
        if is_lost {
            group[1].lease.token.0 += 1;
        }
        let other_verdict = if is_lost { Verdict::Lost } else { Verdict::Settled };
        assert_eq!(store.settle(&group).await.unwrap(), [Verdict::Settled, other_verdict]);
        assert_eq!(get(&store, &asked.task.unique_id).await.state, State::Cancelled);
        assert_eq!(store.attempts(&asked.task.unique_id).await.unwrap().len(), 1);
        assert_eq!(store.attempts(&other.task.unique_id).await.unwrap().len(), usize::from(!is_lost));
    }
}

async fn a_follow_up_with_a_key_that_is_taken_changes_nothing(db: Database) {
    let store = open(&db).await;
    push(&store, NewTask::new("mail").key("monthly")).await;
    let claimed = running(&store, task()).await;
    let mut end = rich(&claimed, "1.csv");
    end.effects.follow_ups = vec![
        NewTask::new("mail").key("monthly"),
        NewTask::new("mail").without_repeat_method(),
        NewTask::new("note").without_repeat_method(),
        NewTask::new("note"),
    ];
    assert_eq!(store.settle(&[end]).await.unwrap(), [Verdict::Settled]);
    assert_eq!(brought(&db).await, (1, 1, 1));
    assert_eq!(number(&db, "select count(*) from mission_tasks where method = 'note';").await, 2);
}

async fn a_success_whose_follow_up_cannot_be_stored_is_a_failure_that_says_so(db: Database) {
    let store = open(&db).await;
    let (bad, good) = (running(&store, task()).await, running(&store, task()).await);
    let mut end = rich(&bad, "1.csv");
    end.effects.follow_ups.push(NewTask::new("mail").priority(99));
    assert_eq!(
        store.settle(&[end, rich(&good, "2.csv")]).await.unwrap(),
        [Verdict::SettledAsFailure, Verdict::Settled]
    );
    let failed = get(&store, &bad.task.unique_id).await;
    assert_eq!((failed.state, failed.reason), (State::Fail, Some(Reason::Error)));
    let content = failed.content.unwrap();
    assert!(content.contains("follow-up") && content.contains("priority 99"), "{content}");
    assert_eq!(brought(&db).await, (1, 1, 1), "those of the other task");
}

async fn a_success_whose_files_the_database_refuses_is_a_failure_that_says_so(db: Database) {
    let store = open(&db).await;
    let statement = match db.kind() {
        Kind::Sqlite => {
            "create trigger no_venom before insert on mission_artifacts when new.name like '%venom%'
             begin select raise(abort, 'no_venom'); end;"
        }
        _ => "alter table mission_artifacts add constraint no_venom check (name not like '%venom%');",
    };
    db.sql(statement).await.unwrap();
    let (bad, good) = (running(&store, task()).await, running(&store, task()).await);
    let mut end = rich(&bad, "1.csv");
    end.effects.files.push(finished("venom.csv", "3.csv"));
    assert_eq!(
        store.settle(&[end, rich(&good, "2.csv")]).await.unwrap(),
        [Verdict::SettledAsFailure, Verdict::Settled]
    );
    let failed = get(&store, &bad.task.unique_id).await;
    assert_eq!(failed.state, State::Fail);
    assert!(failed.content.unwrap().contains("no_venom"));
    assert_eq!(store.artifacts(&bad.task.unique_id).await.unwrap(), [], "none of its files");
    assert_eq!(get(&store, &good.task.unique_id).await.state, State::Success);
    assert_eq!(brought(&db).await, (1, 1, 1));
}

/// Every file that is to be recorded meets a full disk, until the trigger is dropped.
async fn fill_the_disk(db: &Database) -> Option<&'static str> {
    match db.kind() {
        // Nothing but its disk can make it say so: its codes are looked at where they are told apart.
        Kind::Sqlite => None,
        Kind::Postgres => {
            db.sql(
                "create function no_room() returns trigger language plpgsql as
                 $$ begin raise exception 'no space left on device' using errcode = '53100'; end $$;",
            )
            .await
            .unwrap();
            db.sql(
                "create trigger no_room before insert on mission_artifacts for each row execute function no_room();",
            )
            .await
            .unwrap();
            Some("drop trigger no_room on mission_artifacts;")
        }
        Kind::Mariadb | Kind::Mysql => {
            db.sql(
                "create trigger no_room before insert on mission_artifacts for each row
                 signal sqlstate 'HY000' set mysql_errno = 1114, message_text = 'the table is full';",
            )
            .await
            .unwrap();
            Some("drop trigger no_room;")
        }
    }
}

async fn a_success_that_finds_the_disk_full_waits_for_room(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let Some(make_room) = fill_the_disk(&db).await else { return };
    let end = rich(&claimed, "1.csv");
    let other = running(&store, task()).await;
    let mut small = rich(&other, "2.csv");
    small.effects = Effects { attempt_record: Some(record(&other, "success")), ..Effects::NONE };
    let group = [end, small];
    let full = store.settle(&group).await.expect_err("nothing is made less of it");
    assert!(full.to_string().contains("make room"), "{full}");
    assert_eq!(get(&store, &claimed.task.unique_id).await.state, State::Executing);
    assert_eq!(get(&store, &other.task.unique_id).await.state, State::Success, "there is room for this one");
    db.sql(make_room).await.unwrap();
    assert_eq!(store.settle(&group).await.unwrap(), [Verdict::Settled; 2]);
    assert_eq!((get(&store, &claimed.task.unique_id).await.state, brought(&db).await), (State::Success, (1, 2, 1)));
}

async fn a_failure_is_recorded_without_a_record_that_is_refused(db: Database) {
    let store = open(&db).await;
    refuse(&db, "content", "venom", "no_venom").await;
    let claimed = running(&store, task()).await;
    let effects = Effects { attempt_record: Some(record(&claimed, "error")), ..Effects::NONE };
    let end = Settlement { effects, ..ending(&claimed, State::Fail, "venom") };
    assert_eq!(store.settle(&[end]).await.unwrap(), [Verdict::Settled]);
    let failed = get(&store, &claimed.task.unique_id).await;
    assert!(failed.state == State::Fail && failed.content.unwrap().starts_with("the content could not be stored"));
    assert_eq!(brought(&db).await, (0, 1, 0), "the record was not what was refused");
    db.sql("drop table mission_attempts;").await.unwrap();
    let claimed = running(&store, task()).await;
    let effects = Effects { attempt_record: Some(record(&claimed, "error")), ..Effects::NONE };
    let end = Settlement { effects, ..ending(&claimed, State::Fail, "why it failed") };
    assert_eq!(store.settle(&[end]).await.unwrap(), [Verdict::Settled]);
    let failed = get(&store, &claimed.task.unique_id).await;
    assert_eq!((failed.state, failed.content.as_deref()), (State::Fail, Some("why it failed")));
}

async fn hostile_texts_in_files_and_attempts_are_made_to_fit(db: Database) {
    let store = open(&db).await;
    let mut texts = crate::hostile::texts();
    texts.push(String::from_utf8_lossy(&[0x66, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0x00, 0xc3]).into_owned());
    let expected = |text: &str, chars: usize| text.replace('\0', "\u{fffd}").chars().take(chars).collect::<String>();
    for text in texts {
        let claimed = running(&store, task()).await;
        let mut end = rich(&claimed, "1.csv");
        end.effects.files[0].name.clone_from(&text);
        end.effects.files[0].media_type.clone_from(&text);
        let worker = text.chars().take(1000).collect();
        end.effects.attempt_record =
            Some(AttemptRecord { worker, content: Some(text.clone()), ..record(&claimed, &text) });
        assert_eq!(store.settle(&[end]).await.unwrap(), [Verdict::Settled]);
        let id = &claimed.task.unique_id;
        assert_eq!(get(&store, id).await.state, State::Success);
        let artifact = store.artifacts(id).await.unwrap().remove(0);
        assert_eq!((artifact.name, artifact.media_type), (expected(&text, 255), expected(&text, 127)));
        let attempt = store.attempts(id).await.unwrap().remove(0);
        assert_eq!((attempt.outcome, attempt.worker), (expected(&text, 32), expected(&text, 191)));
        let content = attempt.content.unwrap();
        assert!(
            content.len() <= limits::ATTEMPT_CONTENT_BYTES_MAX && expected(&text, usize::MAX).starts_with(&content)
        );
        store.artifact(id, &text).await.unwrap();
    }
}

async fn the_attempts_of_a_task_are_bounded(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let id = claimed.task.id;
    let kept = limits::ATTEMPTS_KEPT;
    for token in [1, 2, 3] {
        db.sql(&format!(
            "insert into mission_attempts (task_id, lease_token, attempt, worker_id, worker, started_date, ended_date, outcome)
             values ({id}, {token}, 1, 1, 'host', 0, 0, 'error'), ({id} + 1, {token}, 1, 1, 'host', 0, 0, 'error');"
        ))
        .await
        .unwrap();
    }
    db.sql(&format!("update mission_tasks set lease_token = {};", kept + 2)).await.unwrap();
    let mut late = claimed.clone();
    late.running.lease.token.0 = kept + 2;
    store.settle(&[rich(&late, "1.csv")]).await.unwrap();
    let attempts = store.attempts(&claimed.task.unique_id).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.lease_token.0).collect::<Vec<_>>(), [kept + 2, 3]);
    assert_eq!(number(&db, "select count(*) from mission_attempts;").await, 5, "those of another task stay");
}

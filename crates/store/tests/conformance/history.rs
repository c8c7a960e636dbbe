//! What is kept beside tasks: logs under their bounds, attempts, and both gone with their task.

use std::time::Duration;

use mission_core::{LeaseToken, NewLogLine, limits};
use mission_store::{Keep, NewLogLines, Store};
use mission_testkit::{Database, Kind, conformance};

use crate::effects::{brought, rich};
use crate::stage::{WORKER, number, open, running, task, waiting_again};
use crate::texts::{Raw, text};

conformance![
    lines_are_kept_in_their_order_and_once,
    lines_under_an_old_token_are_left_out,
    the_lines_of_an_attempt_and_of_attempts_long_ago_are_bounded,
    hostile_lines_are_made_to_fit,
    a_line_that_the_database_refuses_holds_up_no_other,
    attempts_and_lines_go_with_their_task,
    what_is_kept_of_a_task_that_came_back_stays,
    every_database_has_an_id_of_its_own_that_stays,
];

fn line(number: i64, message: &str) -> NewLogLine {
    NewLogLine { number, age: Duration::from_secs(5), level: "info".to_owned(), message: message.to_owned() }
}

async fn log(store: &Store, claimed: &mission_store::Claimed, lines: Vec<NewLogLine>) {
    store.log(&[NewLogLines { lease: claimed.running.lease, lines }]).await.unwrap();
}

async fn messages(store: &Store, claimed: &mission_store::Claimed) -> Vec<String> {
    let lines = store.logs(&claimed.task.unique_id, 0, 10_000).await.unwrap();
    lines.into_iter().map(|line| line.message).collect()
}

async fn lines_are_kept_in_their_order_and_once(db: Database) {
    let store = open(&db).await;
    let (claimed, other) = (running(&store, task()).await, running(&store, task()).await);
    let before = store.now().await.unwrap();
    log(&store, &claimed, vec![line(2, "two"), line(1, "one")]).await;
    log(&store, &other, vec![line(1, "of another")]).await;
    // The answer was lost: the same once more, with what came since.
    log(&store, &claimed, vec![line(1, "one"), line(2, "two"), line(3, "three")]).await;
    assert_eq!(messages(&store, &claimed).await, ["one", "two", "three"]);
    let lines = store.logs(&claimed.task.unique_id, 0, 2).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.line_no).collect::<Vec<_>>(), [1_000_001, 1_000_002]);
    let age = before.since(lines[0].logged_date);
    assert!((Duration::from_secs(1)..=Duration::from_secs(5)).contains(&age), "{age:?}");
    assert_eq!(lines[0].level, "info");
    let rest = store.logs(&claimed.task.unique_id, lines[1].line_no, 10).await.unwrap();
    assert_eq!(rest.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["three"]);
    store.log(&[]).await.unwrap();
}

async fn lines_under_an_old_token_are_left_out(db: Database) {
    let store = open(&db).await;
    let stale = running(&store, task()).await;
    store.settle(&[waiting_again(&stale, None)]).await.unwrap();
    log(&store, &stale, vec![line(1, "its last words")]).await;
    let other = store.claim_one(&stale.task.unique_id, WORKER).await.unwrap().unwrap();
    log(&store, &stale, vec![line(2, "too late")]).await;
    log(&store, &other, vec![line(1, "of the next")]).await;
    assert_eq!(messages(&store, &stale).await, ["its last words", "of the next"]);
}

async fn the_lines_of_an_attempt_and_of_attempts_long_ago_are_bounded(db: Database) {
    let store = open(&db).await;
    let mut claimed = running(&store, task()).await;
    let beside = running(&store, task()).await;
    log(&store, &beside, vec![line(1, "beside")]).await;
    let bound = limits::LOG_LINES_MAX;
    log(&store, &claimed, [0, -1, bound, bound + 1, bound + 2, i64::MAX].map(|number| line(number, "x")).to_vec())
        .await;
    assert_eq!(messages(&store, &claimed).await.len(), 2, "only numbers within the bound, and one that says so");
    for _ in 0..limits::LOG_ATTEMPTS_KEPT + 2 {
        store.settle(&[waiting_again(&claimed, None)]).await.unwrap();
        claimed = store.claim_one(&claimed.task.unique_id, WORKER).await.unwrap().unwrap();
        log(&store, &claimed, vec![line(1, "x")]).await;
    }
    let lines = store.logs(&claimed.task.unique_id, 0, 100).await.unwrap();
    let tokens: Vec<i64> = lines.iter().map(|line| line.line_no / limits::LOG_NUMBERS).collect();
    let LeaseToken(last) = claimed.running.lease.token;
    assert_eq!(tokens, (last - limits::LOG_ATTEMPTS_KEPT + 1..=last).collect::<Vec<_>>());
    assert_eq!(messages(&store, &beside).await, ["beside"]);
}

async fn hostile_lines_are_made_to_fit(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task()).await;
    let mut texts = crate::hostile::texts();
    texts.push(String::from_utf8_lossy(&[0x66, 0xff, 0xfe, 0x00, 0xc3]).into_owned());
    let numbered = texts.iter().zip(1..);
    let lines = numbered.map(|(text, number)| NewLogLine { level: text.clone(), ..line(number, text) }).collect();
    log(&store, &claimed, lines).await;
    let kept = store.logs(&claimed.task.unique_id, 0, 1000).await.unwrap();
    assert_eq!(kept.len(), texts.len());
    for (line, text) in kept.iter().zip(&texts) {
        let clean = text.replace('\0', "\u{fffd}");
        assert_eq!(line.message, clean[..clean.floor_char_boundary(limits::LOG_MESSAGE_BYTES_MAX)]);
        assert_eq!(line.level, clean[..clean.floor_char_boundary(limits::LOG_LEVEL_BYTES_MAX)]);
    }
}

async fn a_line_that_the_database_refuses_holds_up_no_other(db: Database) {
    let store = open(&db).await;
    let statement = match db.kind() {
        Kind::Sqlite => {
            "create trigger no_venom before insert on mission_logs when new.message like '%venom%'
             begin select raise(abort, 'no_venom'); end;"
        }
        _ => "alter table mission_logs add constraint no_venom check (message not like '%venom%');",
    };
    db.sql(statement).await.unwrap();
    let claimed = running(&store, task()).await;
    log(&store, &claimed, vec![line(1, "first"), line(2, "venom"), line(3, "last")]).await;
    assert_eq!(messages(&store, &claimed).await, ["first", "last"]);
}

async fn attempts_and_lines_go_with_their_task(db: Database) {
    let store = open(&db).await;
    let mut claimed = Vec::new();
    for number in 0..4 {
        let one = running(&store, task()).await;
        log(&store, &one, vec![line(1, "x")]).await;
        if number < 3 {
            store.settle(&[rich(&one, "1.csv")]).await.unwrap();
        }
        claimed.push(one);
    }
    let lines = async || number(&db, "select count(*) from mission_logs;").await;
    assert!(store.delete(&claimed[3].task.unique_id).await.is_err());
    assert_eq!((lines().await, brought(&db).await.1), (4, 3), "a task that runs stays with all that is its own");
    store.delete(&claimed[0].task.unique_id).await.unwrap();
    assert_eq!((lines().await, brought(&db).await.1), (3, 2));
    let all = Keep { ended: Duration::ZERO, failed: Duration::ZERO };
    assert_eq!(store.prune_step(all, 0).await.unwrap().removed, 2);
    assert_eq!((lines().await, brought(&db).await), (1, (3, 0, 3)), "the rows of files stay for their sweeper");
    assert_eq!(messages(&store, &claimed[3]).await, ["x"]);
}

async fn what_is_kept_of_a_task_that_came_back_stays(db: Database) {
    let store = open(&db).await;
    let one = running(&store, task()).await;
    log(&store, &one, vec![line(1, "x")]).await;
    store.settle(&[rich(&one, "1.csv")]).await.unwrap();
    // The very statements that remove, for a task that was over when it was looked at.
    store.retry(&one.task.unique_id).await.unwrap();
    let batch = format!("[{{\"id\":{}}}]", one.task.id);
    let mut raw = Raw::open(&db).await;
    for operation in ["prune", "prune_attempts", "prune_logs"] {
        raw.run(&text(db.kind(), operation, &[]), &[("batch", batch.as_str().into())]).await;
    }
    assert_eq!(messages(&store, &one).await, ["x"]);
    assert_eq!(store.attempts(&one.task.unique_id).await.unwrap().len(), 1);
}

async fn every_database_has_an_id_of_its_own_that_stays(db: Database) {
    let store = open(&db).await;
    let id = store.database_id().await.unwrap();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{id}");
    db.sql("delete from mission_migrations where version > 1001;").await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(open(&db).await.database_id().await.unwrap(), id);
    let other = Database::fresh(db.kind()).await;
    assert_ne!(open(&other).await.database_id().await.unwrap(), id);
}

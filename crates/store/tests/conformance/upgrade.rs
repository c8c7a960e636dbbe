//! From version to version: what was there stays, and workers of the old one run beside those of the new one.

use std::path::{Path, PathBuf};

use mission_core::{Progress, State};
use mission_store::{OnMissing, Report, SchemaStatus, Store, TypeRule, Verdict};
use mission_testkit::{Database, Kind, conformance};

use crate::checkpoint::checkpoint;
use crate::stage::{WORKER, claim, get, number, open, progress_report, push, succeed, task, waiting_again};
use crate::texts::{Given, Raw, dialect, folder, text_in};

conformance![
    tables_of_1001_with_rows_in_them_are_brought_up_to_date,
    a_migration_that_was_broken_off_is_finished_by_the_next,
    a_worker_of_1001_runs_beside_one_of_now,
    rules_and_waiting_tasks_of_1002_stay_as_they_are,
];

/// The statements of version 1001, as it sent them.
fn old_statements() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/version_1001")
}

/// The tables as these versions made them.
async fn make(db: &Database, versions: &[i64]) {
    let (_, word) = dialect(db.kind());
    let files = std::iter::once("versions".to_owned()).chain(versions.iter().map(i64::to_string));
    for file in files {
        let path = folder().join(format!("schema/{file}.{word}.sql"));
        db.sql(&std::fs::read_to_string(path).unwrap()).await.unwrap();
    }
    for version in versions {
        db.sql(&format!("insert into mission_migrations (version) values ({version});")).await.unwrap();
    }
}

/// The tables of version 1001 with one task of each state.
async fn make_1001(db: &Database) {
    make(db, &[1001]).await;
    for (state, worker) in [("init", 0), ("executing", 7), ("success", 0), ("fail", 0), ("cancelled", 0)] {
        db.sql(&format!(
            "insert into mission_tasks (unique_id, method, state, worker_id, lease_token, progress_done, content)
             values ('{state}', 'export', '{state}', {worker}, {worker}, 5, 'kept');"
        ))
        .await
        .unwrap();
    }
}

async fn tables_of_1001_with_rows_in_them_are_brought_up_to_date(db: Database) {
    make_1001(&db).await;
    if db.kind() != Kind::Sqlite {
        let store = Store::open(db.url(), OnMissing::Refuse).await.unwrap();
        assert_eq!(store.schema().await.unwrap(), SchemaStatus::Older(1001));
        assert!(store.check_schema().await.unwrap_err().to_string().contains("mission migrate"));
    }
    let store = open(&db).await;
    assert_eq!(store.schema().await.unwrap(), SchemaStatus::Current(1003));
    for state in [State::Init, State::Executing, State::Success, State::Fail, State::Cancelled] {
        let id = mission_core::UniqueId::parse(state.as_str()).unwrap();
        let old = get(&store, &id).await;
        assert_eq!((old.state, old.content.as_deref(), old.progress), (state, Some("kept"), Some(Progress::from(5))));
        assert_eq!((old.checkpoint, old.resumed, old.redone, old.active_ms), (None, 0, 0, 0));
    }
    succeed(&store, &claim(&store, 1).await[0]).await;
    let held = store.executing(WORKER).await.unwrap().remove(0);
    let report =
        Report { checkpoint: Some(checkpoint(1, 6)), ..progress_report(held.running.lease, Progress::from(6)) };
    store.report(&[report]).await.unwrap();
    assert_eq!(store.settle(&[crate::effects::rich(&held, "1.csv")]).await.unwrap(), [Verdict::Settled]);
    assert_eq!(number(&db, "select count(*) from mission_records;").await, 6);
}

async fn a_migration_that_was_broken_off_is_finished_by_the_next(db: Database) {
    make_1001(&db).await;
    // The first statements ran and the rest did not, as on MySQL, where a change of tables cannot be rolled back.
    let (_, word) = dialect(db.kind());
    let whole = std::fs::read_to_string(folder().join(format!("schema/1002.{word}.sql"))).unwrap();
    let (begun, _) = whole.split_once("create table if not exists mission_attempts").unwrap();
    db.sql(begun).await.unwrap();
    let store = open(&db).await;
    let id = push(&store, task()).await;
    let claimed = store.claim_one(&id, WORKER).await.unwrap().unwrap();
    assert_eq!(store.settle(&[crate::effects::rich(&claimed, "1.csv")]).await.unwrap(), [Verdict::Settled]);
    assert_eq!(store.database_id().await.unwrap().len(), 16);
}

/// What a worker of 1001 does with the first due task of a line: claims it, reports, and settles it.
struct OldWorker {
    raw: Raw,
    kind: Kind,
}

impl OldWorker {
    async fn run(&mut self, operation: &str, given: &[(&str, Given)]) -> Vec<Vec<String>> {
        let text = text_in(&old_statements(), self.kind, operation, &[]);
        self.raw.run(&text, given).await
    }

    async fn claim(&mut self) -> i64 {
        self.claim_in(0).await
    }

    async fn claim_in(&mut self, lane: i64) -> i64 {
        let given = [
            ("method", "export".into()),
            ("type", "system".into()),
            ("priority", 0.into()),
            ("lane", lane.into()),
            ("head", 0.into()),
            ("crashes_max", i64::MAX.into()),
            ("limit", 1.into()),
            ("worker_id", 9.into()),
        ];
        let rows = self.run("claim", &given).await;
        let id: i64 = rows[0][0].parse().unwrap();
        if self.kind.is_mysql_like() {
            let batch = format!("[{{\"id\":{id}}}]");
            let marks = [("batch", batch.as_str().into()), ("worker_id", 9.into()), ("now_us", 1.into())];
            self.run("claim_mark", &marks).await;
        }
        id
    }

    async fn write(&mut self, operation: &str, id: i64, token: i64, state: &str) {
        let batch = format!(
            "[{{\"id\":{id},\"lease_token\":{token},\"state\":\"{state}\",\"content\":\"old\",\"content_cut\":0,
               \"attempt\":1,\"failures\":0,\"crashes\":0,\"done\":2,\"total\":4}}]"
        );
        self.run(operation, &[("batch", batch.as_str().into())]).await;
    }
}

async fn a_worker_of_1001_runs_beside_one_of_now(db: Database) {
    let store = open(&db).await;
    let mut old = OldWorker { raw: Raw::open(&db).await, kind: db.kind() };
    let unique_id = push(&store, task()).await;
    let id = old.claim().await;
    assert_eq!(store.executing(mission_core::WorkerId(9)).await.unwrap()[0].task.unique_id, unique_id);
    old.write("progress", id, 1, "").await;
    assert_eq!(get(&store, &unique_id).await.progress, Some(Progress::of(2, 4)));
    old.write("settle", id, 1, "init").await;

    // The new one goes as far as a checkpoint and hands over; the old one knows nothing of it and begins anew.
    let new = claim(&store, 1).await.remove(0);
    let report = Report { checkpoint: Some(checkpoint(3, 3)), ..progress_report(new.running.lease, Progress::from(3)) };
    store.report(&[report]).await.unwrap();
    store.settle(&[waiting_again(&new, None)]).await.unwrap();
    assert_eq!(old.claim().await, id);
    let now = get(&store, &unique_id).await;
    assert_eq!((now.lease_token.0, now.progress, now.checkpoint.as_deref()), (3, None, Some("3")));
    assert_eq!(store.settle(&[crate::effects::rich(&new, "1.csv")]).await.unwrap(), [Verdict::Lost]);
    old.write("progress", id, 2, "").await;
    assert_eq!(get(&store, &unique_id).await.progress, None, "the fence holds for both");
    old.write("settle", id, 3, "success").await;
    let ended = get(&store, &unique_id).await;
    assert_eq!((ended.state, ended.content.as_deref()), (State::Success, Some("old")));
    assert_eq!(old.run("get", &[("unique_id", unique_id.as_str().into())]).await.len(), 1);
}

async fn rules_and_waiting_tasks_of_1002_stay_as_they_are(db: Database) {
    make(&db, &[1001, 1002]).await;
    db.sql("insert into mission_types (type, paused, running_limit) values ('system', 1, 3);").await.unwrap();
    db.sql("insert into mission_tasks (method, creator) values ('export', 'alice');").await.unwrap();
    let store = open(&db).await;
    let rule = TypeRule { task_type: "system".to_owned(), is_paused: true, running_limit: Some(3), is_fair: false };
    assert_eq!(store.type_rules().await.unwrap(), [rule]);
    // A program of 1002 sets rules and pushes as it did, and claims whatever lane it sees.
    store.set_fair("system", true).await.unwrap();
    db.sql("update mission_types set paused = 0;").await.unwrap();
    db.sql("insert into mission_types (type, paused, running_limit) values ('report', 0, null);").await.unwrap();
    assert_eq!(store.type_rules().await.unwrap().iter().map(|rule| rule.is_fair).collect::<Vec<_>>(), [false, true]);
    push(&store, task().creator("alice")).await;
    let mut old = OldWorker { raw: Raw::open(&db).await, kind: db.kind() };
    let lanes: Vec<i64> = store.lines().await.unwrap().0.iter().map(|line| line.lane).collect();
    assert_eq!(lanes, [0, 48]);
    for lane in lanes {
        old.claim_in(lane).await;
    }
    assert_eq!(store.lines().await.unwrap().0, []);
}

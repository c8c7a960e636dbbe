//! `doctor`: what it praises, what it notes, and what it calls wrong.

use mission_testkit::{Database, Kind, conformance};
use serde_json::Value;

use crate::stage::{Stage, is_sqlite, kill};

conformance![
    a_fresh_database_without_tasks_is_judged,
    missing_tables_are_wrong,
    due_tasks_that_nobody_serves_are_wrong,
    due_tasks_of_a_type_with_a_running_limit_are_noted,
    tasks_of_a_dead_worker_are_wrong_where_no_other_lives,
    due_tasks_that_a_free_worker_does_not_get_are_wrong,
];

fn finding<'r>(report: &'r Value, about: &str) -> &'r Value {
    let findings = report["findings"].as_array().expect("a list of findings");
    findings
        .iter()
        .find(|finding| finding["about"] == about)
        .unwrap_or_else(|| panic!("nothing about {about}: {report:#}"))
}

async fn a_fresh_database_without_tasks_is_judged(db: Database) {
    let stage = Stage::set(db).await;
    let ran = stage.run(&["doctor", "-o", "json"]).await;
    let report = ran.json();
    for (about, grade) in
        [("version", "good"), ("clock", "good"), ("tables", "good"), ("workers", "note"), ("waiting", "good")]
    {
        assert_eq!(finding(&report, about)["grade"], grade, "{report:#}");
    }
    // The servers of the tests may be set to be fast rather than safe: that is wrong, and said.
    let durability = finding(&report, "durability");
    let is_safe = durability["grade"] == "good";
    assert_eq!(
        (ran.code(), report["sound"].as_bool()),
        if is_safe { (0, Some(true)) } else { (1, Some(false)) },
        "{report:#}"
    );
    let text = stage.run(&["doctor"]).await.stdout;
    assert!(text.contains("durability") && text.contains(if is_safe { "nothing is wrong" } else { "WRONG" }), "{text}");
}

async fn missing_tables_are_wrong(db: Database) {
    let stage = Stage::bare(db);
    let ran = stage.run(&["doctor", "-o", "json"]).await;
    if is_sqlite(stage.db.kind()) {
        assert!(ran.code() == 3 && ran.stderr.contains("there is no database"), "{ran:#?}");
        return;
    }
    assert_eq!(ran.code(), 1);
    assert!(finding(&ran.json(), "tables")["sentence"].as_str().unwrap().contains("run `mission migrate`"));
}

async fn due_tasks_that_nobody_serves_are_wrong(db: Database) {
    let stage = Stage::set(db).await;
    stage.db.sql("insert into mission_tasks (method) values ('nobodyHasIt');").await.unwrap();
    stage.add(&["laterOne", "--force", "--in", "2h", "--no-start"]).await;
    let ran = stage.run(&["doctor", "-o", "json"]).await;
    let report = ran.json();
    let waiting = finding(&report, "waiting");
    assert_eq!((ran.code(), &waiting["grade"]), (1, &"wrong".into()), "{report:#}");
    assert!(waiting["sentence"].as_str().unwrap().contains("nobodyHasIt"), "{report:#}");
    let later = report["findings"].as_array().unwrap().iter().any(|finding| {
        finding["grade"] == "note" && finding["sentence"].as_str().is_some_and(|sentence| sentence.contains("laterOne"))
    });
    assert!(later, "{report:#}");
}

async fn due_tasks_of_a_type_with_a_running_limit_are_noted(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.add(&["noop", "--type", "capped", "--no-start"]).await;
    stage.add(&["noop", "--type", "later", "--in", "2h", "--no-start"]).await;
    for (task_type, limit) in [("capped", "0"), ("later", "3"), ("idle", "5")] {
        stage.run(&["limit", task_type, limit]).await.ok();
    }
    let report = stage.run(&["doctor", "-o", "json"]).await.json();
    let limited = finding(&report, "limited");
    assert_eq!(limited["grade"], "note", "{report:#}");
    assert_eq!(limited["sentence"], "tasks are due in types with a running limit: capped (0)");
    let mut worker = stage.start(&["work", "--type", "capped"]);
    let pid = stage.worker_pid().await;
    let other = stage.add(&["noop", "--type", "other", "--no-start"]).await;
    assert!(stage.run(&["show", &other]).await.ok().contains("no live worker has its method and takes its type"));
    let shown = stage.run(&["show", &id]).await.ok();
    assert!(shown.contains("at most 0 of the type capped run at once, `mission limit capped none`"), "{shown}");
    kill(pid, "TERM");
    worker.wait().await.unwrap();
}

async fn tasks_of_a_dead_worker_are_wrong_where_no_other_lives(db: Database) {
    let stage = Stage::set(db).await;
    stage
        .db
        .sql("insert into mission_tasks (method, state, worker_id) values ('noop', 'executing', 77);")
        .await
        .unwrap();
    let report = stage.run(&["doctor", "-o", "json"]).await.json();
    let dead = finding(&report, "dead workers");
    assert_eq!(dead["grade"], "wrong", "{report:#}");
    assert!(dead["sentence"].as_str().unwrap().starts_with("1 "), "{report:#}");
}

async fn due_tasks_that_a_free_worker_does_not_get_are_wrong(db: Database) {
    let stage = Stage::set(db).await;
    let insert = |values: &str| format!("insert into mission_tasks (method, type, attempt, run_at) values ({values});");
    let attempt = match stage.db.kind() {
        // There an integer that grows too large becomes a float, so a trigger refuses.
        Kind::Sqlite => {
            let trigger = "create trigger refuse before update on mission_tasks \
                when new.state = 'executing' and old.attempt = 1000000 begin select raise(abort, 'refused'); end;";
            stage.db.sql(trigger).await.unwrap();
            1_000_000
        }
        _ => i64::MAX,
    };
    stage.db.sql(&insert(&format!("'noop', 'report', {attempt}, 1000000"))).await.unwrap();
    // What nobody is to run now is not stuck.
    stage.db.sql(&insert("'noop', 'resting', 0, 1000000")).await.unwrap();
    stage.run(&["pause", "resting"]).await.ok();
    let mut worker = stage.start(&["work"]);
    let pid = stage.worker_pid().await;
    let report = stage.run(&["doctor", "-o", "json"]).await.json();
    let is_stuck = |report: &Value| report["findings"].as_array().unwrap().iter().any(|f| f["about"] == "stuck");
    assert!(!is_stuck(&report), "the worker has only just begun: {report:#}");
    stage.db.sql("update mission_workers set started_date = 1000000;").await.unwrap();
    let ran = stage.run(&["doctor", "-o", "json"]).await;
    let report = ran.json();
    let stuck = finding(&report, "stuck");
    assert_eq!((ran.code(), &stuck["grade"]), (1, &"wrong".into()), "{report:#}");
    let sentence = stuck["sentence"].as_str().unwrap();
    assert!(sentence.contains("noop in type report") && sentence.contains("worker's log"), "{report:#}");
    assert!(sentence.contains("disk is full") && !report.to_string().contains("type resting"), "{report:#}");
    kill(pid, "TERM");
    worker.wait().await.unwrap();
}

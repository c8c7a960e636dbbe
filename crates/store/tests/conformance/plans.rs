//! How the databases find the rows of every other statement: by an index, on a table that was never analysed.

use mission_testkit::{Database, Kind, conformance};

use crate::cost::rows_read;
use crate::crowd::{Rows, SERVED, fill};
use crate::stage::{WORKER, open};
use crate::texts::{Given, Raw, text};

conformance![every_statement_finds_its_rows_by_an_index, a_look_at_the_list_of_workers_dives_into_the_claims_index];

/// Operations with the optional clauses that are asked for, and the kinds that have them.
const STATEMENTS: [(&str, &[&str]); 58] = [
    ("get", &[]),
    ("state", &[]),
    ("find", &[]),
    ("push_existing", &[]),
    ("push_existing_locking", &[]),
    ("push_active_of_method", &[]),
    ("push_active_of_method_locking", &[]),
    ("settle", &[]),
    ("settle", &["flat"]),
    ("report", &[]),
    ("report", &["flat"]),
    ("artifact_supersede", &[]),
    ("artifact_put", &[]),
    ("artifacts", &[]),
    ("artifacts", &["name"]),
    ("artifacts_expired", &[]),
    ("artifacts_behind", &[]),
    ("artifact_expire", &[]),
    ("artifact_remove", &[]),
    ("artifact_missing", &[]),
    ("locations", &[]),
    ("artifacts_retire", &[]),
    ("attempt_put", &[]),
    ("attempt_forget", &[]),
    ("attempts", &[]),
    ("log_put", &[]),
    ("log_forget", &[]),
    ("logs", &[]),
    ("standing", &[]),
    ("prune_attempts", &[]),
    ("prune_logs", &[]),
    ("watch", &[]),
    ("claim_one", &[]),
    ("claim_mark", &[]),
    ("claim_mark", &["flat"]),
    ("claim", &["ahead"]),
    ("claim_unusual", &[]),
    ("claim_unusual", &["flat"]),
    ("push_begun", &[]),
    ("push_begun_row", &[]),
    ("waiting_at", &[]),
    ("still_waits", &[]),
    ("cancel_waiting", &[]),
    ("cancel_running", &[]),
    ("delete", &[]),
    ("retry", &[]),
    ("executing_of_worker", &[]),
    ("orphans", &[]),
    ("type_running", &[]),
    ("prune", &[]),
    ("prune_candidates", &[]),
    ("list", &[]),
    ("list", &["creator"]),
    ("list", &["creator", "success"]),
    ("list", &["by_state", "executing"]),
    ("list", &["by_state", "fail"]),
    ("list", &["by_state", "cancelled", "method", "type"]),
    ("list", &["by_state", "init"]),
];

fn given() -> Vec<(&'static str, Given)> {
    let batch = r#"[{"id":1,"lease_token":1,"state":"success","attempt":1,"failures":0,"crashes":0,"content_cut":0}]"#;
    vec![
        ("unique_id", "nauaxnrfnuflwcqn".into()),
        ("low", "naua".into()),
        ("high", "naua\u{7f}".into()),
        ("method", "export".into()),
        ("type", SERVED.0.into()),
        ("task_key", "nightly".into()),
        ("creator", "c7".into()),
        ("worker_id", WORKER.0.into()),
        ("batch", batch.into()),
        ("state", "success".into()),
        ("reason", "error".into()),
        ("content", "done".into()),
        ("content_cut", 0.into()),
        ("wait_us", 0.into()),
        ("attempt", 1.into()),
        ("failures", 0.into()),
        ("crashes", 0.into()),
        ("done", 1.into()),
        ("total", 1.into()),
        ("message", "one".into()),
        ("checkpoint", "1".into()),
        ("params", "[1]".into()),
        ("retries", 1.into()),
        ("timeout_ms", 1.into()),
        ("stall_timeout_ms", 1.into()),
        ("keep_files_ms", 1.into()),
        ("checkpoint_done", 1.into()),
        ("checkpoint_files", "[]".into()),
        ("resumed", 0.into()),
        ("redone", 0.into()),
        ("active_ms", 0.into()),
        ("before", 1_000_000.into()),
        ("after", 0.into()),
        ("limit", 11.into()),
        ("now_us", 0.into()),
        ("id", 1.into()),
        ("task_id", 1.into()),
        ("lease_token", 1.into()),
        ("priority", SERVED.1.into()),
        ("lane", 0.into()),
        ("head", 0.into()),
        ("place", 40.into()),
        ("crashes_max", 0.into()),
        ("line_no", 1.into()),
        ("storage", "file:here:/files".into()),
        ("name", "orders.csv".into()),
        ("location", "x".into()),
    ]
}

/// The tables that grow, by their names and by those they have in our statements.
const TABLES: [&str; 8] =
    ["mission_tasks", "mission_artifacts", "mission_attempts", "mission_logs", "task", "artifact", "kept", "log"];

/// What betrays a walk over all tasks, or over all that is kept beside them.
fn faults(kind: Kind, plan: &str) -> Vec<&str> {
    let is_bad = |line: &&str| match kind {
        Kind::Sqlite => {
            TABLES.iter().any(|table| line.contains(&format!("SCAN {table}"))) && !line.contains("USING INDEX")
        }
        Kind::Postgres => TABLES.iter().any(|table| line.contains(&format!("Seq Scan on {table}"))),
        Kind::Mariadb | Kind::Mysql => {
            let fields: Vec<&str> = line.split(" | ").collect();
            // MySQL names the table that an insert fills, too.
            let of_tables = TABLES.iter().any(|table| fields.contains(table)) && !fields.contains(&"INSERT");
            of_tables && fields.iter().any(|field| matches!(*field, "ALL" | "index"))
        }
    };
    plan.lines().filter(is_bad).collect()
}

/// The index by which a list is promised to go.
fn promised_index(kind: Kind, asked: &[&str]) -> Option<&'static str> {
    match asked {
        ["creator", ..] => Some("mission_tasks_creator"),
        ["by_state", ..] if kind.is_mysql_like() => Some("mission_tasks_claim"),
        ["by_state", "executing"] => Some("mission_tasks_worker"),
        ["by_state", "fail" | "cancelled", ..] => Some("mission_tasks_ended_badly"),
        _ => None,
    }
}

/// An artifact, an attempt and ten lines for every task.
async fn fill_history(raw: &mut crate::texts::Raw) {
    if let crate::texts::Raw::Postgres(_) = raw {
        for table in ["artifacts", "attempts", "logs"] {
            raw.script(&format!("alter table mission_{table} set (autovacuum_enabled = off)")).await;
        }
    }
    for script in [
        "insert into mission_artifacts (task_id, name, media_type, bytes, sha256, storage, location, expires_date)
         select id, 'orders.csv', 'text/csv', 1, '', 'file:here:/files', 'x', id from mission_tasks",
        "insert into mission_attempts (task_id, lease_token, attempt, worker_id, worker, started_date, ended_date, outcome)
         select id, 1, 1, 1, 'host', 0, 0, 'error' from mission_tasks",
        "insert into mission_logs (task_id, line_no, logged_date, level, message)
         select task.id, number.id, 0, 'info', 'text' from mission_tasks task
         join (select id from mission_tasks order by id limit 10) number on 1 = 1",
    ] {
        raw.script(script).await;
    }
}

async fn every_statement_finds_its_rows_by_an_index(db: Database) {
    open(&db).await;
    let mut raw = fill(&db, 3000).await;
    Rows { state: "executing", ..Rows::due(50, SERVED.0, SERVED.1) }.write(&mut raw).await;
    raw.script("update mission_tasks set creator = concat('c', id % 100)").await;
    fill_history(&mut raw).await;
    let mut found = Vec::new();
    for (operation, asked) in STATEMENTS {
        let is_for_mysql = operation.ends_with("_locking")
            || ["claim_mark", "push_begun_row"].contains(&operation)
            || asked == ["flat"];
        // PostgreSQL's claim answers all at once.
        let is_left_out = operation == "claim_unusual" && db.kind() == Kind::Postgres;
        if is_left_out || is_for_mysql && !db.kind().is_mysql_like() {
            continue;
        }
        let text = text(db.kind(), operation, asked);
        let plan = raw.plan(&text, &given()).await;
        println!("== {} {operation} {asked:?}\n{plan}", db.kind());
        let mut faults = faults(db.kind(), &plan);
        if let Some(index) = promised_index(db.kind(), asked)
            && !plan.contains(index)
        {
            faults.push(index);
        }
        if !faults.is_empty() {
            found.push(format!("{operation} {asked:?}: {}\n{plan}", faults.join("; ")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

async fn a_look_at_the_list_of_workers_dives_into_the_claims_index(db: Database) {
    open(&db).await;
    let mut raw = fill(&db, 3000).await;
    let mut given = given();
    for number in 1..=8 {
        for (name, value) in
            [("method", "export".into()), ("type", "a".into()), ("priority", 0.into()), ("lane", 0.into())]
        {
            given.push((format!("{name}_{number}").leak(), value));
        }
    }
    for operation in ["roll_call", "roll_call_beside"] {
        let plan = raw.plan(&text(db.kind(), operation, &[]), &given).await;
        println!("{plan}");
        assert!(plan.contains("mission_tasks_claim"), "{plan}");
        for detour in ["Seq Scan on mission_tasks", "Sort Key: mission_tasks", "SCAN mission_tasks\n", "TEMP B-TREE"] {
            assert!(!plan.contains(detour), "{plan}");
        }
        if let Raw::MySql(_) = raw {
            let before = rows_read(&mut raw).await;
            raw.run(&text(db.kind(), operation, &[]), &given).await;
            let read = rows_read(&mut raw).await - before;
            assert!(read < 100, "{read} rows read by {operation}");
        }
    }
}

//! How the databases find the rows of every other statement: by an index, on a table that was never analysed.

use mission_testkit::{Database, Kind, conformance};

use crate::crowd::{Rows, SERVED, fill};
use crate::stage::{WORKER, open};
use crate::texts::{Given, text};

conformance![every_statement_finds_its_rows_by_an_index];

/// Operations with the optional clauses that are asked for, and the kinds that have them.
const STATEMENTS: [(&str, &[&str]); 27] = [
    ("get", &[]),
    ("find", &[]),
    ("push_existing", &[]),
    ("push_existing_locking", &[]),
    ("push_active_of_method", &[]),
    ("push_active_of_method_locking", &[]),
    ("settle", &[]),
    ("report", &[]),
    ("watch", &[]),
    ("claim_one", &[]),
    ("claim_mark", &[]),
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
        ("before", 1_000_000.into()),
        ("after", 0.into()),
        ("limit", 11.into()),
        ("now_us", 0.into()),
    ]
}

/// What betrays a walk over all tasks.
fn faults(kind: Kind, plan: &str) -> Vec<&str> {
    let is_bad = |line: &&str| match kind {
        Kind::Sqlite => line.contains("SCAN mission_tasks") || line.contains("SCAN task"),
        Kind::Postgres => line.contains("Seq Scan on mission_tasks"),
        Kind::Mariadb | Kind::Mysql => {
            let fields: Vec<&str> = line.split(" | ").collect();
            let of_tasks = fields.iter().any(|field| matches!(*field, "mission_tasks" | "task"));
            of_tasks && fields.iter().any(|field| matches!(*field, "ALL" | "index"))
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

async fn every_statement_finds_its_rows_by_an_index(db: Database) {
    open(&db).await;
    let mut raw = fill(&db, 3000).await;
    Rows { state: "executing", ..Rows::due(50, SERVED.0, SERVED.1) }.write(&mut raw).await;
    raw.script("update mission_tasks set creator = concat('c', id % 100)").await;
    let mut found = Vec::new();
    for (operation, asked) in STATEMENTS {
        let is_for_mysql = operation.ends_with("_locking") || operation == "claim_mark";
        if is_for_mysql && !db.kind().is_mysql_like() {
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

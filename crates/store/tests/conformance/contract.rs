//! The SQL contract: any client may push by a plain insert, and read what became of it.

use std::collections::HashSet;

use mission_core::{Filter, State, Task, Timestamp};
use mission_store::Store;
use mission_testkit::{Database, Kind, conformance};

use crate::stage::{WORKER, ending, number, open, running, task};

conformance![
    a_plain_insert_is_a_valid_push,
    a_plain_insert_may_set_all_that_the_contract_names,
    python_pushes_by_a_plain_insert,
    many_rows_of_one_insert_have_ids_of_their_own,
    a_session_of_any_habits_inserts_alike,
    what_is_no_task_is_refused_by_name,
    a_date_that_is_none_does_not_hide_the_other_records,
    the_view_reads_as_the_originals_table,
];

/// All tasks in the order of their numbers.
async fn tasks(store: &Store) -> Vec<Task> {
    let mut tasks = store.list(&Filter::all(), 10_000, None).await.unwrap().tasks;
    tasks.reverse();
    tasks
}

/// What every inserted task has, whoever inserted it: a public id, a due time of just now, and it can be claimed.
async fn assert_pushed(store: &Store, task: &Task, before: Timestamp) {
    let after = store.now().await.unwrap();
    let id = task.unique_id.as_str();
    assert!(id.len() == 16 && id.bytes().all(|letter| letter.is_ascii_lowercase()), "{id}");
    // SQLite's clock has milliseconds, so a moment may seem to lie just before.
    for moment in [task.run_at, task.created_date, task.modified_date] {
        assert!(moment.0 >= before.0 - 1000 && moment <= after, "{moment} is not between {before} and {after}");
    }
    assert_eq!((task.state, task.priority, task.counts.attempt, task.lease_token.0), (State::Init, 0, 0, 0));
    assert_eq!((task.task_type.as_str(), task.worker_id, &task.content), ("system", None, &None));
    let claimed = store.claim_one(&task.unique_id, WORKER).await.unwrap().unwrap();
    assert_eq!(
        store.settle(&[ending(&claimed, State::Success, "ok")]).await.unwrap(),
        [mission_store::Verdict::Settled]
    );
}

async fn a_plain_insert_is_a_valid_push(db: Database) {
    let store = open(&db).await;
    let before = store.now().await.unwrap();
    db.sql("INSERT INTO mission_tasks (method, params) VALUES ('export', '{\"rows\":1000}');").await.unwrap();
    db.sql("insert into mission_tasks (method) values ('export');").await.unwrap();
    let tasks = tasks(&store).await;
    assert_eq!((tasks.len(), tasks[0].params.as_deref()), (2, Some("{\"rows\":1000}")));
    assert_eq!(tasks[1].params, None);
    assert_eq!(store.lines().await.unwrap().0.len(), 1);
    for task in &tasks {
        assert_pushed(&store, task, before).await;
    }
}

async fn a_plain_insert_may_set_all_that_the_contract_names(db: Database) {
    let store = open(&db).await;
    db.sql(
        "insert into mission_tasks (unique_id, method, params, type, creator, priority, run_at, retries, timeout_ms)
         values ('task_5f3a.1', 'export', '[]', 'report', 'alice', -9, 4102444800000000, 3, 90000);",
    )
    .await
    .unwrap();
    let task = tasks(&store).await.remove(0);
    assert_eq!((task.unique_id.as_str(), task.task_type.as_str(), task.priority), ("task_5f3a.1", "report", -9));
    assert_eq!((task.creator.as_deref(), task.retries, task.timeout_ms), (Some("alice"), Some(3), Some(90_000)));
    assert_eq!(task.run_at.to_string(), "2100-01-01T00:00:00Z");
    assert_eq!((task.params.as_deref(), task.params_json()), (Some("[]"), None), "PHP writes nothing as []");
    let twice = "insert into mission_tasks (unique_id, method) values ('task_5f3a.1', 'export');";
    assert!(db.sql(twice).await.is_err(), "an id stands for one task");
}

async fn python_pushes_by_a_plain_insert(db: Database) {
    let store = open(&db).await;
    let before = store.now().await.unwrap();
    let program = "
cursor = db.cursor()
insert = 'insert into mission_tasks (method, params) values (' + mark + ', ' + mark + ')'
cursor.execute(insert, ('export', '{\"name\": \"数据 😀\"}'))
cursor.executemany('insert into mission_tasks (method) values (' + mark + ')', [('import',), ('import',)])
db.commit()
cursor.execute('select method, state, params from mission_records order by method')
print(cursor.fetchall())";
    let seen = db.python(program).await.unwrap();
    assert!(seen.contains("'export', 'init', '{\"name\": \"数据 😀\"}'"), "{seen}");
    let tasks = tasks(&store).await;
    assert_eq!(tasks.iter().map(|task| task.method.as_str()).collect::<Vec<_>>(), ["export", "import", "import"]);
    for task in &tasks {
        assert_pushed(&store, task, before).await;
    }
}

async fn many_rows_of_one_insert_have_ids_of_their_own(db: Database) {
    let store = open(&db).await;
    let before = store.now().await.unwrap();
    let rows = vec!["('export')"; 1000].join(", ");
    db.sql(&format!("insert into mission_tasks (method) values {rows};")).await.unwrap();
    let tasks = tasks(&store).await;
    let ids: HashSet<&str> = tasks.iter().map(|task| task.unique_id.as_str()).collect();
    assert_eq!((tasks.len(), ids.len()), (1000, 1000));
    let letters: HashSet<char> = ids.iter().flat_map(|id| id.chars()).collect();
    assert_eq!(letters, ('a'..='p').collect());
    assert_pushed(&store, &tasks[999], before).await;
}

async fn a_session_of_any_habits_inserts_alike(db: Database) {
    let store = open(&db).await;
    let before = store.now().await.unwrap();
    let habits: &[&str] = match db.kind() {
        Kind::Sqlite => &["pragma foreign_keys = on", "pragma recursive_triggers = on"],
        Kind::Mariadb | Kind::Mysql => &[
            "set sql_mode = ''",
            "set sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
            "set sql_mode = 'NO_BACKSLASH_ESCAPES,TRADITIONAL'",
            "set time_zone = '+09:00'",
            "set names latin1",
            "set collation_connection = 'utf8mb4_general_ci'",
            "set transaction isolation level serializable",
        ],
        Kind::Postgres => &[
            "set time zone 'Asia/Tokyo'",
            "set datestyle = 'German'",
            "set standard_conforming_strings = off",
            "set client_encoding = 'LATIN1'",
            "set default_transaction_isolation = 'serializable'",
        ],
    };
    for habit in habits {
        db.sql(&format!("{habit}; insert into mission_tasks (method) values ('export');")).await.unwrap();
    }
    let tasks = tasks(&store).await;
    assert_eq!(tasks.len(), habits.len());
    for task in &tasks {
        assert_pushed(&store, task, before).await;
    }
    if db.kind().is_mysql_like() {
        // Without the strict mode MySQL would store '' for what it cannot take.
        for wrong in ["(state, method) values ('done', 'export')", "(type) values ('x')"] {
            let refused = db.sql(&format!("set sql_mode = ''; insert into mission_tasks {wrong};")).await;
            assert!(refused.unwrap_err().contains("mission_"), "{wrong}");
        }
    }
}

async fn what_is_no_task_is_refused_by_name(db: Database) {
    open(&db).await;
    let wrong = [
        ("(method, priority) values ('export', 10)", "mission_priority_is_minus_9_to_9"),
        ("(method, priority) values ('export', -10)", "mission_priority_is_minus_9_to_9"),
        ("(method) values ('')", "mission_method_is_not_empty"),
        ("(params) values ('{}')", "method"),
        ("(method) values (null)", "method"),
        ("(method, state) values ('export', 'done')", "state"),
        ("(method, run_at) values ('export', '2026-11-22T10:00:00Z')", "run_at"),
        ("(method, run_at) values ('export', null)", "run_at"),
        ("(method, colour) values ('export', 'red')", "colour"),
        ("(method, state) values ('export', 'executing')", "mission_executing_has_a_worker"),
    ];
    // SQLite keeps whatever it is given unless told otherwise; the others refuse or convert by themselves.
    let wrong_on_sqlite = [
        ("(method, priority) values ('export', 1.5)", "mission_numbers_are_integers"),
        ("(method, timeout_ms) values ('export', 'soon')", "mission_numbers_are_integers"),
        ("(method, params) values ('export', x'7b7d')", "mission_texts_are_text"),
        ("(method, unique_id) values ('export', x'61')", "mission_texts_are_text"),
    ];
    let more = if db.kind() == Kind::Sqlite { &wrong_on_sqlite[..] } else { &[] };
    for (row, named) in wrong.iter().chain(more) {
        let complaint = db.sql(&format!("insert into mission_tasks {row};")).await.unwrap_err();
        let is_named = complaint.contains(named) || complaint.contains("invalid input syntax for type bigint");
        assert!(is_named, "{row}: {complaint}");
    }
    assert_eq!(number(&db, "select count(*) from mission_tasks;").await, 0);
}

async fn a_date_that_is_none_does_not_hide_the_other_records(db: Database) {
    open(&db).await;
    db.sql("insert into mission_tasks (method, created_date) values ('export', 9223372036854775807), ('export', -1), ('export', 0);")
        .await
        .unwrap();
    let shown = db.sql("select method, created_date from mission_records;").await.unwrap();
    assert_eq!(shown.lines().count(), 3, "{shown}");
}

async fn the_view_reads_as_the_originals_table(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store, task().params(&1).creator("alice").task_type("report")).await;
    store.settle(&[ending(&claimed, State::Success, "数据/out.csv")]).await.unwrap();
    let id = claimed.task.unique_id.as_str();
    let columns = "unique_id, method, type, state, params, content, creator, created_date, modified_date";
    db.sql(&format!(
        "update mission_tasks set created_date = 1795341296000000, modified_date = 1795341296000123 where unique_id = '{id}';"
    ))
    .await
    .unwrap();
    let row = db.sql(&format!("select {columns} from mission_records;")).await.unwrap();
    let dates = "2026-11-22 09:54:56.000000\t2026-11-22 09:54:56.000123";
    assert_eq!(row, format!("{id}\texport\treport\tsuccess\t1\t数据/out.csv\talice\t{dates}\n"));
    let all = db.sql("select * from mission_records;").await.unwrap();
    assert_eq!(all, row, "these columns and no others, in this order");
}

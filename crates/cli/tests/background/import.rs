//! The original's table, in its three shapes and with its oddities, taken over.

use mission_testkit::{Database, Kind, conformance};

use crate::on_demand::count;
use crate::stage::Stage;

conformance![
    the_newest_shape_is_taken_over_once,
    the_oldest_shape_has_no_content_and_no_creator,
    waiting_rows_are_taken_over_when_asked,
    what_is_no_table_is_refused,
];

/// The original's table as its migrations make it on this kind of database.
async fn original(stage: &Stage, is_newest: bool) {
    let id = match stage.db.kind() {
        Kind::Sqlite => "id integer primary key autoincrement",
        Kind::Postgres => "id serial primary key",
        _ => "id int unsigned not null auto_increment primary key",
    };
    let date = if stage.db.kind() == Kind::Postgres { "timestamp(0) without time zone" } else { "datetime" };
    let newest = if is_newest {
        "content varchar(500) not null default '', creator varchar(50) not null default 'admin',"
    } else {
        ""
    };
    let table = format!(
        "create table admin_background_tasks ({id}, unique_id varchar(30) not null default '',
         method varchar(50) not null default '', params varchar(250) not null default '',
         type varchar(20) not null default 'system', state varchar(20) not null default '', {newest}
         created_date {date} not null, modified_date {date} not null);"
    );
    stage.db.sql(&table).await.unwrap();
}

async fn insert(stage: &Stage, columns: &str, rows: &str) {
    let dates = "'2018-11-17 15:14:38', '2018-11-17 15:14:58'";
    let rows: Vec<String> = rows.lines().map(|row| format!("({}, {dates})", row.trim())).collect();
    let statement = format!(
        "insert into admin_background_tasks ({columns}, created_date, modified_date) values {};",
        rows.join(", ")
    );
    stage.db.sql(&statement).await.unwrap();
}

async fn the_newest_shape_is_taken_over_once(db: Database) {
    let stage = Stage::set(db).await;
    original(&stage, true).await;
    let columns = "unique_id, method, params, state, content, creator";
    insert(
        &stage,
        columns,
        "'nauaxnrfnuflwcqn', 'helloWorld', '[]', 'success', 'output target file dir: /tmp/a.csv', 'undefined'
         'task_5bf0a1b2c3d4e', 'myTest', '{\"a\":\"数据\"}', 'fail', 'no', 'admin'
         'nauaxnrfnuflwcqn', 'myTest', '{\"cut', 'success', '', 'bob'
         '', 'myTest', '', 'executing', '', 'bob'
         'aaaaaaaaaaaaaaaa', 'myTest', '[]', 'init', '', 'bob'",
    )
    .await;
    let words = ["import", "--from", stage.db.url(), "--time-zone", "+08:00", "-o", "json"];
    let looked = stage.run(&[&words[..], &["--dry-run"]].concat()).await.json();
    assert_eq!((&looked["read"], &looked["stored"], count(&stage, "1 = 1").await), (&5.into(), &0.into(), 0));
    let report = stage.run(&words).await.json();
    for (what, expected) in
        [("read", 5), ("stored", 4), ("left_waiting", 1), ("executing", 1), ("fresh_ids", 2), ("params_as_text", 1)]
    {
        assert_eq!(report[what], expected, "{what}: {report:#}");
    }
    let again = stage.run(&words).await.json();
    assert_eq!((&again["stored"], &again["known"]), (&0.into(), &4.into()), "{again:#}");
    let first = stage.show("nauaxnrfnuflwcqn").await;
    assert_eq!((&first["method"], &first["creator"]), (&"helloWorld".into(), &serde_json::Value::Null), "{first:#}");
    assert_eq!(first["created_date"], "2018-11-17T07:14:38Z");
    let second = stage.show("task_5bf0").await;
    assert_eq!((&second["state"], &second["params"]["a"]), (&"fail".into(), &"数据".into()), "{second:#}");
    assert_eq!(count(&stage, "state = 'fail' and reason = 'imported'").await, 1);
}

async fn the_oldest_shape_has_no_content_and_no_creator(db: Database) {
    let stage = Stage::set(db).await;
    original(&stage, false).await;
    insert(&stage, "unique_id, method, params, state", "'nauaxnrfnuflwcqn', 'myTest', '[]', 'success'").await;
    let text = stage.run(&["import", "--from", stage.db.url()]).await.ok();
    assert!(text.contains("1 rows looked at, 1 stored"), "{text}");
    assert!(text.contains("workers remove what ended more than 30d ago (failed: 90d)"), "{text}");
    let task = stage.show("nauaxnrfnuflwcqn").await;
    assert_eq!((&task["content"], &task["state"]), (&serde_json::Value::Null, &"success".into()), "{task:#}");
}

async fn waiting_rows_are_taken_over_when_asked(db: Database) {
    let stage = Stage::set(db).await;
    original(&stage, true).await;
    insert(&stage, "unique_id, method, params, state", "'nauaxnrfnuflwcqn', 'noop', '[]', 'init'").await;
    let report = stage.run(&["import", "--from", stage.db.url(), "--pending", "-o", "json"]).await.json();
    assert_eq!((&report["stored"], &report["waiting"]), (&1.into(), &1.into()), "{report:#}");
    stage.run(&["execute"]).await.ok();
    assert_eq!(stage.show("nauaxnrfnuflwcqn").await["state"], "success");
}

async fn what_is_no_table_is_refused(db: Database) {
    let stage = Stage::set(db).await;
    for (args, code, words) in [
        (["--table", "nothing_here"], 3, "there is no table"),
        (["--table", "a; drop table b"], 2, "is no table's name"),
        (["--time-zone", "Shanghai"], 2, "no distance from UTC"),
    ] {
        let ran = stage.run(&[&["import", "--from", stage.db.url()][..], &args].concat()).await;
        assert!(ran.code() == code && ran.stderr.contains(words), "{ran:#?}");
    }
    let ran = stage.run(&["import", "--from", "oracle://x/y"]).await;
    assert!(ran.code() == 2 && ran.stderr.contains("unknown scheme"), "{ran:#?}");
    let ran = stage.run(&["import", "--from", "mysql://nobody:secret@127.0.0.1:1/x"]).await;
    assert!(ran.stderr.contains("@127.0.0.1:1/x") && ran.stderr.contains("cannot be reached"), "{ran:#?}");
    assert!(ran.code() == 1 && !ran.stderr.contains("secret"), "{ran:#?}");
}

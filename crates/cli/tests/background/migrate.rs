//! The tables: made, asked about, and printed as SQL that other hands can run.

use mission_testkit::{Database, Kind, conformance};

use crate::stage::{Stage, is_sqlite};

conformance![tables_are_made_once_and_their_version_is_told, the_printed_sql_makes_the_same_tables];

async fn tables_are_made_once_and_their_version_is_told(db: Database) {
    let stage = Stage::bare(db);
    let before = stage.run(&["migrate", "--status", "-o", "json"]).await;
    if is_sqlite(stage.db.kind()) {
        assert!(before.code() == 3 && before.stderr.contains("there is no database"), "{before:#?}");
    } else {
        assert_eq!((before.code(), &before.json()["tables"]), (1, &"missing".into()), "{before:#?}");
        let refused = stage.run(&["add", "noop", "--no-start"]).await;
        assert!(refused.code() == 1 && refused.stderr.contains("run `mission migrate`"), "{refused:#?}");
    }
    for _ in 0..2 {
        assert!(stage.run(&["migrate"]).await.ok().contains("the tables are of version "));
    }
    let after = stage.run(&["migrate", "--status", "-o", "json"]).await;
    assert_eq!((after.code(), &after.json()["tables"]), (0, &"current".into()), "{after:#?}");
}

async fn the_printed_sql_makes_the_same_tables(db: Database) {
    let stage = Stage::bare(db);
    let word = match stage.db.kind() {
        Kind::Sqlite => "sqlite",
        Kind::Mariadb => "mariadb",
        Kind::Mysql => "mysql",
        Kind::Postgres => "postgres",
    };
    let sql = stage.run(&["migrate", "--sql", "--database", word]).await.ok();
    stage.db.sql(&sql).await.unwrap();
    assert_eq!(stage.run(&["migrate", "--status"]).await.code(), 0);
    let id = stage.add(&["noop"]).await;
    assert_eq!(stage.ended(&id).await["state"], "success");
    stage.left_alone().await;
}

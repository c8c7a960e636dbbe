//! `bench`: it measures beside the database in use, touches nothing of it and leaves nothing behind.

use mission_testkit::{Database, Kind, conformance};

use crate::stage::Stage;

conformance![a_bench_measures_touches_nothing_and_leaves_nothing_behind];

async fn a_bench_measures_touches_nothing_and_leaves_nothing_behind(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.add(&["noop", "--no-start"]).await;
    let url = stage.db.url().to_owned();
    let words = ["--database", &url, "-o", "json", "bench", "cycle", "singles", "--thousands", "1", "--rounds", "1"];
    let ran = stage.run(&words).await;
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let report = ran.json();
    let figures = report["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 2, "{report:#}");
    for figure in figures {
        let (mission, floor) = (&figure["mission"]["median"], &figure["floor"]["median"]);
        assert!(mission.as_f64() > Some(0.0) && floor.as_f64() > Some(0.0), "{figure:#}");
        assert_eq!(figure["unit"], "tasks/s");
    }
    assert_eq!(stage.show(&id).await["state"], "init", "what waits is left alone");
    assert_eq!(stage.db.sql("select count(*) from mission_tasks;").await.unwrap().trim(), "1");
    let own = ran.stderr.split_whitespace().find(|word| word.starts_with("mission_bench_")).expect("it says where");
    let left = if stage.db.kind() == Kind::Sqlite {
        let names = std::fs::read_dir(stage.db.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(own)).count().to_string()
    } else {
        let schemas = format!("select count(*) from information_schema.schemata where schema_name = '{own}';");
        stage.db.sql(&schemas).await.unwrap()
    };
    assert_eq!(left.trim(), "0");
}

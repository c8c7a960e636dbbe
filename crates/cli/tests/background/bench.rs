//! `bench`: it measures beside the database in use, touches nothing of it and leaves nothing behind.

use mission_testkit::{Database, Kind, conformance};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::stage::{Stage, kill};

conformance![
    a_bench_measures_touches_nothing_and_leaves_nothing_behind,
    a_bench_that_is_interrupted_leaves_nothing_behind_either,
];

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
    assert_eq!(left_of(&stage.db, &ran.stderr).await, "0");
}

async fn a_bench_that_is_interrupted_leaves_nothing_behind_either(db: Database) {
    let stage = Stage::set(db).await;
    for (part, signal, code) in [("cycle", "INT", 130), ("pick-up", "TERM", 143)] {
        let mut bench = stage.start(&["--database", stage.db.url(), "bench", part, "--thousands", "1000"]);
        let mut said = BufReader::new(bench.stderr.take().unwrap()).lines();
        let mut before = String::new();
        while !before.contains(&format!("measuring {part}")) {
            before += &said.next_line().await.unwrap().expect("it says what it measures");
            before += " ";
        }
        assert!(!before.contains("  "), "{before:?}");
        kill(i64::from(bench.id().unwrap()), signal);
        assert!(said.next_line().await.unwrap().expect("a last word").contains("interrupted"));
        assert_eq!(bench.wait().await.unwrap().code(), Some(code));
        assert_eq!(left_of(&stage.db, &before).await, "0");
        stage.left_alone().await;
    }
}

/// How much of the database that it said it would measure in is there.
async fn left_of(db: &Database, said: &str) -> String {
    let own = said.split_whitespace().find(|word| word.starts_with("mission_bench_")).expect("it says where");
    let left = if db.kind() == Kind::Sqlite {
        let names = std::fs::read_dir(db.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(own)).count().to_string()
    } else {
        let schemas = format!("select count(*) from information_schema.schemata where schema_name = '{own}';");
        db.sql(&schemas).await.unwrap()
    };
    left.trim().to_owned()
}

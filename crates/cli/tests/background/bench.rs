//! `bench`: it measures beside the database in use, touches nothing of it and leaves nothing behind.

use mission_testkit::{Database, Kind, conformance, on};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::stage::{Stage, kill};

conformance![
    a_bench_measures_touches_nothing_and_leaves_nothing_behind,
    a_bench_beside_many_rows_says_what_it_holds_against_what,
    each_other_part_measures_what_it_is_for,
    a_bench_that_is_interrupted_leaves_nothing_behind_either,
    a_bench_that_ends_before_its_end_tells_what_it_has_measured,
];

async fn a_bench_measures_touches_nothing_and_leaves_nothing_behind(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.add(&["noop", "--no-start"]).await;
    let url = stage.db.url().to_owned();
    let words = ["--database", &url, "-o", "json", "bench", "cycle", "singles", "--thousands", "1", "--rounds", "1"];
    let ran = stage.run(&[&words[..], &["--concurrency", "70"]].concat()).await;
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let report = ran.json();
    let figures = report["figures"].as_array().unwrap();
    assert_eq!((figures.len(), &report["concurrency"]), (2, &serde_json::json!(70)), "{report:#}");
    for figure in figures {
        let (mission, floor) = (&figure["mission"]["median"], &figure["floor"]["median"]);
        assert!(mission.as_f64() > Some(0.0) && floor.as_f64() > Some(0.0), "{figure:#}");
        assert_eq!(figure["unit"], "tasks/s");
    }
    assert_eq!(stage.show(&id).await["state"], "init", "what waits is left alone");
    assert_eq!(stage.db.sql("select count(*) from mission_tasks;").await.unwrap().trim(), "1");
    assert_eq!(left_of(&stage.db, &ran.stderr).await, "0");
}

async fn a_bench_beside_many_rows_says_what_it_holds_against_what(db: Database) {
    let stage = Stage::set(db).await;
    let size = ["--thousands", "1", "--rounds", "1", "--history", "0.03"];
    let words = ["--database", stage.db.url(), "-o", "json", "bench", "history", "drain"];
    let ran = stage.run(&[&words[..], &size].concat()).await;
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let report = ran.json();
    let figures = report["figures"].as_array().unwrap();
    let words = [
        "claim of 10 beside 30000 ended",
        "claim of 10 behind 30000 each of future, paused, unserved",
        "look at the lines beside 30000 ended",
        "look at the lines behind 30000 each of future, paused, unserved",
        "each 7500 of 30000 waiting",
    ];
    assert_eq!(figures.len(), words.len(), "{report:#}");
    for (figure, words) in figures.iter().zip(words) {
        assert!(figure["name"].as_str().unwrap().contains(words), "{figure:#}");
        for value in [&figure["mission"], &figure["floor"], &figure["ratio"]] {
            assert!(value["median"].as_f64() > Some(0.0), "{figure:#}");
        }
    }
    assert_eq!(left_of(&stage.db, &ran.stderr).await, "0");
}

async fn each_other_part_measures_what_it_is_for(db: Database) {
    let stage = Stage::set(db).await;
    let size = ["--thousands", "1", "--rounds", "1", "--concurrency", "10"];
    let words = ["--database", stage.db.url(), "-o", "json", "bench", "crowd", "pick-up", "reports", "idle"];
    let ran = stage.run(&[&words[..], &size].concat()).await;
    assert_eq!(ran.code(), 0, "{ran:#?}");
    let report = ran.json();
    let figures = report["figures"].as_array().unwrap();
    let names: Vec<&str> = figures.iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    let of = |words: &str| names.iter().filter(|name| name.contains(words)).count();
    // SQLite has no server that counts statements.
    let counted = usize::from(stage.db.kind() != Kind::Sqlite);
    let parts = [of("eight worker processes beside one"), of("pick-up"), of("that report"), of("memory")];
    assert_eq!(parts, [1, 4, counted, 2], "{names:?}");
    assert_eq!(of("idle worker, statements"), counted, "{names:?}");
    let missing = if counted == 0 { serde_json::json!(["reports"]) } else { serde_json::Value::Null };
    assert_eq!(report["missing"], missing, "{report:#}");
    assert_eq!(left_of(&stage.db, &ran.stderr).await, "0");
}

async fn a_bench_of_what_sqlite_cannot_count_says_so(db: Database) {
    let stage = Stage::set(db).await;
    let ran = stage.run(&["--database", stage.db.url(), "-o", "json", "bench", "reports"]).await;
    assert_eq!((ran.code(), &ran.json()["missing"]), (0, &serde_json::json!(["reports"])), "{ran:#?}");
}

#[test]
fn a_bench_of_what_cannot_be_counted_says_so_on_sqlite() {
    on(Kind::Sqlite, a_bench_of_what_sqlite_cannot_count_says_so);
}

async fn a_bench_that_is_interrupted_leaves_nothing_behind_either(db: Database) {
    let stage = Stage::set(db).await;
    for (part, signal, code) in [("cycle", "INT", 130), ("pick-up", "TERM", 143), ("history", "TERM", 143)] {
        let mut bench = stage.start(&["--database", stage.db.url(), "bench", part, "--thousands", "1000"]);
        let mut said = BufReader::new(bench.stderr.take().unwrap()).lines();
        let (mut before, last) = (String::new(), if part == "history" { 4 } else { 1 });
        while !before.contains(&format!("measuring {part}")) || before.matches("measuring in").count() < last {
            before += &said.next_line().await.unwrap().expect("it says what it measures");
            before += " ";
        }
        assert!(!before.contains("  "), "{before:?}");
        kill(i64::from(bench.id().unwrap()), signal);
        let last = said.next_line().await.unwrap().expect("a last word");
        assert!(last.contains("interrupted"), "{last}");
        assert_eq!(bench.wait().await.unwrap().code(), Some(code));
        assert_eq!(left_of(&stage.db, &before).await, "0");
        stage.left_alone().await;
    }
}

async fn a_bench_that_ends_before_its_end_tells_what_it_has_measured(db: Database) {
    let stage = Stage::set(db).await;
    let size = ["--thousands", "1", "--rounds", "1"];
    let words = ["--database", stage.db.url(), "-o", "json", "bench", "singles", "idle"];
    let mut bench = stage.start(&[&words[..], &size].concat());
    let mut said = BufReader::new(bench.stderr.take().unwrap()).lines();
    while !said.next_line().await.unwrap().expect("it says what it measures").contains("measuring idle") {}
    kill(i64::from(bench.id().unwrap()), "INT");
    let ended = bench.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("what is known");
    assert_eq!(report["figures"].as_array().unwrap().len(), 1, "{report:#}");
    assert_eq!(report["missing"], serde_json::json!(["idle"]), "{report:#}");
}

/// How many of the databases that it said it would measure in are there.
async fn left_of(db: &Database, said: &str) -> String {
    let own: Vec<&str> = said.split_whitespace().filter(|word| word.starts_with("mission_bench_")).collect();
    assert!(!own.is_empty(), "it says where: {said}");
    let left = if db.kind() == Kind::Sqlite {
        let names = std::fs::read_dir(db.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        let is_own = |name: &str| own.iter().any(|own| name.starts_with(own));
        names.filter(|name| is_own(&name.to_string_lossy())).count().to_string()
    } else {
        let own = own.join("', '");
        let schemas = format!("select count(*) from information_schema.schemata where schema_name in ('{own}');");
        db.sql(&schemas).await.unwrap()
    };
    left.trim().to_owned()
}

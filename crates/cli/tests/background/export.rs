//! `helloWorld`, byte for byte, and its bad days.

use std::fs;
use std::time::{Duration, Instant};

use mission_testkit::{Database, Kind, conformance, eventually, on};

use crate::stage::Stage;

conformance![an_export_runs_in_the_background];

async fn an_export_runs_in_the_background(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.add(&["helloWorld", "rows=12", "datetime=2026-01-01 00:00:00"]).await;
    let task = stage.ended(&id).await;
    assert_eq!(task["state"], "success", "{task:#}");
    let path = task["content"].as_str().unwrap().strip_prefix("output target file dir: ").unwrap();
    assert!(path.starts_with(stage.files().to_str().unwrap()) && path.ends_with(&format!("-{id}.csv")), "{path}");
    let rows: String = (1..=12).map(|n| format!("{n},\"2026-01-01 00:00:00\"\n")).collect();
    assert_eq!(fs::read(path).unwrap(), [b"\xEF\xBB\xBFnum,datetime\n", rows.as_bytes()].concat());
    stage.left_alone().await;
}

#[test]
fn a_file_of_no_rows_is_its_header() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::bare(db);
        let ran = stage.run(&["test", "helloWorld", "rows=0"]).await;
        let path = ran.ok().trim().replace("output target file dir: ", "");
        assert_eq!(fs::read(path).unwrap(), b"\xEF\xBB\xBFnum,datetime\n");
        assert!(!stage.home.path().join("mission.db").exists(), "a test stores nothing");
    });
}

#[test]
fn what_cannot_be_written_fails_with_the_way_out() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::bare(db);
        fs::write(stage.home.path().join("file"), "x").unwrap();
        for (files, arg, words) in [
            ("files", "rows=-1", "do not fit at rows"),
            ("files", "rows=many", "do not fit at rows"),
            ("files", "row=1", "unknown field `row`"),
            ("files", "rows=18446744073709551615", "has room for"),
            ("file/below", "rows=1", "set another storage folder"),
        ] {
            let mut command = stage.command(&["test", "helloWorld", arg]);
            let output = command.env("MISSION_FILES", stage.home.path().join(files)).output().await.unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(4) && stderr.contains(words), "{arg}: {stderr}");
        }
    });
}

#[test]
fn a_cancelled_export_leaves_no_file() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let id = stage.add(&["helloWorld", "rows=100000000"]).await;
        eventually("the export is under way", async || stage.show(&id).await["state"] == "executing").await;
        stage.run(&["cancel", &id]).await.ok();
        let task = stage.ended(&id).await;
        assert_eq!(task["state"], "cancelled", "{task:#}");
        eventually("its half file goes", async || stage.result_files().is_empty()).await;
    });
}

/// Run with `cargo test --release -- --ignored`.
#[test]
#[ignore = "writes 299 MB; its time is promised for release builds"]
fn ten_million_rows_are_written_within_three_seconds() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::bare(db);
        let began = Instant::now();
        let path = stage.run(&["test", "helloWorld"]).await.ok().trim().replace("output target file dir: ", "");
        let took = began.elapsed();
        assert_eq!(fs::metadata(&path).unwrap().len(), 298_888_913);
        let text = fs::read(path).unwrap();
        assert!(text.starts_with(b"\xEF\xBB\xBFnum,datetime\n1,\"20") && text.ends_with(b"\"\n"));
        let last = text[..text.len() - 1].rsplit(|byte| *byte == b'\n').next().unwrap();
        assert!(last.starts_with(b"10000000,\""));
        assert!(took < Duration::from_secs(3), "{took:?}");
    });
}

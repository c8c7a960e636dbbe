//! How results are printed: valid JSON whatever tasks hold, no escape sequences, no panic when nobody reads.

use std::io::Read as _;
use std::process::Stdio;

use crate::scene::Scene;

/// Everything that could break a terminal, a table or a JSON text.
const HOSTILE: &str = "a\"b\\c\n\t\r\u{7}\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{202e}汉😀\u{fffd}";

#[test]
fn json_is_valid_whatever_a_task_holds() {
    let scene = Scene::new();
    let id = scene.push(&["nope", &format!("text={HOSTILE}")]);
    scene.end(&id, "fail", HOSTILE);
    for args in [&["records", "-o", "json"][..], &["records", "-o", "jsonl"], &["show", &id, "-o", "json"]] {
        let ran = scene.run(args);
        let value = ran.json();
        let task = if value.is_array() { &value[0] } else { &value };
        assert_eq!((&task["content"], &task["params"]["text"]), (&HOSTILE.into(), &HOSTILE.into()));
    }
    // Params that another client stored and that are no JSON.
    scene.sql(&format!("update mission_tasks set params = '{{broken' where unique_id = '{id}'"));
    assert_eq!(scene.run(&["show", &id, "-o", "json"]).json()["params"], "{broken");
}

#[test]
fn a_table_shows_control_characters_and_obeys_none() {
    let scene = Scene::new();
    let id = scene.push(&["nope", "--type", "report"]);
    scene.end(&id, "fail", HOSTILE);
    for args in [&["records"][..], &["show", &id], &["watch", &id]] {
        let ran = scene.run(args);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\r']), "{args:?} {ran:?}");
        assert!(ran.stdout.contains("\\e[31mred") && ran.stdout.contains("汉😀"), "{args:?} {ran:?}");
    }
    let table = scene.run(&["records"]);
    assert_eq!(table.stdout.lines().count(), 5);
    scene.sql("insert into mission_tasks (method) values ('no' || char(27) || '[2Jop')");
    let doctor = scene.run(&["doctor"]);
    assert!(doctor.stdout.contains("no\\e[2Jop") && !doctor.stdout.contains('\u{1b}'), "{doctor:?}");
}

#[test]
fn a_table_fits_the_columns_there_are_and_marks_what_it_cuts() {
    let scene = Scene::new().with("COLUMNS", "80");
    let id = scene.push(&["nope", &format!("text={}", "汉".repeat(100))]);
    scene.end(&id, "success", &"output target file dir: /www/laravel/storage/app/".repeat(10));
    let table = scene.run(&["records"]);
    for line in table.ok().lines() {
        let columns: usize = line.chars().map(|letter| if letter == '汉' { 2 } else { 1 }).sum();
        assert_eq!(columns, 80, "{line}");
    }
    assert!(table.stdout.contains(&id) && table.stdout.contains('…'), "{table:?}");
}

#[test]
fn nothing_is_coloured_where_nobody_sees_it() {
    let scene = Scene::new().with("NO_COLOR", "1");
    scene.push(&["nope"]);
    for args in [&["records"][..], &["--help"], &["records", "--frob"], &["watch", "--help"]] {
        let ran = scene.run(args);
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let scene = Scene::new();
    scene.push(&["nope"]);
    scene.sql("with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) insert into mission_tasks (method) select 'bulk' from n");
    for format in ["table", "json", "jsonl", "id"] {
        let mut command = scene.command(&["records", "--all", "-o", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut some = [0_u8; 16];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked") && !stderr.contains("Broken pipe"), "{stderr}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
}

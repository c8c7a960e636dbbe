//! `download`, `logs` and what `show` says of files and attempts: how a task's results reach whoever asked for them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::scene::{Ran, Scene, eventually};

const STORAGE: &str = "file:abcdefghijklmnop";
const SHA256_OF_ROWS: &str = "6b8f4d3a0c38b7bd1fdae5cbe2a2ad3ee6f1b1a24a1a3bfb5a0c3a1d6cb1ab05";

/// A task that has succeeded, in a folder where a worker keeps result files.
fn succeeded(scene: &Scene) -> String {
    let id = scene.push(&["nope"]);
    scene.end(&id, "success", "done");
    fs::create_dir_all(scene.path("mission-files")).unwrap();
    scene.write("mission-files/.mission-storage", &STORAGE["file:".len()..]);
    id
}

/// Gives it a result file, as its worker would.
fn give(scene: &Scene, id: &str, name: &str, text: &str) {
    give_as(scene, id, name, text, &sha256(scene, text));
}

fn give_as(scene: &Scene, id: &str, name: &str, text: &str, sha256: &str) {
    let number = scene.sql("select count(*) from mission_artifacts");
    let location = format!("20260101000000-{id}-{}.csv", number.trim());
    scene.write(&format!("mission-files/{location}"), text);
    let name = name.replace('\'', "''");
    scene.sql(&format!(
        "insert into mission_artifacts (task_id, name, media_type, bytes, sha256, row_count, storage, location)
         select id, '{name}', 'text/csv', {}, '{sha256}', 1, '{STORAGE}', '{location}'
         from mission_tasks where unique_id = '{id}'",
        text.len(),
    ));
}

fn sha256(scene: &Scene, text: &str) -> String {
    let file = scene.write("to-be-summed", text);
    let output = std::process::Command::new("sha256sum").arg(&file).output().unwrap();
    fs::remove_file(file).unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// What lies in the folder where the program was run, beside the database.
fn files(scene: &Scene) -> Vec<String> {
    let names = fs::read_dir(scene.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("mission")).collect();
    names.sort();
    names
}

#[test]
fn the_one_file_of_a_task_lands_under_its_own_name_and_replaces_nothing() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    give(&scene, &id, "orders.csv", "1\n");
    let ran = scene.run(&["download", &id[..8]]);
    assert_eq!(ran.ok().trim(), scene.path("orders.csv").to_str().unwrap());
    assert_eq!(fs::read(scene.path("orders.csv")).unwrap(), b"1\n");
    scene.write("orders.csv", "mine");
    scene.run(&["download", &id]).refused(1, "orders.csv is there already: say with -O FILE");
    assert_eq!(fs::read(scene.path("orders.csv")).unwrap(), b"mine");
    let json = scene.run(&["download", &id, "orders.csv", "-O", "orders.csv", "-o", "json"]).json();
    assert_eq!((&json["name"], &json["bytes"], &json["row_count"]), (&"orders.csv".into(), &2.into(), &1.into()));
    assert_eq!(Path::new(json["path"].as_str().unwrap()), scene.path("orders.csv"));
    assert_eq!(fs::read(scene.path("orders.csv")).unwrap(), b"1\n");
    assert_eq!(files(&scene), ["orders.csv"]);
}

#[test]
fn a_file_can_be_written_to_standard_output() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    let text = "row\n".repeat(1 << 20);
    give(&scene, &id, "rows.csv", &text);
    assert!(scene.run(&["download", &id, "-O", "-"]).ok() == text);
    assert!(files(&scene).is_empty());
    scene.run(&["download", &id, "-O", "."]).refused(2, ". is a folder");
    scene.run(&["download", &id, "-O", "/dev/null"]).ok();
    scene.run(&["download", &id, "-O", "no/such/folder/x"]).refused(1, "cannot write no/such/folder/x");
}

#[test]
fn of_several_files_one_is_named() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    scene.run(&["download", &id]).refused(3, "has no result files: it is success");
    give(&scene, &id, "a.csv", "a");
    give(&scene, &id, "b.csv", "b");
    scene.run(&["download", &id]).refused(2, "name one of them: \"a.csv\", \"b.csv\"");
    scene.run(&["download", &id, "c.csv"]).refused(3, "it has \"a.csv\", \"b.csv\"");
    scene.run(&["download", &id, "b.csv"]).ok();
    assert_eq!(files(&scene), ["b.csv"]);
    scene.run(&["download", "nosuchid"]).refused(3, "there is no task");
}

#[test]
fn what_is_not_what_was_stored_leaves_nothing_behind() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    give_as(&scene, &id, "rows.csv", "1\n", SHA256_OF_ROWS);
    scene.run(&["download", &id]).refused(1, "is not what was stored");
    scene.write("mine", "mine");
    scene.run(&["download", &id, "-O", "mine"]).refused(1, "is not what was stored");
    assert_eq!((files(&scene), fs::read(scene.path("mine")).unwrap()), (vec!["mine".to_owned()], b"mine".to_vec()));
}

#[test]
fn a_file_that_cannot_be_had_says_why() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    give(&scene, &id, "rows.csv", "1\n");
    let ran = scene.run_with(&["download", &id], "MISSION_FILES", "elsewhere");
    ran.refused(1, STORAGE);
    assert!(ran.stderr.contains("elsewhere"), "{ran:?}");
    scene.write("mission-files/.mission-storage", "ponmlkjihgfedcba");
    scene.run(&["download", &id]).refused(1, "mission-files is file:ponmlkjihgfedcba");
    scene.write("mission-files/.mission-storage", &STORAGE["file:".len()..]);
    fs::remove_file(scene.path(&format!("mission-files/20260101000000-{id}-0.csv"))).unwrap();
    scene.run(&["download", &id]).refused(3, "it was removed; run the task again");
    scene.sql("update mission_artifacts set expires_date = 1000000");
    scene.run(&["download", &id]).refused(3, "has expired since 1970-01-01T00:00:01Z");
}

#[test]
fn the_longest_name_there_is_can_be_fetched() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    let name = format!("{}.csv", "ü".repeat(125));
    give(&scene, &id, &name, "1\n");
    scene.run(&["download", &id]).ok();
    assert_eq!(fs::read(scene.path(&name)).unwrap(), b"1\n");
    assert_eq!(files(&scene), [name]);
}

#[test]
fn a_hostile_name_becomes_no_path() {
    for name in ["../x", "/etc/x", "-O", "a\nb", ".."] {
        let scene = Scene::new();
        let id = succeeded(&scene);
        give(&scene, &id, name, "1\n");
        scene.run(&["download", &id]).refused(2, "say with -O FILE where it goes");
        assert!(files(&scene).is_empty(), "{name:?}");
        scene.run(&["download", &id, "-O", "safe"]).ok();
    }
}

#[test]
fn files_and_attempts_are_shown_with_their_task() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    let bare = scene.run(&["show", &id]).ok().to_owned();
    assert!(!bare.contains("sha256") && !bare.contains("outcome"), "{bare}");
    give(&scene, &id, "rows.csv", "1\n");
    scene.sql(&format!(
        "insert into mission_attempts (task_id, lease_token, attempt, worker_id, worker, started_date, ended_date, outcome, content)
         select id, 7, 1, 3, 'host:1', 1000000, 3500000, 'failed', 'disk full' from mission_tasks where unique_id = '{id}'"
    ));
    let shown = scene.run(&["show", &id]).ok().to_owned();
    for words in ["| rows.csv |     2 |", "| for ever", "| 1970-01-01 00:00:01 | 2.5s | failed  | disk full |"] {
        assert!(shown.replace("rows.csv | 2     |", "rows.csv |     2 |").contains(words), "{words}\n{shown}");
    }
    let json = scene.run(&["show", &id, "-o", "json"]).json();
    assert_eq!(
        (&json["artifacts"][0]["name"], &json["attempts"][0]["content"]),
        (&"rows.csv".into(), &"disk full".into())
    );
    assert_eq!(json["unique_id"], id.as_str());
}

fn log(scene: &Scene, id: &str, line_no: i64, message: &str) {
    let message = message.replace('\'', "''");
    scene.sql(&format!(
        "insert into mission_logs (task_id, line_no, logged_date, level, message)
         select id, {line_no}, {line_no}, 'info', '{message}' from mission_tasks where unique_id = '{id}'"
    ));
}

#[test]
fn a_log_is_printed_as_lines_or_as_json() {
    let scene = Scene::new();
    let id = succeeded(&scene);
    let none = scene.run(&["logs", &id]);
    assert!(none.ok().is_empty() && none.stderr.contains("has logged nothing"), "{none:?}");
    assert_eq!(scene.run(&["logs", &id, "-o", "json"]).ok(), "[]\n");
    log(&scene, &id, 1_000_001, "one\n\u{1b}[2J");
    log(&scene, &id, 2_000_001, "two");
    let text = "1970-01-01T00:00:01.000001Z info  one\n    \\e[2J\n--- the next attempt\n1970-01-01T00:00:02.000001Z info  two\n";
    assert_eq!(scene.run(&["logs", &id]).ok(), text);
    assert_eq!(scene.run(&["logs", &id, "-f"]).ok(), text);
    let json = scene.run(&["logs", &id, "-o", "json"]).json();
    assert_eq!((json.as_array().unwrap().len(), &json[1]["message"]), (2, &"two".into()));
    assert_eq!(scene.run(&["logs", &id, "-o", "jsonl"]).ok().lines().count(), 2);
    assert_eq!(scene.run(&["logs", &id, "-f", "-o", "json"]).ok().lines().count(), 2);
    assert_eq!(scene.run(&["logs", &id, "-o", "id"]).ok(), "1000001\n2000001\n");
    scene.run(&["logs", "nosuchid"]).refused(3, "there is no task");
}

#[test]
fn a_log_is_followed_until_the_task_has_ended() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    let mut command = scene.command(&["logs", &id, "--follow"]);
    let out = scene.path("out");
    let file = fs::File::create(&out).unwrap();
    let follower = command.stdout(file).stderr(Stdio::piped()).spawn().unwrap();
    log(&scene, &id, 1_000_001, "while it runs");
    eventually("the line is printed", || fs::read_to_string(&out).unwrap().contains("while it runs\n"));
    log(&scene, &id, 1_000_002, "at the end");
    scene.end(&id, "fail", "no");
    let ran = Ran::of(follower.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "following is not waiting");
    assert_eq!(
        ran.stderr.matches(&format!("task {id} does not run yet: what it logs comes here")).count(),
        1,
        "{ran:?}"
    );
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 2);
}

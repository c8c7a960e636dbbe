//! What holds for every command: help, exit codes of usage, where the notes go.

use crate::scene::Scene;

#[test]
fn a_command_alone_says_how_it_is_used() {
    let scene = Scene::new();
    scene.run(&[]).refused(2, "Usage: mission");
    scene.run(&["frobnicate"]).refused(2, "unrecognized subcommand 'frobnicate'");
    scene.run(&["records", "--frob"]).refused(2, "--frob");
    scene.run(&["show"]).refused(2, "<ID>");
    scene.run(&["wait"]).refused(2, "<ID>");
    scene.run(&["add"]).refused(2, "`mission add helloWorld`");
}

#[test]
fn help_and_version_are_results() {
    let scene = Scene::new();
    let help = scene.run(&["--help"]);
    assert!(help.ok().contains("Usage: mission") && help.stdout.contains("124 wait timed out"), "{help:?}");
    assert!(scene.run(&["--version"]).ok().starts_with("mission "));
    assert!(scene.run(&["add", "--help"]).ok().contains("key=value becomes a field"));
    assert!(scene.run(&["bench", "--help"]).ok().contains("takes minutes"), "nobody ends it for having hung");
}

#[test]
fn commands_of_the_future_are_absent() {
    let scene = Scene::new();
    for absent in ["serve", "schedules"] {
        scene.run(&[absent]).refused(2, "unrecognized subcommand");
    }
}

#[test]
fn completions_name_every_command() {
    let scene = Scene::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = scene.run(&["completions", shell]);
        assert!(script.ok().contains("without-repeat-method"), "{shell}");
    }
    scene.run(&["completions", "cmd"]).refused(2, "invalid value");
}

#[test]
fn reading_never_makes_a_database() {
    let scene = Scene::new();
    for args in [
        &["records"][..],
        &["show", "abc"],
        &["watch"],
        &["wait", "abc"],
        &["cancel", "abc"],
        &["retry", "--state", "fail", "-y"],
        &["delete", "abc"],
        &["workers"],
        &["types"],
        &["resume", "report"],
    ] {
        let ran = scene.run(args);
        ran.refused(3, "/mission.db: the first push or worker makes it");
        assert!(ran.stderr.contains("one that lies elsewhere is named by --database or MISSION_DATABASE"), "{ran:?}");
    }
    let named = scene.run(&["records", "--database", "sqlite://other.db"]);
    named.refused(3, "/other.db: the first push or worker makes it");
    assert!(!named.stderr.contains("MISSION_DATABASE"), "{named:?}");
    assert_eq!(scene.run(&["methods", "-o", "id"]).ok(), "helloWorld\nnoop\nsleep\n");
    scene.run(&["config"]).ok();
    assert_eq!(std::fs::read_dir(scene.folder()).unwrap().count(), 0);
}

#[test]
fn the_database_in_use_is_said_on_stderr_and_so_is_its_making() {
    let scene = Scene::new();
    let made = scene.run(&["add", "noop", "--no-start"]);
    assert!(made.stderr.contains("made the database sqlite://mission.db"), "{made:?}");
    let used = scene.run(&["records", "-o", "json"]);
    assert!(used.stderr.contains("using the database sqlite://mission.db"), "{used:?}");
    assert_eq!(used.json().as_array().unwrap().len(), 1);
    assert_eq!(scene.run(&["records", "-q"]).stderr, "");
}

#[test]
fn a_hint_names_the_database_that_a_flag_named() {
    let scene = Scene::new().with("MISSION_DATABASE", "sqlite://usual.db");
    let database = ["--database", "sqlite://my own.db"];
    let of_flag = |args: &[&str]| scene.run(&[args, &database].concat());
    of_flag(&["records"]).refused(3, "or `mission --database 'sqlite://my own.db' migrate`");
    let later = of_flag(&["add", "noop", "--in", "1h"]);
    assert!(later.stderr.contains("(`mission --database 'sqlite://my own.db' work`)"), "{later:?}");
    scene.run(&["records"]).refused(3, "or `mission migrate`");
}

#[test]
fn the_commands_do_the_same_on_each_server() {
    crate::scene::on_each_server(|url| {
        let scene = Scene::new().with("DATABASE_URL", url);
        scene.run(&["records"]).refused(1, "run `mission migrate`");
        scene.run(&["migrate"]).ok();
        let id = scene.push(&["nope", "汉=😀", "--type", "report", "--creator", "Ünal"]);
        let task = scene.run(&["show", &id[..15], "-o", "json"]).json();
        assert_eq!((&task["params"]["汉"], &task["creator"]), (&"😀".into(), &"Ünal".into()));
        assert!(scene.run(&["fair", "report", "on"]).ok().contains("| yes"), "{url}");
        scene.run(&["pause", "report"]).ok();
        assert!(scene.run(&["show", &id]).ok().contains("paused"), "{url}");
        assert_eq!(scene.run(&["cancel", "--type", "report", "-y", "-o", "id"]).ok(), format!("{id}\n"));
        assert_eq!(scene.run(&["wait", &id]).code, Some(5));
        assert_eq!(scene.run(&["delete", &id, "-o", "id"]).ok(), format!("{id}\n"));
        assert_eq!(scene.run(&["records", "-o", "json"]).json(), serde_json::json!([]));
    });
}

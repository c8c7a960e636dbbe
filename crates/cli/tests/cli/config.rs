//! The settings: which place wins, what is refused, and that no password is shown.

use crate::scene::{Ran, Scene};

fn setting(ran: &Ran, key: &str) -> (String, String) {
    let settings = ran.json();
    let setting = settings.as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone();
    (setting["value"].as_str().unwrap().to_owned(), setting["from"].as_str().unwrap().to_owned())
}

#[test]
fn the_nearest_place_wins() {
    let scene = Scene::new();
    let database = |scene: &Scene, args: &[&str]| {
        let ran = scene.run(&[&["config", "-o", "json"], args].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        setting(&ran, "database")
    };
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(database(&scene, &[]), pair("sqlite://mission.db", "default"));
    scene.write("mission.toml", "database = \"sqlite://toml.db\"\nconcurrency = 3\ntypes = [\"a\", \"b\"]\n");
    assert_eq!(database(&scene, &[]), pair("sqlite://toml.db", "mission.toml"));
    scene.write("other.toml", "database = \"sqlite://other.db\"\n");
    assert_eq!(database(&scene, &["--config", "other.toml"]), pair("sqlite://other.db", "other.toml"));
    scene.write(".env", "DATABASE_URL=sqlite://env-file.db\n");
    assert_eq!(database(&scene, &[]), pair("sqlite://env-file.db", "DATABASE_URL in .env"));
    scene.write(".env", "DATABASE_URL=sqlite://env-file.db\nMISSION_DATABASE='sqlite://own.db'\n");
    assert_eq!(database(&scene, &[]), pair("sqlite://own.db", "MISSION_DATABASE in .env"));
    let scene = scene.with("DATABASE_URL", "sqlite://env.db");
    assert_eq!(database(&scene, &[]), pair("sqlite://env.db", "DATABASE_URL"));
    let scene = scene.with("MISSION_DATABASE", "sqlite://mine.db");
    assert_eq!(database(&scene, &[]), pair("sqlite://mine.db", "MISSION_DATABASE"));
    assert_eq!(database(&scene, &["--database", "sqlite://flag.db"]), pair("sqlite://flag.db", "--database"));
    assert_eq!(setting(&scene.run(&["config", "-o", "json"]), "types"), pair("a,b", "mission.toml"));
}

#[test]
fn the_database_that_was_set_is_the_one_that_is_used() {
    let scene = Scene::new().with("MISSION_DATABASE", "sqlite://mine.db");
    scene.push(&["noop"]);
    assert!(scene.path("mine.db").exists() && !scene.path("mission.db").exists());
}

#[test]
fn unknown_keys_are_refused_with_the_one_meant() {
    let scene = Scene::new();
    scene.write("mission.toml", "databse = \"sqlite://x.db\"\n");
    scene
        .run(&["records"])
        .refused(2, "mission.toml sets \"databse\", which nothing reads: did you mean \"database\"?");
    scene.write("mission.toml", "");
    scene.write(".env", "MISSION_CONCURENCY=3\n");
    scene.run(&["records"]).refused(2, "did you mean MISSION_CONCURRENCY?");
    scene.write(".env", "MISSION_CRITICAL_MODE=3\nAPP_KEY=\"unfinished\nOTHER=1\n");
    scene.run(&["config"]).ok();
    let scene = Scene::new().with("MISSION_DATABSE", "x");
    scene.run(&["records"]).refused(2, "the environment sets MISSION_DATABSE");
}

#[test]
fn values_that_cannot_be_are_refused_with_where_they_stand() {
    let scene = Scene::new();
    for (toml, sentence) in [
        ("concurrency = 0", "concurrency (from mission.toml): \"0\" is out of range: use 1 to 10000"),
        ("grace = \"soon\"", "grace (from mission.toml): \"soon\" is no span of time"),
        ("keep = \"for ever\"", "keep (from mission.toml): \"for ever\" is no span of time"),
        ("keep = 30", "keep (from mission.toml): \"30\" has no unit: 30d are so many days, 30s seconds"),
        ("keep_failed = \"365\"", "keep_failed (from mission.toml): \"365\" has no unit"),
        ("output = \"xml\"", "use table, json, jsonl or id"),
        ("database = true", "database must be a string or a number"),
        ("grace = \"1s\"\ndatabase = \"mysql://u:secret@h", "mission.toml, line 2, is not TOML"),
    ] {
        scene.write("mission.toml", toml);
        let ran = scene.run(&["records"]);
        ran.refused(2, sentence);
        assert!(!ran.stderr.contains("secret"), "{ran:?}");
    }
    scene.write("mission.toml", "");
    scene.run(&["records", "--config", "absent.toml"]).refused(2, "cannot read the settings in absent.toml");
}

#[test]
fn passwords_are_masked_everywhere() {
    let urls = [
        "mysql://root:s3cret@127.0.0.1:1/app",
        "postgres://root:s3cret@127.0.0.1:1/app?password=s3cret",
        "mysql://root:s3cret@127.0.0.1:99999/app",
        "mysql://root:s3cret@127.0.0.1",
        "oracle://root:s3cret@127.0.0.1/app",
    ];
    let check = |url: &str, args: &[&str]| {
        let ran = Scene::new().with("DATABASE_URL", url).run(args);
        assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{args:?} {ran:?}");
    };
    // Side by side, because each waits some seconds for a server that may come.
    std::thread::scope(|threads| {
        for url in urls {
            for args in [&["config"][..], &["config", "-o", "json"], &["types"], &["add", "nope"]] {
                threads.spawn(move || check(url, args));
            }
        }
    });
}

#[test]
fn empty_variables_count_as_not_set() {
    let scene = Scene::new().with("DATABASE_URL", "").with("MISSION_OUTPUT", "");
    assert_eq!(setting(&scene.run(&["config", "-o", "json"]), "database").1, "default");
}

//! Bad input: each has a message that says what to do, the contract's exit code, and leaves everything as it was.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use crate::scene::{Ran, Scene};

#[test]
fn an_unknown_method_is_refused_with_those_known_and_nothing_is_stored() {
    let scene = Scene::new();
    scene.run(&["add", "helloworld"]).refused(1, "did you mean \"helloWorld\"? known are helloWorld, noop, sleep");
    scene.run(&["add", "nop"]).refused(1, "did you mean \"noop\"?");
    scene.run(&["add", "zzz"]).refused(1, "--force");
    assert!(!scene.path("mission.db").exists(), "a refusal makes no database");
    scene.push(&["noop"]);
    scene.run(&["add", "zzz", "--no-start"]).refused(1, "nobody is known to have the method \"zzz\"");
    assert_eq!(scene.sql("select count(*) from mission_tasks"), "1\n");
    assert_eq!(scene.push(&["zzz"]).len(), 16);
}

#[test]
fn params_that_are_no_json_or_too_large_are_refused_before_anything_is_stored() {
    let scene = Scene::new();
    let add = |params: &str| scene.run(&["add", "noop", "--params", params]);
    add("{rows: 1}").refused(2, "the params are not JSON");
    add("").refused(2, "the params are not JSON");
    add("@absent.json").refused(2, "cannot read the params in absent.json");
    add("@.").refused(2, "cannot read the params in .");
    scene.write("latin.json", b"{\"name\":\"caf\xe9\"}");
    add("@latin.json").refused(2, "not UTF-8 (byte 12): save the file as UTF-8");
    scene.write("large.json", format!("\"{}\"", "x".repeat(1 << 20)));
    add("@large.json").refused(2, "more than 1048576 bytes: put the data into a table or a file");
    let large = vec![b' '; 3 << 20];
    scene.run_with_input(&["add", "noop", "--params", "-"], &large).refused(2, "more than 1048576 bytes");
    scene.run(&["add", "noop", "rows"]).refused(2, "\"rows\" is no field: write key=value");
    scene.run(&["add", "noop", "a=1", "a=2"]).refused(2, "\"a\" is given twice");
    scene.run(&["add", "noop", "a=1", "--params", "{}"]).refused(2, "cannot be used with");
    assert!(!scene.path("mission.db").exists());
}

#[test]
fn params_that_a_method_of_this_program_does_not_take_are_refused_before_anything_is_stored() {
    let scene = Scene::new();
    scene.run(&["add", "sleep", "ms=soon"]).refused(2, "the params of method \"sleep\" do not fit at ms");
    scene.run(&["add", "sleep", "seconds=5"]).refused(2, "unknown field `seconds`, expected `ms`");
    scene.run(&["add", "sleep"]).refused(2, "method \"sleep\" takes params, and the task has none");
    assert!(!scene.path("mission.db").exists());
    scene.run(&["add", "sleep", "ms=soon", "--no-start", "--force"]).ok();
    scene.run(&["add", "sleep", "ms=5", "--no-start"]).ok();
}

#[test]
fn params_up_to_the_limit_are_kept_whole() {
    let scene = Scene::new();
    let text = "汉😀".repeat(149_000);
    scene.write("large.json", format!("{{\"text\":\"{text}\"}}"));
    let id = scene.push(&["noop", "--params", "@large.json"]);
    assert_eq!(scene.run(&["show", &id, "-o", "json"]).json()["params"]["text"], text);
    let table = scene.run(&["records"]);
    assert!(table.ok().lines().all(|line| line.len() < 4000) && table.stdout.contains('…'));
}

#[test]
fn numbers_out_of_bounds_name_the_bounds() {
    let scene = Scene::new();
    for (args, sentence) in [
        (["--priority", "10"], "priority 10 is out of range: use -9 (last) to 9 (first)"),
        (["--priority", "high"], "invalid value 'high'"),
        (["--retries", "-1"], "retries -1 is out of range"),
        (["--timeout", "0"], "shorter than a millisecond"),
        (["--timeout", "200000d"], "up to 100 years"),
        (["--in", "later"], "no span of time"),
        (["--at", "tomorrow"], "is no time: use RFC 3339"),
        (["--at", "9999-12-31T23:59:59Z"], "is out of range: use a time before 9999-12-30T22:00:00Z"),
        (["--at", "-009999-01-01T00:00:00Z"], "is out of range"),
        (["--at", "10000-01-01T00:00:00Z"], "is no time: use RFC 3339"),
        (["--type", ""], "type \"\" is empty"),
        (["--creator", "a\nb"], "holds a control character"),
        (["--key", " k"], "begins or ends with white space"),
    ] {
        scene.run(&[&["add", "noop"][..], &args].concat()).refused(2, sentence);
    }
    scene.run(&["add", "noop", "--at", "2026-01-01", "--in", "1s"]).refused(2, "cannot be used with");
    scene.run(&["add", "noop", "--wait", "--watch"]).refused(2, "cannot be used with");
    scene.run(&["add", "", "--force"]).refused(2, "method \"\" is empty");
    scene.run(&["add", &"x".repeat(192), "--force"]).refused(2, "has more than 191 characters");
    assert!(!scene.path("mission.db").exists());
}

#[test]
fn odd_names_are_stored_and_found_as_they_are() {
    let scene = Scene::new();
    for name in
        ["it's \"quoted\"", "%_;--", "汉字", "😀 face", "<b>&amp;</b>", "null", "e\u{301}", "-dash", &"汉".repeat(191)]
    {
        let id = scene.push(&["--creator", "x", "--", name]);
        let found = scene.run(&["records", "-o", "json", &format!("--method={name}")]).json();
        assert_eq!((&found[0]["unique_id"], &found[0]["method"]), (&id.as_str().into(), &name.into()));
        assert_eq!(found.as_array().unwrap().len(), 1);
    }
}

#[test]
fn ids_that_cannot_be_are_refused() {
    let scene = Scene::new();
    scene.push(&["noop"]);
    for odd in ["", "a b", "x'; drop table mission_tasks", "é", "../a", &"a".repeat(65)] {
        for command in ["show", "wait", "watch", "cancel", "retry", "delete"] {
            scene.run(&[command, odd]).refused(2, "is no unique_id");
        }
    }
    scene.run(&["show", "a%"]).refused(2, "is no unique_id");
    scene.run(&["show", "_"]).refused(3, "there is no task _");
    assert_eq!(scene.sql("select count(*) from mission_tasks"), "1\n");
}

#[test]
fn arguments_that_are_not_utf_8_are_refused() {
    let scene = Scene::new();
    let mut command = scene.command(&["add", "noop"]);
    command.arg(std::ffi::OsStr::from_bytes(b"name=caf\xe9"));
    Ran::of(command.output().unwrap()).refused(2, "invalid UTF-8");
}

#[test]
fn a_database_in_a_folder_that_no_url_can_name_is_refused_before_anything_is_pushed() {
    let scene = Scene::new();
    let folder = scene.path("").join(std::ffi::OsStr::from_bytes(b"n\xff"));
    std::fs::create_dir(&folder).unwrap();
    for words in [&["add", "noop"][..], &["work"], &["records"]] {
        let ran = scene.command(words).current_dir(&folder).output().unwrap();
        Ran::of(ran).refused(2, "has a name that is not UTF-8: use a file in another folder");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let elsewhere = format!("sqlite://{}", scene.path("mission.db").display());
    let ran =
        scene.command(&["add", "noop", "--no-start", "--database", &elsewhere]).current_dir(&folder).output().unwrap();
    assert_eq!(Ran::of(ran).code, Some(0));
}

#[test]
fn a_database_url_that_is_wrong_says_how_it_is_written() {
    let scene = Scene::new();
    for (url, sentence) in [
        ("nonsense", "has no scheme: use sqlite://FILE"),
        ("", "has no scheme"),
        ("oracle://db/app", "unknown scheme \"oracle\": use sqlite, mysql, mariadb or postgres"),
        ("mysql:u:secret@db/app", "no // behind mysql: use mysql://user:password@host/database"),
        ("postgres:/u:secret@db/app", "no // behind postgres: use postgres://user:password@host/database"),
        ("mysql://root@127.0.0.1", "names no database"),
        ("mysql://[::1/app", "no MySQL URL: use mysql://user:password@host"),
        ("postgres://h:port/app", "no PostgreSQL URL: use postgres://"),
        ("sqlite://x.db?mode=none", "no SQLite URL: use sqlite://mission.db"),
    ] {
        scene.run(&["records", "--database", url]).refused(2, sentence);
        let ran = scene.run(&["add", "noop", "--database", url]);
        ran.refused(2, sentence);
        assert!(!ran.stderr.contains("secret"), "{ran:?}");
    }
    let ran = scene.run(&["migrate", "--sql", "--database", "mysql:u:secret@db/app"]);
    ran.refused(2, "no // behind mysql");
    assert!(!ran.stderr.contains("secret"), "{ran:?}");
}

#[test]
fn a_database_in_memory_is_refused_because_it_ends_with_the_command() {
    let scene = Scene::new();
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite://x.db?mode=memory", "sqlite://"] {
        for command in [
            &["add", "noop"][..],
            &["work"],
            &["execute"],
            &["demo"],
            &["records"],
            &["limit", "a", "1"],
            &["fair", "a", "on"],
        ] {
            let ran = scene.run(&[command, &["--database", url]].concat());
            ran.refused(2, "ends with this command: name a file, as in sqlite://mission.db");
        }
        scene.run(&["test", "noop", "--database", url]).ok();
    }
}

#[test]
fn a_worker_out_of_bounds_is_refused_before_it_says_that_it_works() {
    let scene = Scene::new();
    for (flag, variable, value, sentence) in [
        ("--concurrency", "MISSION_CONCURRENCY", "0", "\"0\" is out of range: use 1 to 10000"),
        ("--concurrency", "MISSION_CONCURRENCY", "10001", "use 1 to 10000"),
        ("--concurrency", "MISSION_CONCURRENCY", "99999999999999999999", "use 1 to 10000"),
        ("--concurrency", "MISSION_CONCURRENCY", "-5", "\"-5\" is out of range: use 1 to 10000"),
        ("--concurrency", "MISSION_CONCURRENCY", "many", "use 1 to 10000"),
        ("--lease", "MISSION_LEASE", "0s", "the lease \"0s\" is out of range: use 2s to 1h"),
        ("--lease", "MISSION_LEASE", "61m", "use 2s to 1h"),
        ("--lease", "MISSION_LEASE", "1s", "use 2s to 1h"),
        ("--lease", "MISSION_LEASE", "-5s", "\"-5s\" is no span of time"),
        ("--type", "MISSION_TYPES", "a\u{7}b", "holds a control character"),
    ] {
        for ran in [scene.run(&["work", flag, value]), Scene::new().with(variable, value).run(&["work"])] {
            ran.refused(2, sentence);
            assert!(!ran.stderr.contains("works for"), "{ran:?}");
        }
    }
    scene.run(&["work", "--type", ""]).refused(2, "type \"\" is empty");
    scene.run(&["work", "--type", "a,"]).refused(2, "type \"\" is empty");
    assert!(!scene.path("mission.db").exists());
}

#[test]
fn the_widest_bounds_of_a_worker_are_taken() {
    let scene = Scene::new();
    for lease in ["2s", "1h"] {
        scene.run(&["work", "--stop-when-empty", "--concurrency", "10000", "--lease", lease]).ok();
    }
}

#[test]
fn counts_below_one_and_negative_spans_are_refused_as_such() {
    let scene = Scene::new();
    for command in ["execute", "records"] {
        for count in ["0", "-5", "many"] {
            let sentence = format!("{count:?} is out of range: use a number from 1 up");
            scene.run(&[command, "--limit", count]).refused(2, &sentence);
        }
    }
    scene.run(&["demo", "--rows", "-1"]).refused(2, "\"-1\" is out of range: use a number from 0 up");
    scene.run(&["limit", "report", "-1"]).refused(2, "\"-1\" is no limit: use a number, or none");
    for flag in ["--in", "--timeout", "--stall-timeout"] {
        scene.run(&["add", "noop", flag, "-5s"]).refused(2, "\"-5s\" is no span of time");
        scene.run(&["add", "noop", flag, "-5"]).refused(2, "\"-5\" is no span of time");
    }
    scene.run(&["wait", "abc", "--timeout", "-5s"]).refused(2, "is no span of time");
    scene.run(&["prune", "--older-than", "-5d"]).refused(2, "is no span of time");
    scene.run(&["records", "--since", "-2h"]).refused(2, "\"-2h\" is neither a time nor a span");
    assert!(!scene.path("mission.db").exists());
}

#[test]
fn a_server_that_refuses_is_said_to_be_out_of_reach() {
    let check = |scheme: &str| {
        let url = format!("{scheme}://nobody@127.0.0.1:1/app");
        Scene::new().run(&["records", "--database", &url]).refused(1, "the database cannot be reached");
    };
    std::thread::scope(|threads| {
        for scheme in ["mysql", "mariadb", "postgres"] {
            threads.spawn(move || check(scheme));
        }
    });
}

#[test]
fn a_folder_that_is_not_there_or_may_not_be_written_is_named() {
    let scene = Scene::new();
    let url = format!("sqlite://{}/absent/x.db", scene.folder().display());
    scene.run(&["add", "noop", "--database", &url]).refused(1, "absent/x.db");
    scene.run(&["add", "noop", "--database", "sqlite:///proc/x.db"]).refused(1, "/proc/x.db");
    // Not a database at all.
    scene.write(
        "mission.db",
        "this is a text file, and it is long enough to have a header of a hundred bytes or so, is it not? yes",
    );
    scene.run(&["records"]).refused(1, "mission.db");
    scene.run(&["add", "noop"]).refused(1, "mission.db");
}

#[test]
fn a_read_only_database_refuses_writes_with_the_way_out() {
    // Root may write everywhere, so the refusal can be seen by others only; a folder's rights stop nobody else here.
    if rustix::process::getuid().is_root() {
        let scene = Scene::new();
        scene.push(&["noop"]);
        scene.run(&["add", "noop", "--no-start", "--database", "sqlite://mission.db?mode=ro"]).refused(1, "mission.db");
        return;
    }
    let scene = Scene::new();
    scene.push(&["noop"]);
    let rights = |mode| std::fs::set_permissions(scene.folder(), std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::set_permissions(scene.path("mission.db"), std::fs::Permissions::from_mode(0o444)).unwrap();
    rights(0o555);
    let ran = scene.run(&["add", "noop", "--no-start"]);
    rights(0o755);
    ran.refused(1, "may be written");
}

#[test]
fn a_newer_schema_asks_for_a_newer_program() {
    let scene = Scene::new();
    scene.push(&["noop"]);
    scene.sql("insert into mission_migrations (version) values (99001)");
    scene.run(&["records"]).refused(1, "newer than this program's");
    scene.run(&["add", "noop"]).refused(1, "newer than this program's");
    assert_eq!(scene.sql("select count(*) from mission_tasks"), "1\n");
}

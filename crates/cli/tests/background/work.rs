//! `work`, `execute`, `test` and `demo`: methods run in a process that people started themselves.

use std::time::Duration;

use mission_testkit::{Database, Kind, conformance, eventually, eventually_within, on};

use crate::on_demand::count;
use crate::stage::{Stage, kill};

conformance![
    a_worker_says_what_it_has_and_ends_well_when_it_is_told_to,
    a_worker_may_stop_once_nothing_is_left,
    a_worker_keeps_what_has_ended_as_long_as_the_settings_say,
    a_killed_worker_is_gone_at_once_and_the_doctor_says_what_it_left,
    execute_runs_the_oldest_first_and_ends_as_its_tasks_did,
    the_demo_shows_the_record_as_it_runs_and_when_it_has_ended,
];

async fn a_worker_says_what_it_has_and_ends_well_when_it_is_told_to(db: Database) {
    let stage = Stage::set(db).await;
    let worker = stage.start(&["work", "--type", "report"]);
    let pid = i64::from(worker.id().unwrap());
    assert_eq!(stage.worker_pid().await, pid);
    let reports = stage.add(&["sleep", "ms=2000", "--type", "report", "--no-start"]).await;
    let other = stage.add(&["noop", "--no-start"]).await;
    eventually("it runs", async || stage.show(&reports).await["state"] == "executing").await;
    kill(pid, "TERM");
    let output = worker.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the types report") && said.contains("helloWorld, noop, sleep"), "{said}");
    assert_eq!(stage.show(&reports).await["state"], "success", "what runs may end within the grace");
    assert_eq!(stage.show(&other).await["state"], "init", "another type was not served");
}

async fn a_killed_worker_is_gone_at_once_and_the_doctor_says_what_it_left(db: Database) {
    let stage = Stage::set(db).await;
    let mut worker = stage.start(&["work"]);
    assert_eq!(stage.worker_pid().await, i64::from(worker.id().unwrap()));
    let id = stage.add(&["sleep", "ms=60000", "--no-start"]).await;
    eventually("it runs", async || stage.show(&id).await["state"] == "executing").await;
    worker.kill().await.unwrap();
    assert_eq!(stage.run(&["workers", "-o", "json"]).await.json()[0]["live"], false, "whatever its lease says");
    assert!(stage.run(&["workers"]).await.ok().contains("gone"));
    let doctor = stage.run(&["doctor"]).await.stdout;
    assert!(doctor.contains("1 task of sleep to run again, and no worker runs: start one that has sleep"), "{doctor}");
}

async fn a_worker_may_stop_once_nothing_is_left(db: Database) {
    let stage = Stage::set(db).await;
    for _ in 0..3 {
        stage.add(&["noop", "--no-start"]).await;
    }
    stage.run(&["work", "--stop-when-empty"]).await.ok();
    assert_eq!(count(&stage, "state = 'success'").await, 3);
}

async fn a_worker_keeps_what_has_ended_as_long_as_the_settings_say(db: Database) {
    let stage = Stage::set(db).await;
    for _ in 0..2 {
        stage.add(&["noop", "--no-start"]).await;
    }
    stage.run(&["work", "--stop-when-empty"]).await.ok();
    let an_hour_ago = "update mission_tasks set created_date = created_date - 3600000000, modified_date = modified_date - 3600000000;
         update mission_tasks set state = 'fail' where id = (select id from (select min(id) as id from mission_tasks) as first);";
    stage.db.sql(an_hour_ago).await.unwrap();
    std::fs::write(stage.home.path().join("mission.toml"), "keep = \"30m\"\nkeep_failed = \"2h\"\n").unwrap();
    let _worker = stage.start(&["work"]);
    eventually("what succeeded is removed", async || count(&stage, "state = 'success'").await == 0).await;
    assert_eq!(count(&stage, "state = 'fail'").await, 1);
    let pruned = stage.run(&["prune"]).await.ok();
    assert!(pruned.contains("removed 0 tasks: those that ended more than 30m ago, failed ones 2h"), "{pruned}");
    let looked = stage.run(&["prune", "--failed-older-than", "1h", "--dry-run"]).await.ok();
    assert!(looked.contains("would remove 1 task: those that ended more than 30m ago, failed ones 1h"), "{looked}");
    let looked = stage.run(&["prune", "--failed-older-than", "1h", "--dry-run", "-o", "json"]).await.json();
    assert_eq!((looked["would_remove"].as_u64(), count(&stage, "state = 'fail'").await), (Some(1), 1));
    let pruned = stage.run(&["prune", "--failed-older-than", "1h", "-o", "json"]).await.json();
    assert_eq!((pruned["removed"].as_u64(), count(&stage, "state = 'fail'").await), (Some(1), 0));
}

async fn execute_runs_the_oldest_first_and_ends_as_its_tasks_did(db: Database) {
    let stage = Stage::set(db).await;
    let first = stage.add(&["noop", "--no-start"]).await;
    let second = stage.add(&["helloWorld", "rows=18446744073709551615", "--no-start"]).await;
    let later = stage.add(&["noop", "--in", "2h", "--no-start"]).await;
    assert_eq!(stage.run(&["execute", "--limit", "1", "-o", "id"]).await.ok().trim(), first);
    let ran = stage.run(&["execute", "-o", "id"]).await;
    assert_eq!((ran.code(), ran.stdout.trim()), (4, second.as_str()), "{ran:#?}");
    let ran = stage.run(&["execute"]).await;
    assert!(ran.code() == 0 && ran.stderr.contains("nothing waits"), "{ran:#?}");
    // By its id a task runs before it is due.
    assert_eq!(stage.run(&["execute", &later[..6], "-o", "id"]).await.ok().trim(), later);
    let ended = stage.run(&["execute", &later]).await;
    assert!(ended.code() == 1 && ended.stderr.contains("does not wait"), "{ended:#?}");
    assert_eq!(stage.run(&["execute", "nosuchid"]).await.code(), 3);
}

async fn the_demo_shows_the_record_as_it_runs_and_when_it_has_ended(db: Database) {
    let stage = Stage::bare(db);
    let ran = stage.run(&["demo", "--rows", "3000000", "--database", stage.db.url()]).await;
    let (stdout, stderr) = (ran.stdout.clone(), ran.stderr.clone());
    ran.ok();
    let executing = stdout.find("| executing |").expect("the record while it runs");
    let success = stdout.find("| success |").expect("the record at the end");
    assert!(executing < success && stdout[success..].contains("output target file dir: "), "{stdout}");
    assert!(stderr.contains("3000000 rows, 88888912 bytes, in "), "{stderr}");
    stage.left_alone().await;
}

#[test]
fn a_worker_that_is_a_service_says_when_it_is_ready_alive_and_stopping() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let path = stage.home.path().join("notify");
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        let hear = async || {
            let mut room = [0; 64];
            let heard = tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut room));
            let length = heard.await.expect("it speaks").unwrap();
            String::from_utf8(room[..length].to_vec()).unwrap()
        };
        let mut command = stage.command(&["work"]);
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000").stderr(std::process::Stdio::null());
        let mut worker = command.kill_on_drop(true).spawn().unwrap();
        assert_eq!(hear().await, "READY=1");
        assert_eq!(stage.worker_pids().await.len(), 1, "it is on the list");
        assert_eq!((hear().await, hear().await), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
        kill(i64::from(worker.id().unwrap()), "TERM");
        let mut words = hear().await;
        while words == "WATCHDOG=1" {
            words = hear().await;
        }
        assert_eq!(words, "STOPPING=1");
        assert!(worker.wait().await.unwrap().success());
        // What a service pushes is served by a process of its own, which is not the service.
        let id = stage.add(&["noop", "--no-start"]).await;
        let mut push = stage.command(&["add", "noop"]);
        push.env("NOTIFY_SOCKET", &path).output().await.unwrap();
        assert_eq!(stage.ended(&id).await["state"], "success");
        stage.left_alone().await;
        let mut room = [0; 64];
        while let Ok(length) = socket.try_recv(&mut room) {
            assert_eq!(&room[..length], b"WATCHDOG=1", "only the first worker spoke");
        }
    });
}

#[test]
fn the_demo_leaves_an_applications_database_alone() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::bare(db);
        stage.run(&["demo", "--rows", "10"]).await.ok();
        assert!(stage.home.path().join("mission.db").exists(), "it uses a file of its own");
        assert!(!stage.db.folder().join("mission.db").exists(), "although MISSION_DATABASE names another");
    });
}

#[test]
fn an_interrupted_execute_hands_its_task_back() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let id = stage.add(&["sleep", "ms=600000", "--no-start"]).await;
        let executing = stage.start(&["execute"]);
        let pid = i64::from(executing.id().unwrap());
        eventually("it runs", async || stage.show(&id).await["state"] == "executing").await;
        kill(pid, "INT");
        eventually("it says that it waits", async || stage.worker_pids().await.is_empty()).await;
        kill(pid, "INT");
        let output = executing.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
    });
}

#[test]
fn a_signal_ends_execute_in_order_and_nothing_is_counted() {
    // One that ends within the grace succeeds; one that outlasts it, five seconds here, waits again.
    for (signal, code, ms, state, attempt) in [("INT", 130, 1500, "success", 1), ("TERM", 143, 600_000, "init", 0)] {
        on(Kind::Sqlite, |db| async move {
            let stage = Stage::set(db).await;
            let id = stage.add(&["sleep", &format!("ms={ms}"), "--no-start"]).await;
            let executing = stage.start(&["execute"]);
            let pid = i64::from(executing.id().unwrap());
            eventually("it runs", async || stage.show(&id).await["state"] == "executing").await;
            kill(pid, signal);
            let output = executing.wait_with_output().await.unwrap();
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            let task = stage.show(&id).await;
            assert_eq!((&task["state"], &task["attempt"]), (&state.into(), &attempt.into()));
            assert_eq!((&task["failures"], &task["crashes"]), (&0.into(), &0.into()));
            assert_eq!(stage.run(&["workers", "-o", "json"]).await.json(), serde_json::json!([]));
        });
    }
}

#[test]
fn what_waits_for_a_task_is_ended_by_sigterm_and_the_task_goes_on() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let waiting = stage.start(&["add", "sleep", "ms=3000", "--wait"]);
        let pid = i64::from(waiting.id().unwrap());
        eventually("it runs", async || count(&stage, "state = 'executing'").await == 1).await;
        kill(pid, "TERM");
        let output = waiting.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(143), "{output:?}");
        eventually("it succeeds", async || count(&stage, "state = 'success' and attempt = 1").await == 1).await;
        stage.left_alone().await;
        let tested = stage.start(&["test", "sleep", "ms=600000"]);
        let pid = i64::from(tested.id().unwrap());
        eventually("it listens", async || listens_for_sigterm(pid)).await;
        kill(pid, "TERM");
        let output = tested.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(143), "{output:?}");
    });
}

/// Whether a process has a handler for SIGTERM, by the kernel's own word.
fn listens_for_sigterm(pid: i64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (15 - 1)) != 0)
}

#[test]
fn a_second_signal_ends_a_worker_at_once_and_hands_its_task_back() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let id = stage.add(&["sleep", "ms=600000", "--no-start"]).await;
        let worker = stage.start(&["work"]);
        let pid = i64::from(worker.id().unwrap());
        eventually("it runs", async || stage.show(&id).await["state"] == "executing").await;
        kill(pid, "TERM");
        eventually("it leaves", async || stage.worker_pids().await.is_empty()).await;
        kill(pid, "TERM");
        let output = worker.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        eventually_within(Duration::from_secs(2), "it waits again", async || stage.show(&id).await["state"] == "init")
            .await;
    });
}

#[test]
fn a_tested_method_ends_with_four_where_it_fails_and_three_where_there_is_none() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::bare(db);
        assert_eq!(stage.run(&["test", "sleep", "ms=1"]).await.ok(), "slept 1 ms\n");
        let failed = stage.run(&["test", "sleep", "ms=-1"]).await;
        assert!(failed.code() == 4 && failed.stderr.matches("do not fit at ms").count() == 1, "{failed:#?}");
        let unknown = stage.run(&["test", "slep"]).await;
        assert!(unknown.code() == 3 && unknown.stderr.contains("did you mean \"sleep\"?"), "{unknown:#?}");
        let none = stage.run(&["test"]).await;
        assert!(none.code() == 2 && none.stderr.contains("mission test helloWorld"), "{none:#?}");
        let left: Vec<_> = std::fs::read_dir(stage.home.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

//! Pushes without any worker set up: each task runs, once.

use std::time::{Duration, Instant};

use mission_testkit::{Database, Kind, conformance, eventually, on};

use crate::stage::{Stage, kill};

conformance![
    two_hundred_quick_pushes_from_twenty_clients_all_run_once,
    pushes_run_behind_a_hundred_thousand_old_rows,
    a_task_whose_worker_and_keeper_are_killed_runs_with_the_next_push,
];

async fn two_hundred_quick_pushes_from_twenty_clients_all_run_once(db: Database) {
    let stage = Stage::set(db).await;
    let client = async || {
        for _ in 0..10 {
            stage.add(&["noop"]).await;
        }
    };
    futures(20, client).await;
    eventually("all have succeeded", async || count(&stage, "state = 'success'").await == 200).await;
    assert_eq!(count(&stage, "attempt = 1").await, 200, "each ran once");
    stage.left_alone().await;
}

/// Lets so many clients work at the same time.
async fn futures(clients: usize, client: impl AsyncFn()) {
    let mut running: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
    for _ in 0..clients {
        running.push(Box::pin(client()));
    }
    std::future::poll_fn(|context| {
        running.retain_mut(|client| client.as_mut().poll(context).is_pending());
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

pub(crate) async fn count(stage: &Stage, condition: &str) -> u64 {
    let counted = stage.db.sql(&format!("select count(*) from mission_tasks where {condition};")).await;
    counted.unwrap().trim().parse().unwrap()
}

async fn pushes_run_behind_a_hundred_thousand_old_rows(db: Database) {
    let stage = Stage::set(db).await;
    let source = match stage.db.kind() {
        Kind::Mariadb => "seq_1_to_100000",
        Kind::Postgres => "generate_series(1, 100000) as old(seq)",
        // Within MySQL's limit of a thousand steps.
        _ => {
            "(with recursive a(n) as (select 1 union all select n + 1 from a where n < 400),
              b(n) as (select 1 union all select n + 1 from b where n < 250) select a.n from a, b) old"
        }
    };
    let old = format!("insert into mission_tasks (method, state) select 'noop', 'success' from {source};");
    stage.db.sql(&old).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(stage.add(&["noop"]).await);
    }
    let words: Vec<&str> =
        ["wait", "--timeout", "60s", "-o", "id"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    stage.run(&words).await.ok();
    assert_eq!(count(&stage, "attempt = 1 and state = 'success'").await, 50);
    stage.left_alone().await;
}

async fn a_task_whose_worker_and_keeper_are_killed_runs_with_the_next_push(db: Database) {
    let stage = Stage::set(db).await;
    let id = stage.add(&["sleep", "ms=4000"]).await;
    eventually("it runs", async || stage.show(&id).await["state"] == "executing").await;
    stage.processes().into_iter().for_each(|pid| kill(pid, "KILL"));
    let killed = Instant::now();
    stage.add(&["noop"]).await;
    eventually("it runs again", async || {
        let task = stage.show(&id).await;
        assert_ne!((&task["attempt"], &task["state"]), (&1.into(), &"success".into()), "killed too late");
        task["attempt"] == 2
    })
    .await;
    assert!(killed.elapsed() < Duration::from_secs(15), "{:?}", killed.elapsed());
    assert_eq!(stage.ended(&id).await["state"], "success");
    stage.left_alone().await;
}

#[test]
fn whoever_waits_for_a_push_sees_it_end_although_everything_is_killed() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let waiting = stage.start(&["add", "sleep", "ms=3000", "--wait"]);
        let own = i64::from(waiting.id().unwrap());
        stage.worker_pid().await;
        eventually("it runs", async || count(&stage, "state = 'executing'").await == 1).await;
        stage.processes().into_iter().filter(|pid| *pid != own).for_each(|pid| kill(pid, "KILL"));
        let output = waiting.wait_with_output().await.unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"slept 3000 ms\n"[..]), "{output:?}");
    });
}

#[test]
fn a_worker_whose_file_was_deleted_leaves_so_that_the_next_one_is_served() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await.linger_ms(600_000);
        let first = stage.add(&["noop"]).await;
        assert_eq!(stage.ended(&first).await["state"], "success");
        let file = stage.db.url().strip_prefix("sqlite://").unwrap().to_owned();
        for suffix in ["", "-wal", "-shm"] {
            std::fs::remove_file(format!("{file}{suffix}")).unwrap();
        }
        let second = stage.add(&["noop"]).await;
        stage.run(&["wait", &second, "--timeout", "20s"]).await.ok();
        assert_eq!(stage.show(&second).await["state"], "success");
    });
}

#[test]
fn the_url_stands_in_no_command_line_and_the_worker_has_a_session_of_its_own() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let ran = stage.run(&["add", "sleep", "ms=60000"]).await;
        let log =
            ran.stderr.lines().find_map(|line| line.split_once("its log: ")).expect("the log's path is printed").1;
        let worker = stage.worker_pid().await;
        eventually("the log says so", async || std::fs::read_to_string(log).unwrap().contains("worker started")).await;
        for pid in stage.processes() {
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
            assert!(!String::from_utf8_lossy(&words).contains("sqlite:"), "{words:?}");
            let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
            let open: Vec<_> = links.filter_map(|link| std::fs::read_link(link.path()).ok()).collect();
            assert!(open.iter().all(|file| !file.ends_with("not-yours")), "{open:?}");
        }
        let session = |pid: i64| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned()
        };
        assert_ne!(session(worker), session(i64::from(std::process::id())));
        kill(worker, "TERM");
        stage.left_alone().await;
        assert_eq!(count(&stage, "state = 'init'").await, 1, "a worker that is stopped hands its task back");
    });
}

#[test]
fn a_worker_inherits_no_open_file() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let lock = stage.home.path().join("not-yours");
        let mut shell = tokio::process::Command::new("bash");
        let program = stage.command(&["add", "sleep", "ms=5000"]);
        let program = program.as_std();
        shell
            .arg("-c")
            .arg("exec 200>\"$0\"; exec \"$@\"")
            .arg(&lock)
            .arg(program.get_program())
            .args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.current_dir(stage.home.path());
        assert!(shell.output().await.unwrap().status.success());
        stage.worker_pid().await;
        let mut seen = 0;
        for pid in stage.processes() {
            let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
            let open: Vec<_> = links.filter_map(|link| std::fs::read_link(link.path()).ok()).collect();
            assert!(!open.contains(&lock), "{open:?}");
            seen += 1;
        }
        assert_eq!(seen, 2, "a keeper and its worker");
    });
}

#[test]
fn a_task_that_kills_its_worker_fails_in_the_end_and_others_run() {
    on(Kind::Sqlite, |db| async {
        let stage = Stage::set(db).await;
        let poison = stage.add(&["sleep", "ms=600000"]).await;
        for attempt in 1..=4 {
            eventually("it runs", async || {
                let task = stage.show(&poison).await;
                task["attempt"] == attempt && task["state"] == "executing"
            })
            .await;
            kill(stage.worker_pid().await, "KILL");
        }
        let task = stage.ended(&poison).await;
        assert_eq!((&task["state"], &task["reason"]), (&"fail".into(), &"crashed".into()), "{task:#}");
        let other = stage.add(&["noop"]).await;
        assert_eq!(stage.ended(&other).await["state"], "success");
    });
}

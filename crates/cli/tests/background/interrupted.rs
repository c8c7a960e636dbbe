//! An export that is interrupted in every way a machine knows ends as one success, byte for byte the undisturbed one.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use mission_core::{State, Task};
use mission_engine::Mission;
use mission_testkit::{Database, Kind, conformance, eventually, eventually_within, on};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::stage::{Stage, dice, kill, sha256};

conformance![
    an_export_survives_ten_kills_and_is_the_undisturbed_one,
    a_stop_hands_an_export_over_at_its_checkpoint_and_counts_nothing,
    a_second_signal_loses_nothing_either,
    a_full_disk_is_a_failure_after_which_the_export_goes_on,
];

/// So many that ten attempts, each of which keeps its first checkpoint at least, do not end it before the last kill.
const ROWS_OF_KILLS: u64 = 10_000_000;
/// So many that it still runs a moment after its first checkpoint.
const ROWS: u64 = 6_000_000;
const DATETIME: &str = "datetime=2026-01-01 00:00:00";
const KILLS: usize = 10;

/// Chance that can be had again: `MISSION_TEST_SEED` of a failed run gives the same moments.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let seed = std::env::var("MISSION_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(dice);
        println!("MISSION_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // The step of SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    async fn pause(&mut self, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(most_ms))).await;
    }
}

/// One export and the workers that may run it.
struct Play {
    stage: Stage,
    mission: Mission,
    id: String,
    workers: Vec<Child>,
}

impl Play {
    async fn begin(db: Database, rows: u64, options: &[&str]) -> Self {
        let stage = Stage::set(db).await;
        let rows = format!("rows={rows}");
        let id = stage.add(&[&["helloWorld", &rows, DATETIME, "--no-start"], options].concat()).await;
        let mission = Mission::open(stage.db.url()).await.unwrap();
        Self { stage, mission, id, workers: Vec::new() }
    }

    fn start_worker(&mut self) {
        let mut command = self.stage.command(&["work", "--concurrency", "2"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.workers.push(command.spawn().unwrap());
    }

    async fn task(&self) -> Task {
        self.mission.get(&self.id).await.unwrap().unwrap()
    }

    /// The process that runs it, once one of those that live does.
    async fn runner(&self) -> i64 {
        let mut pid = None;
        let living: Vec<i64> = self.workers.iter().filter_map(|worker| worker.id()).map(i64::from).collect();
        eventually("a worker runs the export", async || {
            let task = self.task().await;
            assert!(!task.state.is_final(), "{task:#?}");
            let workers = self.mission.workers().await.unwrap();
            let runner = workers.iter().find(|worker| Some(worker.id) == task.worker_id).map(|worker| worker.pid);
            pid = runner.filter(|pid| task.state == State::Executing && living.contains(pid));
            pid.is_some()
        })
        .await;
        pid.unwrap()
    }

    /// Waits until more of it is kept than before; whether it ended instead.
    async fn checkpoint_after(&self, done: Option<u64>) -> bool {
        let mut has_ended = false;
        eventually("a checkpoint is kept", async || {
            let task = self.task().await;
            has_ended = task.state.is_final();
            has_ended || task.checkpoint_done > done
        })
        .await;
        has_ended
    }

    /// What ended a worker, once it has.
    async fn gone(&mut self, pid: i64) -> std::process::ExitStatus {
        let place = self.workers.iter().position(|worker| worker.id().map(i64::from) == Some(pid)).unwrap();
        self.workers.remove(place).wait().await.unwrap()
    }

    /// The end: one success, one file, equal to the one that nobody disturbed.
    async fn ends_well(&self, rows: u64) -> Task {
        eventually_within(Duration::from_secs(120), "it ends", async || self.task().await.state.is_final()).await;
        let task = self.task().await;
        assert_eq!(task.state, State::Success, "{task:#?}");
        assert_eq!(task.progress.as_ref().map(|progress| progress.done), Some(rows), "{task:#?}");
        let shown = self.stage.show(&self.id).await;
        let path = shown["content"].as_str().unwrap().strip_prefix("output target file dir: ").unwrap().to_owned();
        let expected = undisturbed(&self.stage, rows).await;
        assert_eq!(
            (sha256(path.as_ref()), shown["artifacts"][0]["sha256"].as_str()),
            (expected.clone(), Some(&*expected))
        );
        assert_eq!(shown["artifacts"].as_array().unwrap().len(), 1, "{shown:#}");
        eventually("nothing but the file is left", async || self.stage.result_files() == [PathBuf::from(&path)]).await;
        task
    }
}

/// The SHA-256 of the same export as nobody disturbed it, by `mission test`; made once for each size.
async fn undisturbed(stage: &Stage, rows: u64) -> String {
    static KNOWN: Mutex<BTreeMap<u64, String>> = Mutex::const_new(BTreeMap::new());
    let mut known = KNOWN.lock().await;
    if let Some(sum) = known.get(&rows) {
        return sum.clone();
    }
    let folder = stage.home.path().join("undisturbed");
    let mut command = stage.command(&["test", "helloWorld", &format!("rows={rows}"), DATETIME]);
    let output = command.env("MISSION_FILES", &folder).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let path = text.trim().strip_prefix("output target file dir: ").unwrap_or_else(|| panic!("{text}"));
    let sum = sha256(path.as_ref());
    fs::remove_dir_all(folder).unwrap();
    known.insert(rows, sum.clone());
    sum
}

/// What a series of kills cost.
#[derive(Debug)]
struct Bill {
    kills: usize,
    took: Duration,
}

/// Kills whatever runs the export, at moments before and behind a checkpoint, so many times; two workers are always there.
async fn killed(play: &mut Play, kills: usize) -> Bill {
    let (mut chance, began) = (Chance::new(), Instant::now());
    play.start_worker();
    for kill_no in 0..kills {
        play.start_worker();
        let pid = play.runner().await;
        let task = play.task().await;
        // One that dies four times without a checkpoint is poison by contract.
        let is_early = kill_no % 2 == 1 && task.counts.crashes < 2;
        if is_early {
            chance.pause(60).await;
        } else {
            let has_ended = play.checkpoint_after(task.checkpoint_done).await;
            assert!(!has_ended, "it ended before kill {kill_no}: more rows are needed");
            chance.pause(40).await;
        }
        kill(pid, "KILL");
        play.gone(pid).await;
    }
    Bill { kills, took: began.elapsed() }
}

async fn an_export_survives_ten_kills_and_is_the_undisturbed_one(db: Database) {
    let mut play = Play::begin(db, ROWS_OF_KILLS, &[]).await;
    let bill = killed(&mut play, KILLS).await;
    let task = play.ends_well(ROWS_OF_KILLS).await;
    assert!(task.resumed >= 1, "{task:#?}");
    // Not one of the kills was the method's fault.
    assert_eq!(task.counts.failures, 0, "{task:#?}");
    println!("{bill:?}: resumed {}, {} of {ROWS_OF_KILLS} rows done again", task.resumed, task.redone);
}

/// Run with `cargo test --release -p mission-cli --test background -- --ignored --nocapture`.
#[test]
#[ignore = "writes 600 MB; its figures are those of release builds"]
fn ten_million_rows_survive_ten_kills() {
    for kind in Kind::ALL {
        on(kind, |db| async move {
            let mut play = Play::begin(db, 10_000_000, &[]).await;
            let bill = killed(&mut play, KILLS).await;
            let began = Instant::now();
            let task = play.ends_well(10_000_000).await;
            let rate = task.rate().unwrap();
            println!(
                "{kind}: {} kills in {:?}, the rest in {:?}; resumed {}; {} rows done again, {:.0} ms a kill; {:.0} rows/s",
                bill.kills,
                bill.took,
                began.elapsed(),
                task.resumed,
                task.redone,
                task.redone as f64 / rate * 1000.0 / bill.kills as f64,
                rate
            );
        });
    }
}

async fn a_stop_hands_an_export_over_at_its_checkpoint_and_counts_nothing(db: Database) {
    let mut play = Play::begin(db, ROWS, &[]).await;
    play.start_worker();
    let first = play.runner().await;
    play.start_worker();
    eventually("two workers live", async || play.mission.live_workers().await.unwrap().len() == 2).await;
    assert!(!play.checkpoint_after(Some(0)).await, "it ended too soon");
    let stopped = Instant::now();
    kill(first, "TERM");
    let mut second = first;
    while second == first {
        second = play.runner().await;
    }
    let gap = stopped.elapsed();
    assert!(play.gone(first).await.success());
    let exit = stopped.elapsed();
    let task = play.ends_well(ROWS).await;
    println!("from the signal to the next worker {gap:?}, to the exit {exit:?}; {} rows done again", task.redone);
    assert!(gap < Duration::from_secs(1), "{gap:?}");
    assert!(exit < Duration::from_secs(3), "{exit:?}: the grace is five seconds");
    assert_eq!((task.counts.attempt, task.counts.failures, task.counts.crashes), (1, 0, 0), "{task:#?}");
    assert_eq!((task.resumed, task.redone), (1, 0), "{task:#?}");
}

async fn a_second_signal_loses_nothing_either(db: Database) {
    let mut play = Play::begin(db, ROWS, &[]).await;
    play.start_worker();
    let first = play.runner().await;
    play.start_worker();
    assert!(!play.checkpoint_after(Some(0)).await, "it ended too soon");
    kill(first, "TERM");
    kill(first, "TERM");
    let stopped = Instant::now();
    play.gone(first).await;
    assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
    let task = play.ends_well(ROWS).await;
    assert_eq!((task.counts.attempt, task.counts.failures, task.counts.crashes), (1, 0, 0), "{task:#?}");
    assert_eq!(task.resumed, 1, "{task:#?}");
}

async fn a_full_disk_is_a_failure_after_which_the_export_goes_on(db: Database) {
    let mut play = Play::begin(db, ROWS, &["--retries", "3"]).await;
    // No file may grow beyond 100 MB, and whoever tries hears of it instead of dying.
    let worker = play.stage.command(&["work"]);
    let worker = worker.as_std();
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 102400; exec \"$@\"", "bash"]);
    shell.arg(worker.get_program()).args(worker.get_args());
    for (name, value) in worker.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(play.stage.home.path()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut cramped = shell.spawn().unwrap();
    eventually("the disk is full", async || play.task().await.counts.failures == 1).await;
    kill(i64::from(cramped.id().unwrap()), "TERM");
    cramped.wait().await.unwrap();
    let before = play.task().await;
    assert!(before.checkpoint_done > Some(0), "{before:#?}");
    play.start_worker();
    let task = play.ends_well(ROWS).await;
    assert!(task.resumed >= 1 && task.counts.failures >= 1, "{task:#?}");
    let shown = play.stage.show(&play.id).await;
    let failed = &shown["attempts"][0];
    assert_eq!(failed["outcome"], "error", "{shown:#}");
    assert!(failed["content"].as_str().unwrap().contains("File too large"), "{shown:#}");
}

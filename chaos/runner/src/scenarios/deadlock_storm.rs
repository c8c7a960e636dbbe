//! Somebody else's transactions lock tasks in any order, so that Mission's own writes end in deadlocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mission_verifier::{Expect, Outcome, Tables};

use crate::arguments::Size;
use crate::chance::Chance;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 3;
const STRANGERS: u64 = 4;
/// Rows that one transaction locks, one after the other.
const ROWS: usize = 6;

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, deadlocks_min) = match run.size {
        Size::Small => (1_200, 15),
        Size::Full => (50_000, 1_000),
    };
    let load = Load { tasks, wave: 600, ms_max: 60, methods: "effect,effect,effect,transfer", ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    let strangers = Strangers::set_on(run, STRANGERS).await?;
    let mut ours = 0;
    while run.goes_on(&mut producers, ours < deadlocks_min).await? {
        run.pause(Duration::from_millis(300)).await;
        // Each deadlock has one victim: what did not strike a stranger struck Mission.
        ours = (strangers.of_server().await? - strangers.victims()).max(0).unsigned_abs();
        crew.must_all_run()?;
    }
    let theirs = strangers.end().await?;
    run.calms_down(&mut producers, &mut crew).await?;
    Ok(Faults {
        happened: vec![("deadlocks that struck Mission", ours, deadlocks_min)],
        expect: Expect { no_crash_counted: true, no_attempt_counted: true, ..Expect::default() },
        measured: vec![("deadlocks that struck strangers", theirs.to_string())],
        ..Faults::default()
    })
}

/// Transactions that have nothing to do with Mission.
struct Strangers {
    url: String,
    is_over: Arc<AtomicBool>,
    victims: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<Outcome<()>>>,
}

impl Strangers {
    async fn set_on(run: &mut Run, count: u64) -> Outcome<Self> {
        let url = run.stage.db.url().to_owned();
        let (is_over, victims) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..count {
            let tables = Tables::open(&url).await?;
            let chance = Chance::of(run.chance.next_number());
            tasks.push(tokio::spawn(lock_in_any_order(tables, chance, Arc::clone(&is_over), Arc::clone(&victims))));
        }
        Ok(Self { url, is_over, victims, tasks })
    }

    fn victims(&self) -> i64 {
        i64::try_from(self.victims.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }

    /// Deadlocks since the server's start; the server is the run's own.
    async fn of_server(&self) -> Outcome<i64> {
        let mut tables = Tables::open(&self.url).await?;
        tables.number("select count from information_schema.innodb_metrics where name = 'lock_deadlocks'").await
    }

    async fn end(self) -> Outcome<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await??;
        }
        Ok(self.victims.load(Ordering::Relaxed))
    }
}

async fn lock_in_any_order(
    mut tables: Tables,
    mut chance: Chance,
    is_over: Arc<AtomicBool>,
    victims: Arc<AtomicU64>,
) -> Outcome<()> {
    while !is_over.load(Ordering::Relaxed) {
        let running = "select id from mission_tasks where state = 'executing' limit 40";
        let ids = tables.numbers(running).await?;
        if ids.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        tables.run("begin").await?;
        for _ in 0..ROWS {
            let id = ids[chance.place(ids.len())];
            let lock = format!("update mission_tasks set creator = 'stranger' where id = {id}");
            if tables.run(&lock).await.is_err() {
                victims.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        tables.run("rollback").await?;
    }
    Ok(())
}

//! The saboteur: a faulty worker, producer or operator that goes its own way by plain SQL during a real run, to see whether
//! the verifier notices, and names the fault by its kind.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use mission_testkit::Kind;
use mission_verifier::{Effort, Evidence, Expect, Finding, Outcome, Papers, Tables, judge};

use crate::crew::{Crew, Duty};
use crate::load::{Load, Producers};
use crate::stage::{Setting, Stage};

/// How long anything in a sabotaged run may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A task whose worker is gone is to go on within this in a sabotaged run.
const GOES_ON_MAX: Duration = Duration::from_millis(800);
/// The orders of the saboteur are numbered apart from the producers'.
const FIRST_NUMBER: i64 = 1_000_000;

/// What the saboteur does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing: the run is clean.
    None,
    /// Settles a task that it lost, without the fence.
    SettleWithoutFence,
    /// Writes progress of a task that it lost, without the fence.
    ProgressWithoutFence,
    /// Writes a checkpoint of a task that it lost, without the fence.
    CheckpointWithoutFence,
    /// Claims a task that runs.
    ClaimWithoutStateCheck,
    /// Runs a task that it did not claim.
    RunWithoutClaim,
    /// Settles a task before its effect is committed, and dies.
    SettleBeforeEffect,
    /// Has its effect in two transactions.
    CommitEffectTwice,
    /// Pushes an order again after an unknown commit, under a new id.
    PushBlindly,
    /// Pushes what nobody ordered.
    PushUnordered,
    /// Removes a task that was accepted.
    RemoveAccepted,
    /// Changes the content of a task that has ended.
    ChangeFinal,
    /// Lets a success succeed again.
    SucceedAgain,
    /// Calls an innocent task `crashed`.
    CrashInnocent,
    /// Fails a task for no reason.
    FailForNothing,
    /// Lets a lease token fall.
    LowerToken,
    /// Claims a task and forgets it.
    LeaveExecuting,
    /// Accepts a task that no worker is left to run.
    LeaveWaiting,
    /// Takes its time to give back what a dead worker had.
    RescueLate,
    /// Publishes a file after it lost the task.
    PublishLost,
    /// Leaves a file that no row speaks of.
    LeaveFile,
    /// Removes a file that a row speaks of.
    RemoveFile,
    /// Writes on in a published file.
    WriteOn,
    /// Damages an index of the file.
    DamageFile,
}

/// Plays a short real run with one sabotage in it; answers what the verifier found, and the task that it was about.
///
/// # Errors
/// The run could not be made.
pub async fn run_sabotaged(program: &Path, sabotage: Sabotage) -> Outcome<Vec<Finding>> {
    let stage = Stage::set(Kind::Sqlite, Setting::Plain).await?;
    let mut crew = Crew::hire(program, &stage, Duty::default(), 1)?;
    let load = Load { tasks: 40, wave: 40, ms_max: 100, methods: "effect,block,export", seed: 1 };
    let mut producers = Producers::new(program.to_owned(), load);
    producers.press(&stage)?;
    let mut saboteur = Saboteur { tables: stage.tables().await?, papers: stage.papers.clone(), orders: 0 };
    saboteur.strike(sabotage).await?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && (producers.are_busy()? || saboteur.tables.unfinished().await? > 0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    crew.dismiss_all().await?;
    saboteur.strike_afterwards(sabotage).await?;
    let evidence = Evidence::gather(&stage.papers, &mut stage.tables().await?).await?;
    Ok(judge(&evidence, &Expect { goes_on_within: Some(GOES_ON_MAX), ..Expect::default() }))
}

struct Saboteur {
    tables: Tables,
    papers: Papers,
    orders: i64,
}

impl Saboteur {
    /// What is done while a worker works.
    async fn strike(&mut self, sabotage: Sabotage) -> Outcome<()> {
        match sabotage {
            Sabotage::SettleWithoutFence => {
                let id = self.lose_a_task("block").await?;
                self.update(&id, "state = 'success', content = 'token=1', worker_id = 0").await?;
                self.runs_to_its_end(&id).await
            }
            Sabotage::ProgressWithoutFence => {
                let id = self.lose_a_task("effect").await?;
                self.update(&id, "progress_done = 9, progress_message = 'token=1'").await
            }
            Sabotage::CheckpointWithoutFence => {
                let id = self.lose_a_task("effect").await?;
                self.update(&id, "checkpoint = '\"token=1 at=9\"', checkpoint_done = 9").await
            }
            Sabotage::ClaimWithoutStateCheck => {
                let id = self.lose_a_task("block").await?;
                self.update(&id, "state = 'executing', lease_token = lease_token + 1").await?;
                self.finish(&id, 3).await
            }
            Sabotage::RunWithoutClaim => {
                let id = self.lose_a_task("effect").await?;
                self.papers.note(Effort::Begin, &id, 2)
            }
            Sabotage::CrashInnocent => {
                let id = self.lose_a_task("effect").await?;
                self.update(&id, "state = 'fail', reason = 'crashed', content = 'died', worker_id = 0").await
            }
            Sabotage::FailForNothing => {
                let id = self.lose_a_task("effect").await?;
                self.update(&id, "state = 'fail', reason = 'error', content = 'no', worker_id = 0").await
            }
            Sabotage::SettleBeforeEffect => {
                let id = self.hold_a_task("effect").await?;
                self.update(&id, "state = 'success', content = 'token=1', worker_id = 0").await
            }
            Sabotage::LowerToken => {
                let id = self.hold_a_task("effect").await?;
                self.give_back(&id).await?;
                self.update(&id, "lease_token = 0").await
            }
            Sabotage::RescueLate => {
                let id = self.hold_a_task("effect").await?;
                self.papers.note(Effort::Begin, &id, 1)?;
                self.papers.exit(std::process::id(), "kill")?;
                tokio::time::sleep(2 * GOES_ON_MAX).await;
                self.give_back(&id).await?;
                self.update(&id, "run_at = 1").await
            }
            Sabotage::PushBlindly => {
                let number = self.next_number();
                self.order(number, "effect", 1).await?;
                self.order(number, "effect", 1).await.map(drop)
            }
            _ => Ok(()),
        }?;
        // What was held back from the workers is due from now on.
        self.tables.run("update mission_tasks set run_at = 1 where state = 'init'").await.map(drop)
    }

    /// What is done when all workers have left.
    async fn strike_afterwards(&mut self, sabotage: Sabotage) -> Outcome<()> {
        let files = self.papers.files();
        let ended = "where id = (select min(id) from mission_tasks where state = 'success' and method = 'effect')";
        let statement = match sabotage {
            Sabotage::RemoveAccepted => format!("delete from mission_tasks {ended}"),
            Sabotage::ChangeFinal => format!("update mission_tasks set content = 'something else' {ended}"),
            Sabotage::SucceedAgain => {
                let again = format!("update mission_tasks set state = 'executing', worker_id = 1 {ended}");
                self.tables.run(&again).await?;
                "update mission_tasks set state = 'success', worker_id = 0 where state = 'executing'".to_owned()
            }
            Sabotage::CommitEffectTwice => {
                let effect =
                    format!("insert into chaos_effects select unique_id, lease_token from mission_tasks {ended}");
                self.tables.run(&effect).await?;
                effect
            }
            Sabotage::LeaveExecuting => return self.hold_a_task("effect").await.map(drop),
            Sabotage::LeaveWaiting => {
                let number = self.next_number();
                return self.order(number, "effect", 1).await.map(drop);
            }
            Sabotage::PublishLost => {
                std::fs::write(files.join("late.csv"), "1\n")?;
                "insert into mission_artifacts (task_id, name, media_type, bytes, sha256, storage, location) \
                 select id, 'late.csv', 'text/csv', 2, 'x', 'file', 'late.csv' from mission_tasks \
                 where id = (select min(id) from mission_tasks where method = 'export')"
                    .to_owned()
            }
            Sabotage::LeaveFile => return Ok(std::fs::write(files.join("left.csv"), "1\n")?),
            Sabotage::RemoveFile => return Ok(std::fs::remove_file(self.a_file()?)?),
            Sabotage::WriteOn => {
                return Ok(std::fs::File::options().append(true).open(self.a_file()?)?.write_all(b"more\n")?);
            }
            Sabotage::PushUnordered => {
                "insert into mission_tasks (method, state, content) values ('effect', 'cancelled', 'no')".to_owned()
            }
            Sabotage::DamageFile => {
                self.tables.run("pragma writable_schema = on").await?;
                "update sqlite_schema set sql = replace(sql, 'where creator is not null', '') \
                 where name = 'mission_tasks_creator'"
                    .to_owned()
            }
            _ => return Ok(()),
        };
        self.tables.run(&statement).await.map(drop)
    }

    /// A published file.
    fn a_file(&self) -> Outcome<std::path::PathBuf> {
        let files = std::fs::read_dir(self.papers.files())?.flatten();
        let found = files.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "csv"));
        found.ok_or_else(|| "there is no file".into())
    }

    fn next_number(&mut self) -> i64 {
        self.orders += 1;
        FIRST_NUMBER + self.orders
    }

    /// An order, noted and pushed as a producer does; it is not due yet.
    async fn order(&mut self, number: i64, method: &str, ms: u64) -> Outcome<String> {
        self.orders += 1;
        let id = format!("sabotaged-{}", self.orders);
        self.papers.intend([(number, id.as_str(), method)])?;
        let push = format!(
            "insert into mission_tasks (unique_id, method, params, run_at) \
             values ('{id}', '{method}', '{{\"n\":{number},\"ms\":{ms}}}', 9000000000000000)"
        );
        self.tables.run(&push).await?;
        self.papers.accept([(number, id.as_str())])?;
        Ok(id)
    }

    /// A task that the saboteur claimed as it should, under token 1.
    async fn hold_a_task(&mut self, method: &str) -> Outcome<String> {
        let number = self.next_number();
        let id = self.order(number, method, 1500).await?;
        // Of a worker that is on the list: nobody takes it for an orphan meanwhile.
        self.update(&id, "state = 'executing', lease_token = lease_token + 1, attempt = 1, worker_id = 1").await?;
        Ok(id)
    }

    async fn give_back(&mut self, id: &str) -> Outcome<()> {
        self.update(id, "state = 'init', worker_id = 0").await
    }

    /// A task that the saboteur claimed and lost: it runs elsewhere now, under token 2.
    async fn lose_a_task(&mut self, method: &str) -> Outcome<String> {
        let id = self.hold_a_task(method).await?;
        self.give_back(&id).await?;
        self.update(&id, "run_at = 1").await?;
        let deadline = Instant::now() + PATIENCE;
        let runs = format!(
            "select count(*) from mission_tasks \
             where unique_id = '{id}' and lease_token = 2 and state = 'executing' and progress_message is not null"
        );
        while self.tables.number(&runs).await? == 0 {
            if Instant::now() > deadline {
                return Err(format!("{id} does not run elsewhere").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(id)
    }

    /// The one that has the task has its effect, too, so that the foreign content is all that is wrong.
    async fn runs_to_its_end(&self, id: &str) -> Outcome<()> {
        let ledger = self.papers.folder().join("effects");
        let deadline = Instant::now() + PATIENCE;
        while !std::fs::read_to_string(&ledger)?.contains(&format!("end {id} 2 ")) {
            if Instant::now() > deadline {
                return Err(format!("{id} does not come to its end").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Has the effect and settles under the fence, as a worker should.
    async fn finish(&mut self, id: &str, token: i64) -> Outcome<()> {
        self.papers.note(Effort::Begin, id, token)?;
        self.papers.note(Effort::End, id, token)?;
        self.update(id, &format!("state = 'success', content = 'token={token}', worker_id = 0")).await
    }

    async fn update(&mut self, id: &str, set: &str) -> Outcome<()> {
        let statement = format!("update mission_tasks set {set} where unique_id = '{id}'");
        match self.tables.run(&statement).await? {
            1 => Ok(()),
            hit => Err(format!("{hit} rows hit: {statement}").into()),
        }
    }
}

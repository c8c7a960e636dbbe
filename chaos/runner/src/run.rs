//! One scenario on one database: the stage, the play, the judgement.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use mission_testkit::Kind;
use mission_verifier::{Evidence, Outcome, Tables, judge};

use crate::arguments::{Arguments, Size};
use crate::chance::Chance;
use crate::crew::{Crew, Duty};
use crate::load::{Load, Producers};
use crate::outcome::Report;
use crate::scenario::Scenario;
use crate::scenarios::disk_full;
use crate::stage::Stage;

/// Longest time of one scenario unless told otherwise; a run that reaches it is judged as it stands.
const LIMIT_SMALL: Duration = Duration::from_secs(90);
const LIMIT_FULL: Duration = Duration::from_secs(3 * 3600);
/// What is left when the faults are over has so long to end.
const CALM_MAX: Duration = Duration::from_secs(60);

/// A worker begins with a sweep of the folder; so long is enough for it.
const SWEEP_MAX: Duration = Duration::from_secs(2);

/// What a scenario plays with.
pub(crate) struct Run {
    pub(crate) stage: Stage,
    pub(crate) size: Size,
    pub(crate) seed: u64,
    pub(crate) chance: Chance,
    program: PathBuf,
    tables: Tables,
    deadline: Instant,
}

/// Runs all that was asked for, one after the other, and prints a line for each; whether all promises were kept.
///
/// # Errors
/// A run could not be made at all.
pub async fn run_all(arguments: &Arguments) -> Outcome<bool> {
    let mut all_held = true;
    for &scenario in &arguments.scenarios {
        if scenario == Scenario::DiskFull && !disk_full::has_small_disk() {
            all_held &= !arguments.kinds.contains(&Kind::Sqlite) || disk_full::run_on_small_disk(arguments)?.success();
            continue;
        }
        for &kind in arguments.kinds.iter().filter(|&&kind| scenario.fits(kind)) {
            match run_one(scenario, kind, arguments).await {
                Ok(report) => {
                    println!("{report}");
                    all_held &= report.holds();
                }
                Err(error) => {
                    println!("{:<14} {:<8} BROKEN {error}", scenario.name(), kind.name());
                    all_held = false;
                }
            }
        }
    }
    Ok(all_held)
}

async fn run_one(scenario: Scenario, kind: Kind, arguments: &Arguments) -> Outcome<Report> {
    let began = Instant::now();
    let limit = arguments.limit.unwrap_or(match arguments.size {
        Size::Small => LIMIT_SMALL,
        Size::Full => LIMIT_FULL,
    });
    let stage = Stage::set(kind, scenario.setting()).await?;
    let mut run = Run {
        tables: stage.tables().await?,
        stage,
        size: arguments.size,
        seed: arguments.seed,
        chance: Chance::of(arguments.seed),
        program: std::env::current_exe()?,
        deadline: began + limit,
    };
    let outcome = play_and_judge(scenario, &mut run, began).await;
    let has_held = outcome.as_ref().is_ok_and(Report::holds);
    if let Some(keep) = arguments.keep.as_ref().filter(|_| !has_held) {
        let to = keep.join(format!("{}-{kind}", scenario.name()));
        std::fs::create_dir_all(&to)?;
        let folders = [run.stage.folder(), run.stage.db.folder()];
        for entry in
            folders.iter().flat_map(std::fs::read_dir).flatten().flatten().filter(|entry| entry.path().is_file())
        {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    outcome
}

async fn play_and_judge(scenario: Scenario, run: &mut Run, began: Instant) -> Outcome<Report> {
    let faults = scenario.play(run).await?;
    let evidence = Evidence::gather(&run.stage.papers, &mut run.stage.tables().await?).await?;
    Ok(Report {
        scenario: scenario.name(),
        kind: run.stage.db.kind(),
        findings: judge(&evidence, &faults.expect),
        tasks: evidence.rows.len(),
        successes: evidence.rows.iter().filter(|row| row.state == "success").count(),
        faults,
        elapsed: began.elapsed(),
    })
}

impl Run {
    pub(crate) fn hire(&self, duty: Duty, count: usize) -> Outcome<Crew> {
        Crew::hire(&self.program, &self.stage, duty, count)
    }

    pub(crate) fn producers(&self, load: Load) -> Producers {
        Producers::new(self.program.clone(), load)
    }

    /// A load of short tasks, to be made one's own.
    pub(crate) fn load(&self) -> Load {
        Load { tasks: 1_000, wave: 500, ms_max: 100, methods: "effect", seed: self.seed }
    }

    /// Whether there is time for more.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() <= self.deadline
    }

    /// Whether the play goes on: orders are left, faults are missing, and there is time.
    pub(crate) async fn goes_on(&mut self, producers: &mut Producers, wants_more: bool) -> Outcome<bool> {
        if !self.has_time() {
            return Ok(false);
        }
        let unfinished = self.unfinished().await?;
        producers.feed(&self.stage, unfinished, wants_more)
    }

    /// No more faults: waits until all has ended, then lets the crew leave. What has not ended by then is a finding.
    pub(crate) async fn calms_down(&mut self, producers: &mut Producers, crew: &mut Crew) -> Outcome<()> {
        let deadline = Instant::now() + CALM_MAX;
        while Instant::now() < deadline && (producers.are_busy()? || self.unfinished().await? > 0) {
            crew.must_all_run()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        crew.dismiss_all().await?;
        if self.stage.papers.files().exists() {
            // A worker that was frozen between making its file and settling leaves it to the sweep, with which a worker begins.
            crew.hire_one()?;
            tokio::time::sleep(SWEEP_MAX).await;
            crew.dismiss_all().await?;
        }
        Ok(())
    }

    /// The database may have been away since the last look.
    async fn unfinished(&mut self) -> Outcome<i64> {
        if let Ok(count) = self.tables.unfinished().await {
            return Ok(count);
        }
        self.tables = self.stage.tables().await?;
        self.tables.unfinished().await
    }

    /// About so long, by chance.
    pub(crate) async fn pause(&mut self, span: Duration) {
        tokio::time::sleep(self.chance.about(span)).await;
    }
}

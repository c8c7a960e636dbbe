//! The disk of a SQLite database has no room left, again and again, and gets it back.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use mission_verifier::{Expect, Outcome};

use crate::arguments::{Arguments, Size};
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;
use crate::scenario::Scenario;

const WORKERS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(1500);
const FULL: Duration = Duration::from_secs(2);
/// Tells this program that its temporary folder is the small disk, and where the papers go.
const PAPERS: &str = "MISSION_CHAOS_PAPERS";

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, fills_min) = match run.size {
        Size::Small => (240, 3),
        Size::Full => (20_000, 60),
    };
    let load = Load { tasks, wave: 60, ms_max: 200, ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    let ballast = run.stage.db.folder().join("ballast");
    let mut fills = 0;
    while run.goes_on(&mut producers, fills < fills_min).await? {
        run.pause(BETWEEN).await;
        // While somebody reads, the write-ahead log cannot begin anew and use its room again.
        let mut reader = run.stage.tables().await?;
        reader.run("begin").await?;
        reader.unfinished().await?;
        for _ in 0..FULL.as_millis() / 20 {
            fill(&ballast)?;
            // Nothing ends now, so no wave would be due.
            producers.press(&run.stage)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        reader.run("rollback").await?;
        std::fs::remove_file(&ballast)?;
        fills += 1;
        crew.must_all_run()?;
    }
    run.calms_down(&mut producers, &mut crew).await?;
    let refusals = run.stage.papers.surfaced_count()?;
    Ok(Faults {
        happened: vec![("times full", fills, fills_min), ("refused pushes", refusals, 1)],
        expect: Expect {
            no_crash_counted: true,
            no_attempt_counted: true,
            refusals_may_surface: true,
            ..Expect::default()
        },
        ..Faults::default()
    })
}

/// Takes what room there is, down to the last page.
fn fill(ballast: &Path) -> Outcome<()> {
    let mut file = File::options().create(true).append(true).open(ballast)?;
    for size in [1 << 20, 1 << 12] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    Ok(())
}

/// Whether this process has the small disk as its temporary folder.
pub(crate) fn has_small_disk() -> bool {
    std::env::var_os(PAPERS).is_some()
}

/// Runs the scenario in this program once more, with a small disk in memory that only it sees.
pub(crate) fn run_on_small_disk(arguments: &Arguments) -> Outcome<ExitStatus> {
    let folder = mission_testkit::folder();
    let (disk, papers) = (folder.path().join("disk"), folder.path().join("papers"));
    std::fs::create_dir(&disk)?;
    std::fs::create_dir(&papers)?;
    let room = match arguments.size {
        Size::Small => "size=24m",
        Size::Full => "size=256m",
    };
    let script = r#"mount -t tmpfs -o "$1" mission "$0" && shift && TMPDIR="$0" exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(&disk).arg(room).arg(std::env::current_exe()?);
    command.args([Scenario::DiskFull.name(), "--on", "sqlite"]).args(arguments.words()).env(PAPERS, &papers);
    Ok(command.status()?)
}

//! The database server is killed with SIGKILL, stays away for a while, and is started again.

use std::time::{Duration, Instant};

use mission_testkit::PrivateServer;
use mission_verifier::{Expect, Outcome};
use tokio::task::spawn_blocking;

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(2500);
const AWAY: Duration = Duration::from_millis(800);
/// G10: work resumes so soon after the database is back.
const RESUMES_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, kills_min) = match run.size {
        Size::Small => (400, 2),
        Size::Full => (20_000, 30),
    };
    let load = Load { tasks, wave: 500, ms_max: 150, methods: "effect,effect,effect,steps,export", ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    let (mut kills, mut longest) = (0, Duration::ZERO);
    while run.goes_on(&mut producers, kills < kills_min).await? {
        run.pause(BETWEEN).await;
        let away = run.chance.about(AWAY);
        let server = run.stage.server.take().ok_or("the run has no server of its own")?;
        run.stage.server = Some(spawn_blocking(move || kill_and_start(server, away)).await??);
        kills += 1;
        longest = longest.max(resumes(run).await?);
        crew.must_all_run()?;
    }
    run.calms_down(&mut producers, &mut crew).await?;
    let broken = (longest > RESUMES_MAX).then(|| format!("work resumed {longest:?} after the database was back"));
    Ok(Faults {
        happened: vec![("database kills", kills, kills_min)],
        expect: Expect { no_crash_counted: true, no_attempt_counted: true, ..Expect::default() },
        measured: vec![("longest until work resumed", format!("{longest:.1?}"))],
        broken: broken.into_iter().collect(),
    })
}

fn kill_and_start(mut server: PrivateServer, away: Duration) -> Result<PrivateServer, String> {
    server.kill();
    std::thread::sleep(away);
    server.start_again()?;
    Ok(server)
}

/// How long until a further task has ended. Nothing waits to be ended where all have.
async fn resumes(run: &mut Run) -> Outcome<Duration> {
    let back = Instant::now();
    let mut tables = run.stage.tables().await?;
    let ended = "select count(*) from mission_tasks where state = 'success'";
    let before = tables.number(ended).await?;
    while tables.number(ended).await? == before && tables.unfinished().await? > 0 && back.elapsed() < 4 * RESUMES_MAX {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(back.elapsed())
}

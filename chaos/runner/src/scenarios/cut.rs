//! All client connections are cut, for a moment or for longer than a statement waits.

use std::time::Duration;

use mission_verifier::{Expect, Outcome};

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(500);
const CUT: Duration = Duration::from_millis(150);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, cuts_min) = match run.size {
        Size::Small => (400, 6),
        Size::Full => (20_000, 200),
    };
    let load = Load { tasks, wave: 200, ms_max: 100, methods: "effect,effect,steps,export", ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    let mut cuts = 0;
    while run.goes_on(&mut producers, cuts < cuts_min).await? {
        run.pause(BETWEEN).await;
        let away = run.chance.about(CUT);
        let proxy = run.stage.proxy.as_ref().ok_or("the run has no proxy")?;
        proxy.cut();
        tokio::time::sleep(away).await;
        proxy.restore();
        cuts += 1;
        crew.must_all_run()?;
    }
    run.calms_down(&mut producers, &mut crew).await?;
    Ok(Faults {
        happened: vec![("cuts", cuts, cuts_min)],
        expect: Expect { no_crash_counted: true, no_attempt_counted: true, ..Expect::default() },
        ..Faults::default()
    })
}

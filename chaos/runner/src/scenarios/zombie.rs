//! Workers frozen with SIGSTOP past their lease: others take over, then the frozen ones go on and try to write.

use std::time::Duration;

use mission_verifier::Outcome;

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 4;
const FROZEN: usize = 2;
const LEASE: Duration = Duration::from_secs(2);
/// Past the lease, and long enough for others to take over and begin.
const FREEZE: Duration = Duration::from_millis(6000);
/// What was lost is tried to be written in this time.
const THAW: Duration = Duration::from_millis(1500);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, freezes_min, stale_min) = match run.size {
        Size::Small => (150, 2, 1),
        Size::Full => (20_000, 200, 100),
    };
    let load = Load { tasks, wave: 150, ms_max: 400, methods: "effect,block,block,steps,export", ..run.load() };
    let mut crew = run.hire(Duty { lease: LEASE, ..Duty::default() }, WORKERS)?;
    let mut producers = run.producers(load);
    let mut freezes = 0;
    while {
        let wants_more = freezes < freezes_min || run.stage.papers.stale_ends()? < stale_min;
        run.goes_on(&mut producers, wants_more).await?
    } {
        run.pause(THAW).await;
        let first = run.chance.place(WORKERS);
        let places: Vec<usize> = (0..FROZEN).map(|next| (first + next) % WORKERS).collect();
        places.iter().try_for_each(|&place| crew.freeze(place))?;
        tokio::time::sleep(FREEZE).await;
        places.iter().try_for_each(|&place| crew.thaw(place))?;
        freezes += FROZEN as u64;
    }
    run.calms_down(&mut producers, &mut crew).await?;
    let stale = run.stage.papers.stale_ends()?;
    Ok(Faults {
        happened: vec![("freezes", freezes, freezes_min), ("ends under a lost lease", stale, stale_min)],
        ..Faults::default()
    })
}

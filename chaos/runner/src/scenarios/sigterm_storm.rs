//! SIGTERM at random workers, again and again: tasks are handed over, nothing is counted against them.

use std::time::Duration;

use mission_verifier::{Expect, Outcome};

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 4;
const GAP: Duration = Duration::from_millis(300);
const GRACE: Duration = Duration::from_millis(100);
/// G9: a worker is gone two seconds after its grace at the latest; half a second more is for the process to end on a busy machine.
const EXIT_MAX: Duration = Duration::from_millis(2_500);
/// G9 says one second where a slot is free; here others stand in the queue, too.
const GOES_ON_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, terms_min) = match run.size {
        Size::Small => (200, 8),
        Size::Full => (50_000, 500),
    };
    let load =
        Load { tasks, wave: 200, ms_max: 400, methods: "effect,effect,effect,steps,export,transfer", ..run.load() };
    let mut crew = run.hire(Duty { grace: GRACE, ..Duty::default() }, WORKERS)?;
    let mut producers = run.producers(load);
    let (mut terms, mut longest) = (0, Duration::ZERO);
    while run.goes_on(&mut producers, terms < terms_min).await? {
        run.pause(GAP).await;
        longest = longest.max(crew.dismiss(run.chance.place(crew.count())).await?);
        crew.hire_one()?;
        terms += 1;
    }
    run.calms_down(&mut producers, &mut crew).await?;
    let broken = (longest > GRACE + EXIT_MAX).then(|| format!("a worker took {longest:?} to leave"));
    Ok(Faults {
        happened: vec![("SIGTERMs", terms, terms_min)],
        expect: Expect {
            no_crash_counted: true,
            no_attempt_counted: true,
            goes_on_within: Some(GOES_ON_MAX),
            ..Expect::default()
        },
        measured: vec![("longest exit", format!("{longest:.1?}"))],
        broken: broken.into_iter().collect(),
    })
}

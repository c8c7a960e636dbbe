//! SIGKILL at random workers, again and again, while tasks are pushed and run.

use std::time::Duration;

use mission_verifier::{Expect, Outcome};

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 4;
/// G5 on another host; on the same one it is two seconds, and the queue in front.
const GOES_ON_MAX: Duration = Duration::from_secs(15);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, kills_min, gap) = match run.size {
        Size::Small => (1_000, 8, Duration::from_millis(600)),
        Size::Full => (100_000, 500, Duration::from_millis(500)),
    };
    // Short beside a worker's life: a task that four deaths really struck would be `crashed`, and rightly.
    let load =
        Load { tasks, wave: 500, ms_max: 60, methods: "effect,effect,effect,steps,export,transfer", ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    let mut kills = 0;
    while run.goes_on(&mut producers, kills < kills_min).await? {
        run.pause(gap).await;
        // Each kill leaves tasks that a process runs one at a time only: with no end of kills there were no end of them.
        if kills < 2 * kills_min {
            crew.kill(run.chance.place(crew.count()))?;
            crew.hire_one()?;
            kills += 1;
        }
    }
    run.calms_down(&mut producers, &mut crew).await?;
    let expect = Expect { goes_on_within: Some(GOES_ON_MAX), ..Expect::default() };
    Ok(Faults { happened: vec![("kills", kills, kills_min)], expect, ..Faults::default() })
}

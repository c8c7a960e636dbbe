//! Replies are lost, those to commits among them: the requests are done, nobody learns it, then the connections end.

use std::time::Duration;

use mission_verifier::{Expect, Outcome};

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(500);
/// Long enough that commits fall into it.
const DEAF: Duration = Duration::from_millis(40);
/// Long enough that all connections see that they are cut.
const CUT: Duration = Duration::from_millis(20);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, losses_min) = match run.size {
        Size::Small => (400, 30),
        Size::Full => (20_000, 2_000),
    };
    let load = Load { tasks, wave: 200, ms_max: 100, methods: "effect,effect,steps,export,transfer", ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    while {
        let lost = proxy(run)?.swallowed();
        run.goes_on(&mut producers, lost < losses_min).await?
    } {
        run.pause(BETWEEN).await;
        let deaf = run.chance.about(DEAF);
        proxy(run)?.swallow_replies();
        tokio::time::sleep(deaf).await;
        proxy(run)?.cut();
        tokio::time::sleep(CUT).await;
        proxy(run)?.restore();
        crew.must_all_run()?;
    }
    run.calms_down(&mut producers, &mut crew).await?;
    Ok(Faults {
        happened: vec![("lost replies", proxy(run)?.swallowed(), losses_min)],
        expect: Expect { no_crash_counted: true, no_attempt_counted: true, ..Expect::default() },
        ..Faults::default()
    })
}

fn proxy(run: &Run) -> Outcome<&mission_testkit::Proxy> {
    run.stage.proxy.as_ref().ok_or_else(|| "the run has no proxy".into())
}

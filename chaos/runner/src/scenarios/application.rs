//! Applications: processes that push one task after another beside a worker of their own, which mostly begins it with its push; killed, and told to
//! leave, at random.

use std::time::Duration;

use mission_verifier::{Expect, Outcome};

use crate::arguments::Size;
use crate::crew::Duty;
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const APPLICATIONS: usize = 4;
/// No application pushes as many in its life.
const PUSHES_MAX: i64 = 1_000_000;
/// As of `kill`.
const GOES_ON_MAX: Duration = Duration::from_secs(15);

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (faults_min, begun_min, gap) = match run.size {
        Size::Small => (12, 50, Duration::from_millis(400)),
        Size::Full => (500, 5_000, Duration::from_millis(500)),
    };
    let pushes = Load { wave: PUSHES_MAX, ms_max: 60, methods: "effect", ..run.load() };
    let mut crew = run.hire(Duty { pushes: Some(pushes), ..Duty::default() }, APPLICATIONS)?;
    let (mut kills, mut terms) = (0, 0);
    while kills + terms < faults_min && run.has_time() {
        run.pause(gap).await;
        let place = run.chance.place(crew.count());
        if run.chance.below(4) == 0 {
            crew.dismiss(place).await?;
            terms += 1;
        } else {
            crew.kill(place)?;
            kills += 1;
        }
        crew.hire_one()?;
    }
    crew.dismiss_all().await?;
    // What they leave is for workers that push nothing.
    let mut heirs = run.hire(Duty::default(), 1)?;
    let mut nobody = run.producers(run.load());
    run.calms_down(&mut nobody, &mut heirs).await?;
    let begun = run.stage.tables().await?.begun_with_their_push().await?;
    Ok(Faults {
        happened: vec![
            ("kills and SIGTERMs", kills + terms, faults_min),
            ("tasks begun with their push", begun, begun_min),
        ],
        measured: vec![("SIGTERMs", terms.to_string())],
        expect: Expect { goes_on_within: Some(GOES_ON_MAX), ..Expect::default() },
        ..Faults::default()
    })
}

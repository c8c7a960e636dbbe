//! The settler: writes the outcomes and the progress of all running tasks in groups, and never drops an outcome.

use std::sync::Arc;
use std::time::Duration;

use mission_core::{Backoff, Chance, Lease, Settlement, State, limits as rules};
use mission_store::{Reported, Verdict};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use crate::apart::{Stands, stands};
use crate::attempts::Attempt;
use crate::base::{Base, Phase, pause};
use crate::log::Lasting;
use crate::stop::Stop;
use crate::together::Wish;
use crate::{limits, log, scribe};

const AGAIN: Backoff = Backoff { first: Duration::from_millis(50), longest: limits::SETTLE_PAUSE_MAX };

/// What is to be reported of those that run.
enum Due {
    Nothing,
    /// Methods wait for theirs, or for their lines before they succeed in a transaction.
    Awaited,
    /// Outcomes whose rows somebody else held.
    Held,
    /// A claim that is to go together with outcomes.
    Claim(Wish),
    Everything,
}

/// Writes what comes until the worker is over.
pub(crate) async fn run(base: Arc<Base>, mut outcomes: UnboundedReceiver<Settlement>) {
    let mut phase = base.phase();
    let mut group = Vec::new();
    let mut held = Held::default();
    let mut next_report = Instant::now();
    while !base.has_reached(Phase::Over) {
        let due = tokio::select! {
            biased;
            wish = base.together.wished() => Due::Claim(wish),
            _ = outcomes.recv_many(&mut group, rules::BATCH_ROWS_MAX) => Due::Nothing,
            () = base.bell.notified() => Due::Awaited,
            () = sleep_until(next_report), if is_running(&base) => Due::Everything,
            () = sleep_until(held.next_look), if !held.outcomes.is_empty() => Due::Held,
            () = first_begins(&base) => Due::Nothing,
            _ = phase.wait_for(|phase| *phase == Phase::Over) => Due::Nothing,
        };
        let mut wish = None;
        match due {
            Due::Nothing if group.is_empty() => {}
            Due::Nothing => wish = base.together.wish_at_hand().await,
            Due::Claim(wished) => wish = Some(wished),
            Due::Held => held.look(&base).await,
            Due::Awaited => {
                let mut waiting = base.attempts.running();
                let is_apart = |attempt: &&Arc<Attempt>| attempt.shared.pen().is_taken();
                let apart: Vec<_> = waiting.iter().filter(is_apart).cloned().collect();
                scribe::write(&base, &apart).await;
                waiting.retain(|attempt| attempt.shared.has_checkpoint_waiting());
                report(&base, &waiting).await;
            }
            Due::Everything => {
                let running = base.attempts.running();
                report(&base, &running).await;
                scribe::write(&base, &running).await;
                let is_young = running.iter().any(|attempt| attempt.age() < limits::PROGRESS_YOUTH);
                let pause = if is_young { limits::PROGRESS_EVERY_AT_FIRST } else { limits::PROGRESS_EVERY };
                next_report = Instant::now() + pause;
            }
        }
        if let Some(wish) = wish {
            held.keep(settle_and_claim(&base, &mut outcomes, &mut group, wish).await);
        }
        if !group.is_empty() {
            held.keep(settle(&base, &mut group).await);
        }
    }
}

/// Writes a group and what has come since together with a claim, if that is all there is to be written, and empties it; answers what somebody
/// else holds. What is left in the group is to be written without it.
async fn settle_and_claim(
    base: &Base,
    outcomes: &mut UnboundedReceiver<Settlement>,
    group: &mut Vec<Settlement>,
    wish: Wish,
) -> Vec<Settlement> {
    while group.len() < limits::TOGETHER_MAX
        && let Ok(outcome) = outcomes.try_recv()
    {
        group.push(outcome);
    }
    let is_bare = |one: &Settlement| {
        let attempt = base.attempts.get(one.lease);
        let has_said = |attempt: Arc<Attempt>| {
            attempt.shared.lines().close();
            attempt.unwritten().is_some() || !attempt.shared.lines().unwritten(1).is_empty()
        };
        let is_large = one.content.as_ref().is_some_and(|content| content.text.len() > limits::TOGETHER_BYTES_MAX);
        one.effects.is_none() && !is_large && !attempt.is_some_and(has_said)
    };
    if group.is_empty() || group.len() > limits::TOGETHER_MAX || !group.iter().all(is_bare) {
        wish.answer(Ok(None));
        return Vec::new();
    }
    let early = with_checkpoints(base, group);
    match base.desk.settle_and_claim(group, &wish.line, wish.worker, wish.terms).await {
        Ok((verdicts, claimed)) => {
            wish.answer(Ok(Some(claimed)));
            group.extend(early);
            conclude(base, group.drain(..verdicts.len()), &verdicts)
        }
        // Each by itself has its own ways out.
        Err(fault) => {
            wish.answer(if fault.is_unreachable() { Err(fault) } else { Ok(None) });
            group.extend(early);
            Vec::new()
        }
    }
}

fn is_running(base: &Base) -> bool {
    base.attempts.load().borrow().running > 0
}

/// While nothing runs there is no progress to write and no timer to keep.
async fn first_begins(base: &Base) {
    if is_running(base) {
        return std::future::pending().await;
    }
    // The sender lives in the base.
    let _ = base.attempts.load().wait_for(|load| load.running > 0).await;
}

/// Outcomes whose rows somebody else holds: they wait by themselves, so that no other waits behind them.
struct Held {
    outcomes: Vec<Settlement>,
    /// Moved by a look alone: what comes meanwhile must not put it off.
    next_look: Instant,
    failing: Lasting,
}

impl Default for Held {
    fn default() -> Self {
        Self { outcomes: Vec::new(), next_look: Instant::now(), failing: Lasting::default() }
    }
}

impl Held {
    fn keep(&mut self, outcomes: Vec<Settlement>) {
        self.outcomes.extend(outcomes);
    }

    /// Writes those whose rows are free by now.
    async fn look(&mut self, base: &Base) {
        let attempts: Vec<Arc<Attempt>> = self.outcomes.iter().filter_map(|one| base.attempts.get(one.lease)).collect();
        report(base, &attempts).await;
        let early = with_checkpoints(base, &mut self.outcomes);
        match base.desk.settle_held(&self.outcomes).await {
            Ok(verdicts) => {
                self.failing.ends();
                self.outcomes = conclude(base, self.outcomes.drain(..), &verdicts);
            }
            Err(fault) if self.failing.goes_on(Instant::now().into_std()) => {
                log::settle_failed(self.outcomes.len(), &fault);
            }
            Err(_) => {}
        }
        self.outcomes.extend(early);
        self.next_look = Instant::now() + limits::HELD_EVERY;
    }
}

/// Writes a group and empties it, however long the database is away; answers what somebody else holds.
async fn settle(base: &Base, group: &mut Vec<Settlement>) -> Vec<Settlement> {
    let mut phase = base.phase();
    let attempts: Vec<Arc<Attempt>> = group.iter().filter_map(|one| base.attempts.get(one.lease)).collect();
    attempts.iter().for_each(|attempt| attempt.shared.lines().close());
    let (mut held, mut tries) = (Vec::new(), 0);
    loop {
        // What a method reported and said last belongs to its record, too.
        report(base, &attempts).await;
        scribe::write(base, &attempts).await;
        held.extend(with_checkpoints(base, group));
        match base.desk.settle(group).await {
            Ok(verdicts) => {
                if tries > 0 {
                    log::settle_recovered(group.len());
                }
                let locked = conclude(base, group.drain(..), &verdicts);
                locked.iter().for_each(|settlement| log::outcome_held(settlement.lease));
                held.extend(locked);
                return held;
            }
            Err(fault) => {
                if tries == 0 {
                    log::settle_failed(group.len(), &fault);
                }
                tries += 1;
                if !pause(AGAIN.wait(tries, Chance::random()), &mut phase, Phase::Over).await {
                    return Vec::new();
                }
            }
        }
    }
}

/// Lets outcomes know of checkpoints that were written meanwhile, and takes those out of the group that would leave one behind:
/// a task that waits again goes on from its last checkpoint, so that one is written first.
fn with_checkpoints(base: &Base, group: &mut Vec<Settlement>) -> Vec<Settlement> {
    let mut early = Vec::new();
    for mut settlement in std::mem::take(group) {
        let attempt = base.attempts.get(settlement.lease);
        if attempt.as_ref().is_some_and(|attempt| attempt.shared.is_safe()) {
            settlement.counts.crashes = 0;
        }
        let leaves_one = attempt.is_some_and(|attempt| {
            attempt.shared.has_checkpoint_waiting() && attempt.shared.cause() != Some(Stop::LostLease)
        });
        let into = if leaves_one && !settlement.state.is_final() { &mut early } else { &mut *group };
        into.push(settlement);
    }
    early
}

/// What the row says of a task that stood apart, however long the database is away; `None` once the worker is over.
pub(crate) async fn look_up(base: &Base, lease: Lease) -> Option<Stands> {
    let mut phase = base.phase();
    let mut tries = 0;
    loop {
        match base.store.watch(&[lease]).await {
            Ok(watched) => return Some(stands(lease, watched.first())),
            Err(fault) => log::watch_failed(&fault),
        }
        tries += 1;
        if !pause(AGAIN.wait(tries, Chance::random()), &mut phase, Phase::Over).await {
            return None;
        }
    }
}

/// Writes one outcome by itself, however long the database is away; `None` once the worker is over.
pub(crate) async fn settle_one(base: &Base, settlement: &Settlement) -> Option<Verdict> {
    let mut phase = base.phase();
    let mut tries = 0;
    loop {
        match base.desk.settle(std::slice::from_ref(settlement)).await {
            Ok(verdicts) if verdicts == [Verdict::Held] => {}
            Ok(verdicts) => return verdicts.first().copied(),
            Err(fault) if tries == 0 => log::settle_failed(1, &fault),
            Err(_) => {}
        }
        tries += 1;
        if !pause(AGAIN.wait(tries, Chance::random()), &mut phase, Phase::Over).await {
            return None;
        }
    }
}

/// What follows once outcomes are written; answers those that are not, because somebody else holds their rows.
fn conclude(base: &Base, group: impl Iterator<Item = Settlement>, verdicts: &[Verdict]) -> Vec<Settlement> {
    let mut held = Vec::new();
    for (settlement, verdict) in group.zip(verdicts) {
        if *verdict == Verdict::Held {
            held.push(settlement);
            continue;
        }
        let attempt = base.attempts.forget(settlement.lease);
        if *verdict == Verdict::Lost {
            log::outcome_lost(attempt.as_ref().map(|attempt| attempt.shared.task()));
        }
        if let Some(attempt) = attempt {
            tidy_files(&attempt, *verdict, settlement.state);
        }
        if !settlement.effects.follow_ups.is_empty() {
            base.wake.wake();
        }
    }
    held
}

/// The files of the attempt follow its end, beside the runtime.
pub(crate) fn tidy_files(attempt: &Arc<Attempt>, verdict: Verdict, state: State) {
    if attempt.shared.files().is_empty() {
        return;
    }
    let shared = Arc::clone(&attempt.shared);
    tokio::task::spawn_blocking(move || match verdict {
        Verdict::Settled if state.is_final() => shared.files().settled(shared.task(), state),
        Verdict::SettledAsFailure => shared.files().settled(shared.task(), State::Fail),
        // The files of one that was cancelled in place of waiting again are the sweeper's.
        Verdict::Settled | Verdict::Held | Verdict::Lost => shared.files().leave(shared.task()),
    });
}

/// Writes what these attempts have reported, as far as it is news.
async fn report(base: &Base, attempts: &[Arc<Attempt>]) {
    // A row that its method's transaction may have locked would hold up all others.
    let unwritten: Vec<_> =
        attempts.iter().filter_map(|one| Some((one, one.shared.pen().borrow()?, one.unwritten()?))).collect();
    // One whose row somebody held is asked for by itself, so that the others need not wait for it again.
    let (held, free): (Vec<_>, Vec<_>) = unwritten.into_iter().partition(|(attempt, ..)| attempt.is_held());
    for (group, is_held) in [(free, false), (held, true)] {
        if group.is_empty() {
            continue;
        }
        let (versions, reports): (Vec<_>, Vec<_>) =
            group.into_iter().map(|(attempt, pen, (version, report))| ((attempt, version, pen), report)).unzip();
        let told = if is_held { base.desk.report_held(&reports).await } else { base.desk.report(&reports).await };
        match told {
            Ok(told) => {
                for ((attempt, version, _pen), reported) in versions.into_iter().zip(told) {
                    heed(attempt, version, reported);
                }
            }
            Err(fault) => log::progress_failed(&fault),
        }
    }
}

/// What an attempt makes of what became of its report.
fn heed(attempt: &Attempt, version: u64, reported: Reported) {
    attempt.set_held(reported == Reported::Held);
    match reported {
        Reported::Written => attempt.shared.mark_written(version),
        Reported::Held => {}
        Reported::Lost => attempt.shared.mark_lost(version),
        Reported::Refused => attempt.shared.mark_refused(version),
    }
}

//! The fetcher: looks for due tasks, claims as many as there are free slots, and lets them run.

mod claiming;
mod crowd;
mod leaving;
mod offering;
mod standing_by;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, UniqueId};
use mission_store::{Line, Offered, Outlook};
use tokio::sync::watch;

use crate::attempts::Load;
use crate::base::{Base, Phase, pause};
use crate::foreign::Foreign;
use crate::intake::Intake;
use crate::lines::Lines;
use crate::log::Lasting;
use crate::settings::WhenEmpty;
use crate::{housekeeper, limits, log};

/// The loop that claims.
pub(crate) struct Fetcher {
    base: Arc<Base>,
    lines: Lines,
    calls: watch::Receiver<u64>,
    phase: watch::Receiver<Phase>,
    /// Until the next look, if nothing calls sooner.
    rest: Duration,
    /// Whether a claim may have been committed whose answer was lost.
    is_unsure: bool,
    compared_at: Instant,
    failing: Lasting,
    /// How long the last look took: the next one comes not sooner than a multiple of it.
    look_took: Duration,
    idle_since: Option<Instant>,
    /// Whether a call has ended the rest.
    is_roused: bool,
    /// Whether the last claim took as many as there was room for, and no rest has been since.
    was_filled: bool,
    /// What pushes have taken that did not come back in time.
    late: Vec<Offered>,
    /// Whether something was claimed on a call before anybody has looked what else waits.
    owes_look: bool,
    foreign: Foreign,
    /// When the last look began.
    looked_at: Option<Instant>,
    /// What waited then, if looks at the list of workers can compare it.
    outlook: Option<Arc<Outlook>>,
    intake: Intake,
    apart: claiming::Apart,
    crowd: crowd::Crowd,
}

/// What one step found.
enum Found {
    Tasks,
    /// A line that had nothing any more, or whose claim was refused; others may.
    EmptyLine,
    Nothing,
}

impl Fetcher {
    /// A fetcher that goes on until the worker stops or, by its settings, is no longer needed.
    pub(crate) fn new(base: Arc<Base>) -> Self {
        let intake = Intake::new(Arc::clone(&base));
        Self::with(base, intake)
    }

    /// The same, claiming so many at the most and keeping a list of them.
    pub(crate) fn counting(base: Arc<Base>, quota: Option<usize>) -> Self {
        let intake = Intake::counting(Arc::clone(&base), quota);
        Self::with(base, intake)
    }

    fn with(base: Arc<Base>, intake: Intake) -> Self {
        Self {
            calls: base.wake.listen(),
            phase: base.phase(),
            base,
            intake,
            lines: Lines::default(),
            rest: limits::POLL_FIRST,
            is_unsure: false,
            compared_at: Instant::now(),
            failing: Lasting::default(),
            look_took: Duration::ZERO,
            idle_since: None,
            is_roused: false,
            was_filled: false,
            late: Vec::new(),
            owes_look: false,
            foreign: Foreign::default(),
            looked_at: None,
            outlook: None,
            apart: claiming::Apart::default(),
            crowd: crowd::Crowd::default(),
        }
    }

    /// Claims until the worker is to stop; answers which tasks, if it keeps a list.
    pub(crate) async fn run(mut self) -> Vec<UniqueId> {
        if self.base.settings.when_empty == WhenEmpty::Stop {
            // Else it would be gone before the tasks of a dead worker wait again.
            housekeeper::rescue_once(&self.base).await;
        }
        while self.may_go_on().await {
            match self.step().await {
                Ok(found) => {
                    if self.failing.ends() {
                        log::fetch_recovered();
                    }
                    match found {
                        Found::Tasks => self.found_tasks(),
                        Found::EmptyLine => {}
                        Found::Nothing if self.leaves().await => break,
                        Found::Nothing => self.rest().await,
                    }
                }
                Err(fault) => self.bear(&fault).await,
            }
        }
        self.base.together.expect_claim(false);
        self.base.pass_hint_on();
        self.wait_for_late().await;
        if self.is_unsure {
            // Nothing begins any more: what is found goes back.
            let _ = self.intake.adopt().await;
        }
        self.intake.into_ledger()
    }

    /// Claims one task, due or not, and lets it run.
    ///
    /// # Errors
    /// It does not wait, or the database cannot be reached.
    pub(crate) async fn run_one(mut self, unique_id: &UniqueId) -> Result<Vec<UniqueId>, Error> {
        let worker = self.base.tenure.worker();
        match self.base.store.claim_one(unique_id, worker).await {
            Ok(claimed) => self.intake.take(claimed.into_iter().collect()).await,
            // It may have been committed nevertheless.
            Err(fault) if fault.is_unreachable() => self.intake.adopt().await?,
            Err(fault) => return Err(fault),
        }
        let begun = self.intake.into_ledger();
        if begun.is_empty() {
            let message = format!("task {unique_id} does not wait: it runs already or has ended");
            return Err(Error::new(ErrorKind::WrongState, message));
        }
        Ok(begun)
    }

    /// Waits for a free slot, room for outcomes and a lease that holds; false once nothing more is to be claimed.
    async fn may_go_on(&mut self) -> bool {
        let (mut load, mut standing) = (self.base.attempts.load(), self.base.tenure.standing());
        let slots = Arc::clone(&self.base.slots);
        let leads_until = tokio::time::Instant::now() + limits::CROWD_LEAD_MAX;
        loop {
            if self.base.has_reached(Phase::Draining) || self.intake.is_closed() {
                return false;
            }
            // None of these ends with an error: what they wait for lives in the base.
            let ready = async {
                drop(slots.acquire().await);
                let _ = load.wait_for(Load::has_room).await;
                let _ = standing.wait_for(|standing| *standing == crate::tenure::Standing::Holds).await;
            };
            let ready = async {
                tokio::pin!(ready);
                if tokio::time::timeout_at(leads_until, &mut ready).await.is_err() {
                    self.crowd.forget();
                    ready.await;
                }
            };
            tokio::select! {
                () = ready => {}
                () = self.base.leaves_a_hint() => {
                    self.base.pass_hint_on();
                    continue;
                }
                _ = self.phase.wait_for(|phase| *phase >= Phase::Draining) => return false,
            }
            if self.base.tenure.holds() {
                return true;
            }
            // The term is over and the heart is about to say so.
            pause(limits::POLL_FIRST, &mut self.phase, Phase::Draining).await;
        }
    }

    /// One look, and one claim where there is something to claim.
    async fn step(&mut self) -> Result<Found, Error> {
        if self.is_unsure || self.compared_at.elapsed() >= limits::COMPARE_EVERY {
            self.compare().await?;
        }
        if self.claim_ahead().await? {
            return Ok(Found::Tasks);
        }
        self.look().await?;
        let Some(chosen) = self.lines.choose(Instant::now()) else {
            // All that was pushed before the lines were read is claimed, or is no work of this worker's.
            if let Some(looked_at) = self.looked_at {
                self.base.hints_are_served(looked_at);
            }
            return Ok(Found::Nothing);
        };
        self.gather().await;
        let room = self.room();
        let asked = Instant::now();
        let (claimed, room) = match self.claim(&chosen, room).await {
            // Those in front of the row that cannot be claimed can.
            Err(fault) if is_refusal(&fault) && room > 1 => (self.claim(&chosen, 1).await, 1),
            claimed => (claimed, room),
        };
        let claimed = match claimed {
            Err(fault) if is_refusal(&fault) => {
                self.put_aside(&chosen, &fault).await;
                return Ok(Found::EmptyLine);
            }
            claimed => claimed?,
        };
        if let Some(last) = claimed.last() {
            self.lines.gave(&chosen, last.task.run_at);
        }
        let is_filled = claimed.len() >= room;
        if is_filled && self.was_filled && room < limits::CLAIM_SMALL {
            // It is the number of claims that keeps tasks waiting: those of others go beside them.
            self.base.pass_hint_on();
        }
        self.was_filled = is_filled;
        match claimed.last() {
            // On a cluster a claim leaves gaps: what stands before its last task is still to be seen.
            Some(_) if is_filled && self.base.store.is_cluster().await? => {
                self.lines.advance(&chosen, chosen.head);
            }
            Some(last) if is_filled => self.lines.advance(&chosen, last.task.run_at),
            Some(_) => self.lines.exhaust(&chosen),
            None => self.lines.exhaust_type(&chosen, Instant::now()),
        }
        let found = if claimed.is_empty() { Found::EmptyLine } else { Found::Tasks };
        self.base.together.expect_claim(is_filled && self.may_go_together(&chosen, room));
        self.intake.take(claimed).await;
        if is_filled {
            let (took, begins) = (asked.elapsed(), Instant::now());
            claiming::give_way().await;
            if self.is_crowded(room, took, begins.elapsed()) {
                self.stand_by(&chosen).await;
            }
        }
        Ok(found)
    }

    /// There is work, and mostly more of it.
    fn found_tasks(&mut self) {
        self.rest = self.rest_min().max(limits::POLL_AFTER_WORK);
        self.idle_since = None;
        self.base.glance.compare_nothing();
    }

    /// Takes on what the worker holds without knowing of it.
    async fn compare(&mut self) -> Result<(), Error> {
        self.intake.adopt().await?;
        self.is_unsure = false;
        self.compared_at = Instant::now();
        Ok(())
    }

    /// Reads the lines where they are too old, or where somebody called.
    async fn look(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let is_called = self.calls.has_changed().unwrap_or(false);
        // Under a rain of pushes the lines stay good for a moment, as long as they have work.
        let is_fresh = self.lines.age(now).is_some_and(|age| age < self.rest_min());
        let has_work = self.lines.choose(now).is_some();
        if self.owes_look || self.lines.is_old(now) || is_called && !(is_fresh && has_work) {
            self.base.together.expect_claim(false);
            self.calls.mark_unchanged();
            self.owes_look = false;
            let (mut lines, database_now) = self.base.store.lines().await?;
            let unserved = lines.extract_if(.., |line| !self.base.serves(&line.method, &line.task_type));
            let mut unserved: Vec<Line> = unserved.collect();
            self.outlook = self.base.store.outlook(&lines, &unserved, database_now).map(Arc::new);
            unserved.retain(|line| !line.is_paused && line.head <= database_now);
            if self.foreign.may_be_meant(unserved, self.base.has_hint(), Instant::now()) {
                self.base.pass_hint_on();
            }
            self.looked_at = Some(now);
            self.look_took = now.elapsed();
            self.lines.learn(lines, database_now, Instant::now());
        }
        Ok(())
    }

    /// The shortest rest, longer where there are so many lines that looking itself is work.
    fn rest_min(&self) -> Duration {
        (self.look_took * limits::LOOK_REST_FACTOR).clamp(limits::POLL_FIRST, limits::POLL_MAX)
    }

    /// Leaves a line alone for a while whose first due task the database will not have claimed.
    async fn put_aside(&mut self, chosen: &Line, fault: &Error) {
        if self.lines.put_aside(chosen, Instant::now()) {
            log::claim_refused(chosen, fault);
        }
        // Where every line is refused, as on a full disk, that is no hot loop.
        pause(limits::POLL_FIRST, &mut self.phase, Phase::Draining).await;
    }

    /// Waits for the next look: a call, the next due task, or the rest, which doubles and goes on while nothing else waits than the last
    /// look saw, and nobody takes now.
    async fn rest(&mut self) {
        self.was_filled = false;
        self.crowd.forget();
        if self.lines.choose(Instant::now()).is_some() {
            // Seen when it was about to leave.
            return;
        }
        let now = Instant::now();
        let due = self.lines.next_due(now).filter(|due| !due.is_zero());
        let calm_until = now + due.map_or(limits::CALM_MAX, |due| due.min(limits::CALM_MAX));
        let stays = self.base.settings.when_empty == WhenEmpty::Stay && !self.is_unsure;
        let known = self.outlook.clone().filter(|_| stays && self.lines.come_by_themselves(now));
        self.base.glance.compare_with(known.clone().unwrap_or_default());
        let mut span = [due, self.linger_left()].into_iter().flatten().fold(self.rest, Duration::min);
        self.rest = (self.rest * 2).min(limits::POLL_MAX);
        loop {
            let mut offered = self.offer().await;
            let is_calm = self.rests_until_compare(span, known.as_ref(), calm_until, &mut offered).await;
            // What a push has claimed for this worker is known before it compares, or it would be taken on twice.
            let is_over = self.accept(offered).await || !is_calm;
            // Without a lease that holds, what is found would be given back before it is decided how its attempt ended.
            if is_over || !self.base.tenure.holds() || self.compare().await.is_err() {
                break;
            }
            span = Duration::ZERO;
        }
        self.lines.expire();
    }

    /// Waits for so long, and then for as long as nothing is new beside what is known. Whether that is still so and nothing ended the rest, but what the
    /// worker holds is to be compared again.
    async fn rests_until_compare(
        &mut self,
        span: Duration,
        known: Option<&Arc<Outlook>>,
        until: Instant,
        offered: &mut Option<Offered>,
    ) -> bool {
        let compare_at = self.compared_at + limits::COMPARE_EVERY;
        let base = Arc::clone(&self.base);
        let rested = async {
            tokio::time::sleep(span).await;
            let Some(known) = known else { return false };
            let calm = base.glance.while_calm(known);
            tokio::time::timeout_at(until.min(compare_at).into(), calm).await.is_err() && compare_at < until
        };
        tokio::select! {
            is_calm = rested => return is_calm,
            () = offering::answered(offered) => {}
            _ = self.calls.changed() => self.is_roused = true,
            // The time without work begins then, not with the next look.
            () = self.base.until_idle(), if self.lingers_busy() => {}
            _ = self.phase.wait_for(|phase| *phase >= Phase::Draining) => {}
        }
        false
    }

    /// An error of the database never ends a worker.
    async fn bear(&mut self, fault: &Error) {
        if self.failing.goes_on(Instant::now()) {
            log::fetch_failed(fault);
        }
        self.lines.expire();
        // Others may reach the database.
        self.crowd.forget();
        self.base.glance.compare_nothing();
        self.base.pass_hint_on();
        pause(limits::ERROR_PAUSE, &mut self.phase, Phase::Draining).await;
    }
}

/// Whether the database will say the same to the same claim again, whatever it says to others.
fn is_refusal(fault: &Error) -> bool {
    !fault.is_retryable() && !fault.is_unreachable()
}

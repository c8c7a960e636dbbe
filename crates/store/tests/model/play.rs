//! Leads the store and the model through the same life, and compares after every step.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use mission_core::{Error, ErrorKind, Filter, Reason, State, Task, UniqueId};
use mission_store::{Cancelled, Claimed, Keep, Line, Store, Suspects, Terms};
use mission_testkit::Database;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::step::{Age, HOUR, Item, Repeat, Spec, Step, Tasks, WORKERS};
use crate::world::{Answer, Pushing, Rule, World};

pub(crate) type Played = Result<(), TestCaseError>;

/// A store error that the model does not know of.
pub(crate) fn unexpected(error: Error) -> TestCaseError {
    TestCaseError::fail(format!("the store refused: {error:?}"))
}

/// One database, which is emptied before each life.
pub(crate) struct Stage {
    pub(crate) db: Database,
    pub(crate) store: Store,
    pub(crate) world: World,
    /// The database's clock before the step.
    pub(crate) clock: i64,
    last_id: i64,
    steps: BTreeMap<String, usize>,
    /// How often what is rare happened, so that a run says what it has seen.
    pub(crate) seen: BTreeMap<&'static str, usize>,
}

impl Stage {
    pub(crate) async fn new(db: Database, store: Store) -> Self {
        let (steps, seen) = (BTreeMap::new(), BTreeMap::new());
        Self { db, store, world: World::default(), clock: 0, last_id: 0, steps, seen }
    }

    /// Leads one life from empty tables.
    pub(crate) async fn lead(&mut self, life: &[Step]) -> Played {
        let tables = ["tasks", "types", "workers", "worker_methods", "artifacts", "attempts"];
        let wipe: String = tables.map(|table| format!("delete from mission_{table};")).concat();
        self.db.sql(&wipe).await.unwrap();
        self.world = World::default();
        self.clock = self.store.now().await.map_err(unexpected)?.0;
        for worker in 0..WORKERS {
            self.register(worker, HOUR).await?;
        }
        for step in life {
            let name: String = format!("{step:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
            *self.steps.entry(name).or_default() += 1;
            self.take(step).await?;
            self.compare().await?;
        }
        self.compare_all_kept().await
    }

    /// What the run was made of.
    pub(crate) fn report(&self) {
        println!("steps taken: {:?}", self.steps);
        println!("seen: {:?}", self.seen);
    }

    pub(crate) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    async fn take(&mut self, step: &Step) -> Played {
        match step {
            Step::Push(items) => self.push(items).await,
            Step::Claim { .. } => self.claim(step).await,
            Step::ClaimOne { task, worker } => self.claim_one(task, *worker).await,
            Step::PushBeside { spec, offered, worker, may_take } => {
                self.push_beside(spec, offered, self.world.workers[*worker], *may_take).await
            }
            Step::Settle(ends) => self.settle(ends).await,
            Step::Both { ends, line, age, worker, limit, leaves_suspects } => {
                let Some(line) = self.a_line(line, *age).await? else { return Ok(()) };
                self.settle_and_claim(ends, &line, self.world.workers[*worker], *limit, *leaves_suspects).await
            }
            Step::SucceedIn { right, brings, fate } => self.succeed_in(right, brings, *fate).await,
            Step::Report(says) => self.say(says).await,
            Step::HandOver { worker } => self.give_back(*worker, crate::step::Ending::HandedOver).await,
            Step::Rescue { worker } => {
                self.condemn_gone(*worker).await?;
                self.give_back(*worker, crate::step::Ending::Died).await
            }
            Step::Cancel(task) => self.cancel(task).await,
            Step::Retry { task, among } => self.retry(task, *among).await,
            Step::Delete(task) => self.delete(task).await,
            Step::Watch => self.watch().await,
            Step::Prune { ends, failures, after } => self.prune(*ends, *failures, after.as_ref()).await,
            Step::Limit { .. } | Step::Pause { .. } | Step::Resume { .. } => self.rule(step).await,
            Step::Register { worker, term } => self.register(*worker, *term).await,
            Step::Beat { worker } => self.beat(*worker).await,
            Step::CondemnExpired { worker } => self.condemn_expired(*worker).await,
            Step::CondemnGone { worker } => self.condemn_gone(*worker).await,
            Step::Remove { worker } => self.remove(*worker).await,
        }
    }

    /// The rows as they are, in the order of pushing, against the rows as they must be.
    async fn compare(&mut self) -> Played {
        let now = self.store.now().await.map_err(unexpected)?.0;
        let mut tasks = self.store.list(&Filter::all(), 1000, None).await.map_err(unexpected)?.tasks;
        tasks.reverse();
        let ids = |tasks: &[Task]| tasks.iter().map(|task| task.unique_id.clone()).collect::<Vec<_>>();
        let expected: Vec<UniqueId> = self.world.rows.iter().map(|row| row.task.unique_id.clone()).collect();
        prop_assert_eq!(ids(&tasks), expected, "the rows there are, in the order of pushing");
        for (row, real) in self.world.rows.iter_mut().zip(&tasks) {
            if row.is_new {
                prop_assert!(real.id > self.last_id, "id {} was given before", real.id);
                self.last_id = real.id;
            }
            row.learn(real, self.clock, now)?;
            prop_assert_eq!(real, &row.task);
        }
        self.clock = now;
        Ok(())
    }

    async fn push(&mut self, items: &[Item]) -> Played {
        let mut pushings: Vec<Pushing> = Vec::new();
        for item in items {
            pushings.push(match item {
                Item::Again(index) if !self.world.pushes.is_empty() => index.get(&self.world.pushes).clone(),
                Item::Again(_) => continue,
                Item::New(spec) => {
                    let pushing = Pushing { spec: Spec::clone(spec), task: spec.new_task() };
                    self.world.pushes.push(pushing.clone());
                    pushing
                }
            });
        }
        let mut ids = HashSet::new();
        let (pushings, twice): (Vec<_>, Vec<_>) =
            pushings.into_iter().partition(|pushing| ids.insert(pushing.task.unique_id().clone()));
        let mut tasks: Vec<_> = pushings.iter().map(|pushing| pushing.task.clone()).collect();
        for one in twice {
            tasks.push(one.task);
            let refused = self.store.push_all(&tasks).await;
            prop_assert!(refused.as_ref().is_err_and(|error| error.is_invalid()), "the same task twice: {refused:?}");
            tasks.pop();
        }
        let pushed = match tasks.as_slice() {
            [task] => vec![self.store.push(task).await.map_err(unexpected)?],
            tasks => self.store.push_all(tasks).await.map_err(unexpected)?,
        };
        prop_assert_eq!(pushed.len(), pushings.len());
        for (pushing, pushed) in pushings.iter().zip(pushed) {
            match self.world.push(pushing) {
                Answer::Stored => {
                    prop_assert_eq!((&pushed.unique_id, pushed.is_existing), (pushing.task.unique_id(), false));
                }
                Answer::Other(fit) => {
                    let is_alone = pushing.spec.repeat == Repeat::Refused;
                    self.saw(if is_alone { "push refused by its method" } else { "push refused by its key" });
                    prop_assert!(pushed.is_existing && fit.contains(&pushed.unique_id), "{pushed:?} is not of {fit:?}");
                }
            }
        }
        Ok(())
    }

    /// A line of those that are there now, or ever were.
    pub(crate) async fn a_line(&mut self, line: &Index, age: Age) -> Result<Option<Line>, TestCaseError> {
        let (mut lines, _) = self.store.lines().await.map_err(unexpected)?;
        lines.sort_by(|a, b| (&a.method, &a.task_type, a.priority).cmp(&(&b.method, &b.task_type, b.priority)));
        prop_assert_eq!(&lines, &self.world.waiting_lines());
        self.world.lines.extend(lines.iter().cloned());
        let from: &[Line] = if age == Age::Fresh { &lines } else { &self.world.lines };
        Ok((!from.is_empty()).then(|| line.get(from).clone()))
    }

    async fn claim(&mut self, step: &Step) -> Played {
        let Step::Claim { line, age, worker, limit, is_limited, leaves_suspects } = step else { return Ok(()) };
        let Some(line) = self.a_line(line, *age).await? else { return Ok(()) };
        let worker = self.world.workers[*worker];
        // The figure in the terms only says that there is a limit: what the tables say counts.
        let running_limit = is_limited.then_some(0);
        let suspects = if *leaves_suspects { Suspects::Leave } else { Suspects::Take };
        let terms = Terms { limit: *limit, running_limit, suspects };
        // The claim of a worker that was called, which sees for itself what is set for the type.
        let is_ahead = *limit == 1 && !is_limited;
        let claimed = if is_ahead {
            let ahead = self.store.claim_ahead(&line, worker, suspects).await.map_err(unexpected)?;
            self.saw(if ahead.is_some() { "claimed ahead" } else { "nothing claimed ahead" });
            ahead.into_iter().collect()
        } else {
            self.store.claim_by(&line, worker, terms).await.map_err(unexpected)?
        };
        let room = match *is_limited {
            true => self.world.room(&line.task_type),
            false if is_ahead && self.world.is_ruled(&line.task_type) => 0,
            false => usize::MAX,
        };
        let crashes_max = if *leaves_suspects { 0 } else { i64::MAX };
        // Nothing becomes due during a sequence but what is due at once, so the clock before the step decides.
        let expected = self.world.claim(&line, worker, room.min(*limit), crashes_max, self.clock);
        let ids: Vec<UniqueId> = claimed.iter().map(|claimed| claimed.task.unique_id.clone()).collect();
        prop_assert_eq!(&ids, &expected, "claimed by due time, then by id");
        for claimed in claimed {
            self.given(claimed).await?;
        }
        Ok(())
    }

    /// A claim answers the row as it stands afterwards, and the same for the rules.
    pub(crate) async fn given(&mut self, claimed: Claimed) -> Played {
        let unique_id = claimed.task.unique_id.clone();
        let row = self.store.get(&unique_id).await.map_err(unexpected)?;
        prop_assert_eq!(Some(&claimed.task), row.as_ref());
        let (task, running) = (&claimed.task, &claimed.running);
        prop_assert_eq!((running.lease.id, running.lease.token), (task.id, task.lease_token));
        prop_assert_eq!((running.counts, running.retries), (task.counts, task.retries));
        prop_assert_eq!((running.last_reason, running.cancel_requested), (task.reason, false));
        if running.counts.is_suspect() {
            self.saw("suspect claimed");
        }
        self.world.leases.push(claimed);
        Ok(())
    }

    fn pushed_id(&self, task: &Index) -> Option<UniqueId> {
        (!self.world.pushes.is_empty()).then(|| task.get(&self.world.pushes).task.unique_id().clone())
    }

    async fn claim_one(&mut self, task: &Index, worker: usize) -> Played {
        let Some(id) = self.pushed_id(task) else { return Ok(()) };
        let worker = self.world.workers[worker];
        let claimed = self.store.claim_one(&id, worker).await.map_err(unexpected)?;
        prop_assert_eq!(claimed.is_some(), self.world.claim_one(&id, worker));
        match claimed {
            Some(claimed) => self.given(claimed).await,
            None => Ok(()),
        }
    }

    async fn cancel(&mut self, task: &Index) -> Played {
        let Some(id) = self.pushed_id(task) else { return Ok(()) };
        let answer = self.store.cancel(&id).await.map_err(|error| error.kind());
        let expected = match self.world.row_mut(&id) {
            None => Err(ErrorKind::NotFound),
            Some(row) if row.task.state == State::Executing => {
                row.task.cancel_requested = true;
                Ok(Cancelled::Requested)
            }
            Some(row) if row.task.state == State::Init => {
                row.task.state = State::Cancelled;
                row.task.reason = Some(Reason::Cancelled);
                row.task.content = Some("cancelled before it ran".to_owned());
                row.task.content_cut = false;
                row.is_modified = true;
                Ok(Cancelled::Now)
            }
            Some(_) => Err(ErrorKind::WrongState),
        };
        prop_assert_eq!(answer, expected);
        Ok(())
    }

    async fn retry(&mut self, task: &Index, among: Tasks) -> Played {
        let ended = self.world.rows.iter().map(|row| &row.task).filter(|task| task.state.is_final());
        let ended: Vec<UniqueId> = ended.map(|task| task.unique_id.clone()).collect();
        let id = match among {
            Tasks::Ended if !ended.is_empty() => Some(task.get(&ended).clone()),
            _ => self.pushed_id(task),
        };
        let Some(id) = id else { return Ok(()) };
        let answer = self.store.retry(&id).await.map_err(|error| error.kind());
        let expected = match self.world.row(&id) {
            None => Err(ErrorKind::NotFound),
            Some(row) if row.task.state.is_active() => Err(ErrorKind::WrongState),
            Some(row) if self.world.key_is_taken(&row.task) => Err(ErrorKind::Duplicate),
            Some(_) => Ok(()),
        };
        prop_assert_eq!(answer, expected);
        match expected {
            Ok(()) => self.saw("retried"),
            Err(ErrorKind::Duplicate) => self.saw("retry refused by a key"),
            Err(_) => {}
        }
        if let (Ok(()), Some(row)) = (expected, self.world.row_mut(&id)) {
            row.task.state = State::Init;
            row.task.cancel_requested = false;
            row.task.reason = None;
            row.task.content = None;
            row.task.content_cut = false;
            row.task.counts.failures = 0;
            row.task.counts.crashes = 0;
            row.task.progress = None;
            (row.task.checkpoint, row.task.checkpoint_done, row.task.checkpoint_files) = (None, None, Vec::new());
            (row.task.resumed, row.task.redone, row.task.active_ms) = (0, 0, 0);
            (row.is_modified, row.due_wait) = (true, Some(0));
            return self.retire(&id).await;
        }
        Ok(())
    }

    async fn delete(&mut self, task: &Index) -> Played {
        let Some(id) = self.pushed_id(task) else { return Ok(()) };
        let answer = self.store.delete(&id).await.map_err(|error| error.kind());
        let expected = match self.world.row(&id) {
            None => Err(ErrorKind::NotFound),
            Some(row) if row.task.state == State::Executing => Err(ErrorKind::WrongState),
            Some(_) => Ok(()),
        };
        prop_assert_eq!(answer, expected);
        if answer.is_ok() {
            self.world.rows.retain(|row| row.task.unique_id != id);
        }
        Ok(())
    }

    async fn prune(&mut self, ends: bool, failures: bool, after: Option<&Index>) -> Played {
        let after = match after {
            Some(index) if !self.world.rows.is_empty() => index.get(&self.world.rows).task.id,
            _ => 0,
        };
        let span = |goes: bool| if goes { Duration::ZERO } else { HOUR };
        let keep = Keep { ended: span(ends), failed: span(failures) };
        let pruned = self.store.prune_step(keep, after).await.map_err(unexpected)?;
        let count = self.world.rows.len();
        self.world.rows.retain(|row| {
            let goes = if row.task.state == State::Fail { failures } else { ends };
            !(row.task.state.is_final() && goes && row.task.id > after)
        });
        let removed = (count - self.world.rows.len()) as u64;
        prop_assert_eq!((pruned.removed, pruned.next), (removed, None));
        Ok(())
    }

    async fn rule(&mut self, step: &Step) -> Played {
        let (&Step::Limit { task_type, .. } | &Step::Pause { task_type } | &Step::Resume { task_type }) = step else {
            return Ok(());
        };
        let name = format!("type{task_type}");
        let rule = self.world.rules.entry(name.clone()).or_default();
        let set = match step {
            Step::Limit { limit, .. } => {
                rule.limit = *limit;
                self.store.set_running_limit(&name, *limit).await
            }
            Step::Pause { .. } => {
                rule.is_paused = true;
                self.store.pause(&name).await
            }
            _ => {
                rule.is_paused = false;
                self.store.resume(&name).await
            }
        };
        set.map_err(unexpected)?;
        let rules = self.store.type_rules().await.map_err(unexpected)?;
        let rules: BTreeMap<String, Rule> = rules
            .into_iter()
            .map(|rule| (rule.task_type, Rule { is_paused: rule.is_paused, limit: rule.running_limit }))
            .collect();
        prop_assert_eq!(&rules, &self.world.rules);
        Ok(())
    }
}

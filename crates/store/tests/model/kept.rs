//! What settlements bring with them in the model, and the same in the store: result files, attempts, follow-up tasks.

use std::collections::BTreeSet;
use std::time::Duration;

use mission_core::{
    AttemptRecord, Chance, FinishedFile, Outcome, Policy, Settlement, State, Task, UniqueId, WorkerId, settle,
};
use mission_store::{Store, Verdict};
use mission_testkit::Kind;
use proptest::prelude::*;
use sqlx::{Connection, MySqlConnection, PgConnection, SqliteConnection};

use crate::play::{Played, Stage, unexpected};
use crate::step::{Brings, Fate, HOUR, News, Right};
use crate::world::{Pushing, World};

/// The storage all files of a run lie in.
const STORAGE: &str = "file:model";

/// A result file that has a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    name: String,
    location: String,
    bytes: u64,
    is_over: bool,
}

/// An attempt that was recorded: its token, its number, its outcome and its error.
pub(crate) type Recorded = (i64, i64, String, Option<String>);

/// A settlement with the tasks it pushes.
pub(crate) struct Bringing {
    pub(crate) settlement: Settlement,
    pub(crate) pushings: Vec<Pushing>,
}

impl Bringing {
    /// Adds to a settlement what its worker would: files and follow-ups to a success, a record to any other end.
    pub(crate) fn of(mut settlement: Settlement, brings: &Brings) -> Self {
        let mut pushings = Vec::new();
        let effects = &mut settlement.effects;
        if settlement.state == State::Success {
            for file in &brings.files {
                effects.files.retain(|known| known.name != format!("{}.csv", file.name));
                effects.files.push(FinishedFile {
                    name: format!("{}.csv", file.name),
                    media_type: "text/csv".to_owned(),
                    bytes: file.bytes,
                    sha256: "00".repeat(32),
                    rows: None,
                    storage: STORAGE.to_owned(),
                    location: format!("place{}", file.place),
                    keep: file.keep_hours.map(|hours| HOUR * hours),
                });
            }
            pushings.extend(brings.follow_up.iter().map(|spec| Pushing { spec: spec.clone(), task: spec.new_task() }));
            effects.follow_ups = pushings.iter().map(|pushing| pushing.task.clone()).collect();
        } else if brings.is_recorded {
            let record = AttemptRecord {
                attempt: settlement.counts.attempt,
                worker_id: WorkerId(7),
                worker: "worker".to_owned(),
                ran: Duration::ZERO,
                outcome: settlement.reason.map_or("", |reason| reason.as_str()).to_owned(),
                content: None,
            };
            effects.attempt_record = Some(record.content("because"));
        }
        Self { settlement, pushings }
    }
}

impl World {
    /// Settles a group: ends that bring nothing, then those that do, then what those bring that were written.
    pub(crate) fn settle_group(&mut self, group: &[Bringing]) -> Vec<Verdict> {
        let mut verdicts = vec![Verdict::Lost; group.len()];
        let mut written = BTreeSet::new();
        for is_bare in [true, false] {
            for (place, Bringing { settlement, .. }) in group.iter().enumerate() {
                if settlement.effects.is_none() == is_bare {
                    let is_held = self.rows.iter().any(|row| row.is_held_by(settlement.lease));
                    written.extend(is_held.then_some(place));
                    verdicts[place] = self.settle(settlement);
                }
            }
        }
        written.into_iter().for_each(|place| self.keep(&group[place]));
        verdicts
    }

    fn keep(&mut self, Bringing { settlement, pushings }: &Bringing) {
        let id = settlement.lease.id;
        for file in &settlement.effects.files {
            // One of the same name elsewhere is the sweeper's from now on.
            for (owner, kept) in &mut self.files {
                if (*owner, &kept.name) == (id, &file.name) && kept.location != file.location {
                    *owner = 0;
                }
            }
            self.files.retain(|(owner, kept)| (*owner, &kept.name) != (id, &file.name));
            let is_over = file.keep == Some(Duration::ZERO);
            let (name, location) = (file.name.clone(), file.location.clone());
            self.files.push((id, Kept { name, location, bytes: file.bytes, is_over }));
        }
        if let Some(record) = &settlement.effects.attempt_record {
            let recorded = (settlement.lease.token.0, record.attempt, record.outcome.clone(), record.content.clone());
            self.attempts.entry(id).or_default().push(recorded);
        }
        for pushing in pushings {
            self.pushes.push(pushing.clone());
            self.push(pushing);
        }
    }

    /// A retry ends the time of what an earlier success left.
    pub(crate) fn retire(&mut self, task: i64) {
        self.files.iter_mut().filter(|(owner, _)| *owner == task).for_each(|(_, kept)| kept.is_over = true);
    }

    fn files_of(&self, task: i64) -> Vec<Kept> {
        let mut files: Vec<Kept> =
            self.files.iter().filter(|(owner, _)| *owner == task).map(|(_, kept)| kept.clone()).collect();
        files.sort();
        files
    }
}

impl Stage {
    /// What is kept beside one task.
    pub(crate) async fn compare_kept(&mut self, task: &Task) -> Played {
        let files = self.store.artifacts(&task.unique_id).await.map_err(unexpected)?;
        let kept = |file: mission_core::Artifact| Kept {
            name: file.name,
            location: file.location,
            bytes: file.bytes,
            is_over: file.is_expired,
        };
        let mut files: Vec<Kept> = files.into_iter().map(kept).collect();
        files.sort();
        prop_assert_eq!(files, self.world.files_of(task.id), "the result files of a task");
        let attempts = self.store.attempts(&task.unique_id).await.map_err(unexpected)?;
        let attempts: Vec<Recorded> = attempts
            .into_iter()
            .map(|attempt| (attempt.lease_token.0, attempt.attempt, attempt.outcome, attempt.content))
            .collect();
        let mut recorded = self.world.attempts.get(&task.id).cloned().unwrap_or_default();
        recorded.reverse();
        prop_assert_eq!(attempts, recorded, "the attempts of a task, the latest first");
        Ok(())
    }

    /// What is kept beside all tasks, and the files whose task is gone or has another in their place.
    pub(crate) async fn compare_all_kept(&mut self) -> Played {
        let tasks: Vec<Task> = self.world.rows.iter().map(|row| row.task.clone()).collect();
        for task in &tasks {
            self.compare_kept(task).await?;
        }
        let orphans = self.store.orphaned_artifacts(STORAGE, 0, 1000).await.map_err(unexpected)?;
        let mut orphans: Vec<String> = orphans.artifacts.into_iter().map(|file| file.location).collect();
        orphans.sort();
        let is_gone = |owner: i64| !tasks.iter().any(|task| task.id == owner);
        let files = self.world.files.iter().filter(|(owner, _)| is_gone(*owner));
        let mut expected: Vec<String> = files.map(|(_, kept)| kept.location.clone()).collect();
        expected.sort();
        prop_assert_eq!(orphans, expected, "the result files without a task");
        Ok(())
    }

    /// A method that succeeds in a transaction of its own, which is then committed or rolled back.
    pub(crate) async fn succeed_in(&mut self, right: &Right, brings: &Brings, fate: Fate) -> Played {
        let Some(running) = self.running(right, News::Heard) else { return Ok(()) };
        let success = settle(&running, &Policy::default(), Outcome::Success("done".to_owned()), Chance::fixed(0.5));
        let bringing = Bringing::of(success, brings);
        macro_rules! run {
            ($connection:ty) => {{
                let mut connection = <$connection>::connect(self.db.url()).await.unwrap();
                let mut tx = connection.begin().await.unwrap();
                let verdict = Store::succeed_in(&mut tx, &bringing.settlement, None).await.map_err(unexpected)?;
                if fate == Fate::Commit && verdict == Verdict::Settled {
                    tx.commit().await.unwrap();
                } else {
                    tx.rollback().await.unwrap();
                }
                connection.close().await.unwrap();
                verdict
            }};
        }
        let verdict = match self.db.kind() {
            Kind::Sqlite => run!(SqliteConnection),
            Kind::Mariadb | Kind::Mysql => run!(MySqlConnection),
            Kind::Postgres => run!(PgConnection),
        };
        let is_held = self.world.rows.iter().any(|row| row.is_held_by(running.lease));
        prop_assert_eq!(verdict == Verdict::Settled, is_held, "a success in a transaction needs a lease that holds");
        self.saw(match (verdict, fate) {
            (Verdict::Lost, _) => "success in a transaction lost",
            (_, Fate::Commit) => "success in a transaction committed",
            (_, Fate::Rollback) => "success in a transaction rolled back",
        });
        if is_held && fate == Fate::Commit {
            self.world.settle_group(&[bringing]);
            return self.kept_of_rows([running.lease.id]).await;
        }
        Ok(())
    }

    pub(crate) async fn kept_of_rows(&mut self, ids: impl IntoIterator<Item = i64>) -> Played {
        for id in ids {
            let task = self.world.rows.iter().map(|row| &row.task).find(|task| task.id == id).cloned();
            if let Some(task) = task {
                self.compare_kept(&task).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn retire(&mut self, unique_id: &UniqueId) -> Played {
        let Some(task) = self.world.row(unique_id).map(|row| row.task.clone()) else { return Ok(()) };
        self.world.retire(task.id);
        self.compare_kept(&task).await
    }
}

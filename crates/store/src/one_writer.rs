//! What a worker asks where one writes at a time, as to a file: whether it is so, how often others wrote instead, who goes on, and
//! whether they get on with a line.

use mission_core::{Error, UniqueId};

use crate::Store;
use crate::db::{Kind, Lead, Statement};
use crate::lines::Line;
use crate::retrying::retrying;

static WAITING_AT: Statement = Statement::new("waiting_at", include_str!("sql/waiting_at.sql"));
static STILL_WAITS: Statement = Statement::new("still_waits", include_str!("sql/still_waits.sql"));

impl Store {
    /// Whether one writes at a time: what goes side by side on servers goes one after the other.
    pub fn has_one_writer(&self) -> bool {
        self.kind() == Kind::Sqlite
    }

    /// How often a write of this store had to ask again, a millisecond later, because another process wrote, whoever asked: all workers of this store and what else it writes count together. On servers that is never seen.
    pub fn turns_refused(&self) -> u64 {
        #[cfg(feature = "sqlite")]
        if let Some(pools) = self.db.sqlite() {
            return pools.turns.refused();
        }
        0
    }

    /// Takes the lead of the file if it is free: whoever has it goes on where the others stand by. It is asked for from time
    /// to time, not waited for. `None` where nobody can know who has it, as on servers or without a write-ahead log.
    pub fn take_lead(&self) -> Option<Lead> {
        #[cfg(feature = "sqlite")]
        if let Some(pools) = self.db.sqlite() {
            return pools.take_lead();
        }
        None
    }

    /// The task that waits behind so many due ones of a line; `None` where there are no more. Who stands by looks later
    /// whether others have come so far.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn waiting_at(&self, line: &Line, place: usize) -> Result<Option<UniqueId>, Error> {
        let Line { method, task_type, .. } = line;
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        retrying(|| async {
            let values = [
                ("method", method.as_str().into()),
                ("type", task_type.as_str().into()),
                ("priority", line.priority.into()),
                ("lane", line.lane.into()),
                ("head", line.head.0.into()),
                ("place", place.into()),
            ];
            let row = self.db.reader().await?.conn().row(&WAITING_AT, &values).await?;
            row.map(|row| row.text("unique_id").map(UniqueId::from_row)).transpose()
        })
        .await
    }

    /// Whether any of these tasks waits and is due.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn any_waits(&self, tasks: &[UniqueId]) -> Result<bool, Error> {
        retrying(|| async {
            let mut reader = self.db.reader().await?;
            for task in tasks {
                let values = [("unique_id", task.as_str().into())];
                if reader.conn().row(&STILL_WAITS, &values).await?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }
}

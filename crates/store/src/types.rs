//! What is set for types: paused, how many of their tasks may run at once, and whether their creators take turns.

use mission_core::{Error, checked_name, limits};
use serde::Serialize;

use crate::Store;
use crate::db::{Statement, Value};
use crate::retrying::retrying;

/// What is set for one type. Types that nothing was set for are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeRule {
    /// The type.
    #[serde(rename = "type")]
    pub task_type: String,
    /// Whether its tasks wait until it is resumed.
    #[serde(rename = "paused")]
    pub is_paused: bool,
    /// How many of its tasks may run at once, over all workers.
    pub running_limit: Option<i64>,
    /// Whether its creators take turns.
    #[serde(rename = "fair")]
    pub is_fair: bool,
}

/// What is to change about a type; the rest stays.
#[derive(Default)]
struct Change {
    paused: Option<i64>,
    running_limit: Option<Option<i64>>,
    fair: Option<i64>,
}

static TYPES: Statement = Statement::new("types", include_str!("sql/types.sql"));
static SET: Statement =
    Statement::new("type_set", include_str!("sql/type_set.sql")).mysql(include_str!("sql/type_set.mysql.sql"));

impl Store {
    /// The types for which something is set.
    pub async fn type_rules(&self) -> Result<Vec<TypeRule>, Error> {
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&TYPES, &[]).await?;
            rows.iter()
                .map(|row| {
                    Ok(TypeRule {
                        task_type: row.text("type")?,
                        is_paused: row.int("paused")? != 0,
                        running_limit: row.int_or_null("running_limit")?,
                        is_fair: row.int("fair")? != 0,
                    })
                })
                .collect()
        })
        .await
    }

    /// Lets the waiting tasks of a type wait on; running ones end as they would. Writes no task's row.
    pub async fn pause(&self, task_type: &str) -> Result<(), Error> {
        self.set_type(task_type, Change { paused: Some(1), ..Change::default() }).await
    }

    /// Lets the tasks of a paused type run again.
    pub async fn resume(&self, task_type: &str) -> Result<(), Error> {
        self.set_type(task_type, Change { paused: Some(0), ..Change::default() }).await
    }

    /// Sets how many tasks of a type may run at once, over all workers; `None` for no limit.
    pub async fn set_running_limit(&self, task_type: &str, limit: Option<i64>) -> Result<(), Error> {
        if limit.is_some_and(|limit| limit < 0) {
            return Err(Error::invalid(format!("a running limit cannot be negative: {limit:?}")));
        }
        self.set_type(task_type, Change { running_limit: Some(limit), ..Change::default() }).await
    }

    /// Lets the creators of a type take turns, or not any more. It decides about tasks that are pushed from now on: those that
    /// wait already keep the lane they are in, and no task's row is written.
    pub async fn set_fair(&self, task_type: &str, is_fair: bool) -> Result<(), Error> {
        self.set_type(task_type, Change { fair: Some(i64::from(is_fair)), ..Change::default() }).await
    }

    async fn set_type(&self, task_type: &str, change: Change) -> Result<(), Error> {
        let task_type = checked_name("type", task_type, limits::TYPE_CHARS_MAX)?;
        let values = [
            ("type", task_type.into()),
            ("paused", change.paused.unwrap_or(0).into()),
            ("running_limit", change.running_limit.flatten().into()),
            ("fair", change.fair.unwrap_or(0).into()),
            ("paused_change", Value::Int(change.paused)),
            ("limit_change", i64::from(change.running_limit.is_some()).into()),
            ("fair_change", Value::Int(change.fair)),
        ];
        retrying(|| async { self.db.writer().await?.conn().run(&SET, &values).await.map(|_| ()) }).await
    }
}

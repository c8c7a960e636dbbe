//! Records: reading tasks one by one, by the beginning of an id, in pages, and counting them up to a bound.

use mission_core::{Error, Filter, State, Task, UniqueId, limits};

use crate::Store;
use crate::db::Statement;
use crate::retrying::retrying;
use crate::rows;

/// What the beginning of an id fits.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // Short-lived, one at a time.
pub enum Found {
    /// No task.
    None,
    /// One task.
    One(Task),
    /// Several; two of them.
    Several(UniqueId, UniqueId),
}

/// Tasks, newest first, and where the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Give this to ask for the next page; `None` on the last.
    pub next: Option<i64>,
}

/// A count that stops at a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounded {
    /// How many were counted.
    pub count: i64,
    /// Whether there are more.
    pub is_more: bool,
}

pub(crate) static GET: Statement = Statement::new("get", include_str!("sql/get.sql"));
static STATE: Statement = Statement::new("state", include_str!("sql/state.sql"));
static FIND: Statement = Statement::new("find", include_str!("sql/find.sql"));
static LIST: Statement = Statement::new("list", include_str!("sql/list.sql")).mysql(include_str!("sql/list.mysql.sql"));
static COUNT: Statement =
    Statement::new("count", include_str!("sql/count.sql")).mysql(include_str!("sql/count.mysql.sql"));
static METHODS: Statement = Statement::new("methods", include_str!("sql/methods.sql"));

impl Store {
    /// One task by its id.
    pub async fn get(&self, unique_id: &UniqueId) -> Result<Option<Task>, Error> {
        let values = [("unique_id", unique_id.as_str().into())];
        retrying(|| async {
            let row = self.db.reader().await?.conn().row(&GET, &values).await?;
            row.as_ref().map(rows::task).transpose()
        })
        .await
    }

    /// The state of a task.
    pub async fn state(&self, unique_id: &UniqueId) -> Result<Option<State>, Error> {
        let values = [("unique_id", unique_id.as_str().into())];
        retrying(|| async {
            let row = self.db.reader().await?.conn().row(&STATE, &values).await?;
            row.map(|row| row.text("state")?.parse()).transpose()
        })
        .await
    }

    /// The task whose id is, or begins with, what somebody typed.
    pub async fn find(&self, prefix: &UniqueId) -> Result<Found, Error> {
        if let Some(task) = self.get(prefix).await? {
            return Ok(Found::One(task));
        }
        let high = format!("{prefix}\u{7f}");
        let values = [("low", prefix.as_str().into()), ("high", (&high).into())];
        let mut tasks = retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&FIND, &values).await?;
            rows.iter().map(rows::task).collect::<Result<Vec<_>, _>>()
        })
        .await?
        .into_iter();
        Ok(match (tasks.next(), tasks.next()) {
            (None, _) => Found::None,
            (Some(task), None) => Found::One(task),
            (Some(first), Some(second)) => Found::Several(first.unique_id, second.unique_id),
        })
    }

    /// Tasks that fit a filter, newest first; `before` is the `next` of the page before.
    pub async fn list(&self, filter: &Filter, limit: usize, before: Option<i64>) -> Result<Page, Error> {
        let limit = limit.clamp(1, limits::RECORDS_MAX);
        // One look per state, each along its own index, then merged: a list of states would serve no index at all.
        let looks: Vec<Option<State>> = match filter.states.as_slice() {
            [] => vec![None],
            states => states.iter().copied().map(Some).collect(),
        };
        let mut tasks = Vec::new();
        for state in looks {
            tasks.extend(self.list_state(filter, state, limit + 1, before).await?);
        }
        tasks.sort_by_key(|task| std::cmp::Reverse(task.id));
        tasks.dedup_by_key(|task| task.id);
        let is_more = tasks.len() > limit;
        tasks.truncate(limit);
        let next = tasks.last().map(|task| task.id).filter(|_| is_more);
        Ok(Page { tasks, next })
    }

    async fn list_state(
        &self,
        filter: &Filter,
        state: Option<State>,
        limit: usize,
        before: Option<i64>,
    ) -> Result<Vec<Task>, Error> {
        // On MySQL the claim's index holds all that these filters ask for; newest first, success is never far.
        let by_state =
            state.is_some_and(|state| state != State::Success) && filter.creator.is_none() && filter.since.is_none();
        let values = [
            ("before", before.unwrap_or(i64::MAX).into()),
            ("by_state", by_state.then_some(1).into()),
            (state.map_or("any", State::as_str), 1.into()),
            ("method", filter.method.as_deref().into()),
            ("type", filter.task_type.as_deref().into()),
            ("creator", filter.creator.as_deref().into()),
            ("since", filter.since.map(|since| since.0).into()),
            ("limit", i64::try_from(limit).unwrap_or(i64::MAX).into()),
        ];
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows_composed(&LIST, &values).await?;
            rows.iter().map(rows::task).collect()
        })
        .await
    }

    /// How many tasks are in each state, counted no further than [`limits::COUNT_MAX`].
    pub async fn counts(&self) -> Result<Vec<(State, Bounded)>, Error> {
        let values = [("bound", (limits::COUNT_MAX + 1).into())];
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&COUNT, &values).await?;
            rows.iter()
                .map(|row| {
                    let count = row.int("tasks")?;
                    let is_more = count > limits::COUNT_MAX;
                    Ok((row.text("state")?.parse()?, Bounded { count: count.min(limits::COUNT_MAX), is_more }))
                })
                .collect()
        })
        .await
    }

    /// The methods that live workers have published, with how many workers have each.
    pub async fn methods(&self) -> Result<Vec<(String, i64)>, Error> {
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&METHODS, &[]).await?;
            rows.iter().map(|row| Ok((row.text("method")?, row.int("workers")?))).collect()
        })
        .await
    }
}

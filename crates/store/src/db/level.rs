//! How the commits of an SQLite file's writer reach the disk. It is said in one text with the statement, so that it is one way to the file's thread,
//! and only where it was said otherwise before.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Executor as _, Row as _, SqlStr};

use super::Value;
use super::conn::{bound, filled, value_of};
use super::statement::Prepared;
use super::turn::{Turns, in_turn};

/// When a commit is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// When it is done.
    Full,
    /// When the log is synced, which is left to us.
    Normal,
}

impl Level {
    /// What says so.
    pub(super) fn pragma(self) -> &'static str {
        match self {
            Level::Full => "pragma synchronous = full",
            Level::Normal => "pragma synchronous = normal",
        }
    }
}

/// The writer of a file, for statements whose commits are kept in one way.
pub(super) struct Levelled<'c> {
    pub(super) writer: &'c mut SqliteConnection,
    pub(super) turns: Option<&'c Turns>,
    /// What was said last; none where it is not known whether it was heard.
    pub(super) said: &'c mut Option<Level>,
    pub(super) wanted: Level,
}

impl Levelled<'_> {
    fn is_said(&self) -> bool {
        *self.said == Some(self.wanted)
    }

    /// Says it by itself.
    pub(super) async fn say(self) -> Result<(), sqlx::Error> {
        if !self.is_said() {
            *self.said = None;
            self.writer.execute(self.wanted.pragma()).await?;
            *self.said = Some(self.wanted);
        }
        Ok(())
    }

    /// All rows of a statement.
    pub(super) async fn rows(
        self,
        prepared: &'static Prepared,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        if self.is_said() {
            let text = SqlStr::from_static(&prepared.text);
            return in_turn!(self.turns, bound!(text.clone(), prepared, values).fetch_all(&mut *self.writer));
        }
        self.said_with(prepared, "", values).await
    }

    /// How many rows a statement hit that answers none.
    pub(super) async fn run(
        self,
        prepared: &'static Prepared,
        values: &[(&str, Value<'_>)],
    ) -> Result<u64, sqlx::Error> {
        if self.is_said() {
            return in_turn!(self.turns, bound!(prepared, values).execute(&mut *self.writer))
                .map(|done| done.rows_affected());
        }
        // The driver counts for the text as a whole.
        let rows = self.said_with(prepared, ";\nselect changes() as hit", values).await?;
        let hit: i64 = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("hit")?;
        Ok(u64::try_from(hit).unwrap_or_default())
    }

    async fn said_with(
        self,
        prepared: &'static Prepared,
        asked: &str,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let framed = || format!("{};\n{}{asked}", self.wanted.pragma(), prepared.text);
        let text = SqlStr::from_static(prepared.framed[self.wanted as usize].get_or_init(framed));
        *self.said = None;
        let rows = in_turn!(self.turns, bound!(text.clone(), prepared, values).fetch_all(&mut *self.writer))?;
        *self.said = Some(self.wanted);
        Ok(rows)
    }
}

//! A statement on an SQLite file whose commit does not wait for the disk: that is said, and taken back, in one text with it, so that it is one
//! way to the file's thread in place of three.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, SqlStr};

use super::Value;
use super::conn::{bound, filled, value_of};
use super::disk::Disk;
use super::statement::Prepared;
use super::turn::{Turns, in_turn};

/// The writer of a file whose commits may be left to us.
pub(super) struct BeforeDisk<'c> {
    pub(super) writer: &'c mut SqliteConnection,
    pub(super) turns: Option<&'c Turns>,
    pub(super) disk: &'c Disk,
}

impl BeforeDisk<'_> {
    /// All rows of a statement.
    pub(super) async fn rows(
        self,
        prepared: &'static Prepared,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.answer(prepared, "", values).await
    }

    /// How many rows a statement hit that answers none.
    pub(super) async fn run(
        self,
        prepared: &'static Prepared,
        values: &[(&str, Value<'_>)],
    ) -> Result<u64, sqlx::Error> {
        let rows = self.answer(prepared, "select changes() as hit;\n", values).await?;
        let hit: i64 = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("hit")?;
        Ok(u64::try_from(hit).unwrap_or_default())
    }

    /// Where it fails, or is dropped, the way back to the pool sees to it that the next commit waits again.
    async fn answer(
        self,
        prepared: &'static Prepared,
        asked: &str,
        values: &[(&str, Value<'_>)],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let framed = || format!("pragma synchronous = normal;\n{};\n{asked}pragma synchronous = full", prepared.text);
        let text = SqlStr::from_static(prepared.framed.get_or_init(framed));
        self.disk.leaves_to_us(true);
        let rows = in_turn!(self.turns, bound!(text.clone(), prepared, values).fetch_all(&mut *self.writer))?;
        self.disk.leaves_to_us(false);
        Ok(rows)
    }
}

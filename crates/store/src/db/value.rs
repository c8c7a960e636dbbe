//! The only values that cross the seam: 64-bit integers and text, each perhaps null.

use mission_core::{Error, ErrorKind};

use super::translate;

/// A parameter. Nulls keep their type, because PostgreSQL asks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'v> {
    Int(Option<i64>),
    Text(Option<&'v str>),
}

impl Value<'_> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Int(None) | Value::Text(None))
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Value::Int(value)
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(value: &'v str) -> Self {
        Value::Text(Some(value))
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(value: &'v String) -> Self {
        Value::Text(Some(value))
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(value: Option<&'v str>) -> Self {
        Value::Text(value)
    }
}

/// A row of any of the databases.
pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "mysql")]
    MySql(sqlx::mysql::MySqlRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

/// Reads unchecked: the statement's own columns are known, and integer widths and collations differ per database.
macro_rules! read {
    ($row:expr, $column:expr, $type:ty) => {{
        use sqlx::Row as _;
        let value: Result<Option<$type>, sqlx::Error> = match $row {
            #[cfg(feature = "sqlite")]
            Row::Sqlite(row) => row.try_get_unchecked($column),
            #[cfg(feature = "mysql")]
            Row::MySql(row) => row.try_get_unchecked($column),
            #[cfg(feature = "postgres")]
            Row::Postgres(row) => row.try_get_unchecked($column),
        };
        value.map_err(translate)
    }};
}

impl Row {
    pub(crate) fn int(&self, column: &str) -> Result<i64, Error> {
        self.int_or_null(column)?.ok_or_else(|| unexpected_null(column))
    }

    pub(crate) fn int_or_null(&self, column: &str) -> Result<Option<i64>, Error> {
        read!(self, column, i64)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, Error> {
        self.text_or_null(column)?.ok_or_else(|| unexpected_null(column))
    }

    /// SQLite keeps whatever bytes a client gave it: what is not UTF-8 is read with U+FFFD in its place, because one row of
    /// a stranger's must not make its whole batch unreadable.
    pub(crate) fn text_or_null(&self, column: &str) -> Result<Option<String>, Error> {
        #[cfg(feature = "sqlite")]
        if matches!(self, Row::Sqlite(_)) {
            let bytes: Option<Vec<u8>> = read!(self, column, Vec<u8>)?;
            return Ok(bytes.map(|bytes| match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(fault) => String::from_utf8_lossy(fault.as_bytes()).into_owned(),
            }));
        }
        read!(self, column, String)
    }
}

fn unexpected_null(column: &str) -> Error {
    Error::new(ErrorKind::Database, format!("column {column} is null where it must not be"))
}

//! What an error of a database means, decided once per database by its codes.

use mission_core::{Error, ErrorKind};
use sqlx::error::DatabaseError;

use super::meaning::Meaning;

/// The error of the contract for an error of sqlx, its cause kept.
pub(crate) fn translate(fault: sqlx::Error) -> Error {
    let Meaning { kind, way_out, .. } = meaning_of(&fault);
    let what = match kind {
        ErrorKind::Unreachable => "the database cannot be reached",
        ErrorKind::Retryable => "the database asks to run the transaction again",
        ErrorKind::Schema => "the tables of Mission are missing or older than this program: run `mission migrate`",
        ErrorKind::NotFound => "the database is missing",
        ErrorKind::Setup => "the store was closed",
        _ => "the database refused",
    };
    let words = bare(&fault);
    let message = if way_out.is_empty() { format!("{what}: {words}") } else { format!("{what}: {words}; {way_out}") };
    Error::new(kind, message).with_source(fault)
}

/// Whether the database is in trouble of its own, such as a full disk: once that is over it takes the same.
#[allow(unused_variables)] // Without any database feature there is nothing to look at.
pub(crate) fn is_in_trouble(error: &Error) -> bool {
    #[cfg(feature = "sqlite")]
    if std::error::Error::source(error).is_some_and(|cause| cause.is::<super::disk::NotKept>()) {
        return true;
    }
    let Some(fault) = database_fault(error) else { return false };
    #[cfg(feature = "sqlite")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        return super::sqlite::is_in_trouble(fault);
    }
    #[cfg(feature = "mysql")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return super::mysql::is_in_trouble(fault.number());
    }
    #[cfg(feature = "postgres")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return super::postgres::is_in_trouble(fault.code());
    }
    false
}

/// Whether somebody else held a row for longer than the statement would wait.
#[allow(unused_variables)] // A file has no rows that are locked one by one.
pub(crate) fn is_locked(error: &Error) -> bool {
    let Some(fault) = database_fault(error) else { return false };
    #[cfg(feature = "mysql")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return super::mysql::is_locked(fault.number());
    }
    #[cfg(feature = "postgres")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return super::postgres::is_locked(fault.code());
    }
    false
}

/// Whether a statement's fault says that its connection leads to a server that is gone, or is not the one to ask any more.
pub(crate) fn is_at_its_end(fault: &sqlx::Error) -> bool {
    // Time was over before there was a connection.
    !matches!(fault, sqlx::Error::PoolTimedOut) && meaning_of(fault).is_at_its_end
}

/// Whether a unique index refused a row.
pub(crate) fn is_unique_violation(error: &Error) -> bool {
    database_fault(error).is_some_and(|fault| fault.is_unique_violation())
}

/// Whether a statement was refused because no transaction is open.
pub(crate) fn is_outside_transaction(error: &Error) -> bool {
    // PostgreSQL: no active transaction. MySQL forgets a savepoint at once where none is open, so it does not exist.
    let code = |fault: &dyn DatabaseError| fault.code().is_some_and(|code| code == "25P01" || code == "42000");
    database_fault(error).is_some_and(code)
}

/// Whether SQLite refused to begin because a transaction is open.
pub(crate) fn is_within_transaction(error: &Error) -> bool {
    database_fault(error).is_some_and(|fault| fault.message().contains("within a transaction"))
}

/// Whether SQLite refused to add a column because it is there.
pub(crate) fn is_duplicate_column(error: &Error) -> bool {
    database_fault(error).is_some_and(|fault| fault.message().contains("duplicate column name"))
}

fn database_fault(error: &Error) -> Option<&dyn DatabaseError> {
    use std::error::Error as _;
    error.source().and_then(|source| source.downcast_ref::<sqlx::Error>()).and_then(sqlx::Error::as_database_error)
}

/// The database's own sentence, without sqlx's words around it.
fn bare(fault: &sqlx::Error) -> String {
    match fault {
        sqlx::Error::Database(fault) => fault.message().to_owned(),
        sqlx::Error::Io(fault) => fault.to_string(),
        sqlx::Error::PoolClosed => "open a new one".to_owned(),
        sqlx::Error::PoolTimedOut => "no connection within the time allowed".to_owned(),
        other => other.to_string(),
    }
}

fn meaning_of(fault: &sqlx::Error) -> Meaning {
    match fault {
        // A server that dies in mid-answer breaks the protocol rather than the socket.
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_) => Meaning::of(ErrorKind::Unreachable),
        // No wait makes a closed store usable again.
        sqlx::Error::PoolClosed => Meaning::of(ErrorKind::Setup),
        sqlx::Error::Database(fault) => meaning_of_database_fault(fault.as_ref()),
        _ => Meaning::of(ErrorKind::Database),
    }
}

#[allow(unused_variables)] // Without any database feature there is nothing to look at.
fn meaning_of_database_fault(fault: &(dyn DatabaseError + 'static)) -> Meaning {
    #[cfg(feature = "sqlite")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        return super::sqlite::meaning_of(fault);
    }
    #[cfg(feature = "mysql")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return super::mysql::meaning_of(fault);
    }
    #[cfg(feature = "postgres")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return super::postgres::meaning_of(fault);
    }
    Meaning::of(ErrorKind::Database)
}

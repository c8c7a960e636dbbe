//! What an error of a database means, decided once per database by its codes.

use mission_core::{Error, ErrorKind};

/// The error of the contract for an error of sqlx, its cause kept.
pub(crate) fn translate(fault: sqlx::Error) -> Error {
    let kind = kind_of(&fault);
    let message = match kind {
        ErrorKind::Unreachable => format!("the database cannot be reached: {}", bare(&fault)),
        ErrorKind::Retryable => format!("the database asks to run the transaction again: {}", bare(&fault)),
        ErrorKind::Schema => {
            format!(
                "the tables of Mission are missing or older than this program: run `mission migrate` ({})",
                bare(&fault)
            )
        }
        _ => format!("the database refused: {}", bare(&fault)),
    };
    Error::new(kind, message).with_source(fault)
}

/// Whether a unique index refused a row.
pub(crate) fn is_unique_violation(error: &Error) -> bool {
    use std::error::Error as _;
    let source = error.source().and_then(|source| source.downcast_ref::<sqlx::Error>());
    matches!(source, Some(sqlx::Error::Database(fault)) if fault.is_unique_violation())
}

/// The database's own sentence, without sqlx's words around it.
fn bare(fault: &sqlx::Error) -> String {
    match fault {
        sqlx::Error::Database(fault) => fault.message().to_owned(),
        sqlx::Error::Io(fault) => fault.to_string(),
        sqlx::Error::PoolTimedOut => "no connection within the time allowed".to_owned(),
        other => other.to_string(),
    }
}

fn kind_of(fault: &sqlx::Error) -> ErrorKind {
    match fault {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            ErrorKind::Unreachable
        }
        // A server that dies in mid-answer breaks the protocol rather than the socket.
        sqlx::Error::Protocol(_) => ErrorKind::Unreachable,
        sqlx::Error::Tls(_) => ErrorKind::Unreachable,
        sqlx::Error::Database(fault) => kind_of_database_fault(fault.as_ref()),
        _ => ErrorKind::Database,
    }
}

#[allow(unused_variables)] // Without any database feature there is nothing to look at.
fn kind_of_database_fault(fault: &(dyn sqlx::error::DatabaseError + 'static)) -> ErrorKind {
    #[cfg(feature = "sqlite")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        return super::sqlite::kind_of(fault);
    }
    #[cfg(feature = "mysql")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return super::mysql::kind_of(fault);
    }
    #[cfg(feature = "postgres")]
    if let Some(fault) = fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return super::postgres::kind_of(fault);
    }
    ErrorKind::Database
}

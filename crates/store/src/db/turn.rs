//! A turn to write to a SQLite file: asked for every millisecond. The library itself would sleep for up to a tenth of a second, in
//! which the file is free and nobody writes.

use std::time::{Duration, Instant};

/// How long a statement waits for other processes' writes before it answers "busy".
const BUSY_MAX: Duration = Duration::from_secs(10);

/// How long SQLite itself waits within one try: it asks at its begin and at its end.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(1);

/// Waits for a turn.
pub(crate) struct Turn {
    began: Instant,
    asked: Instant,
}

impl Turn {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, asked: now }
    }

    /// Whether the statement that met with this error is to be tried again now; it has changed nothing.
    pub(crate) async fn comes_later(&mut self, fault: &sqlx::Error) -> bool {
        if !is_busy(fault) || self.began.elapsed() >= BUSY_MAX {
            return false;
        }
        // Some locks are answered at once: that must not become a hot loop.
        if self.asked.elapsed() < ASK_EVERY {
            tokio::time::sleep(ASK_EVERY).await;
        }
        self.asked = Instant::now();
        true
    }
}

/// `SQLITE_BUSY` and `SQLITE_BUSY_RECOVERY`. A snapshot that is too old (517) stays so.
fn is_busy(fault: &sqlx::Error) -> bool {
    fault.as_database_error().and_then(|fault| fault.code()).is_some_and(|code| matches!(&*code, "5" | "261"))
}

/// Asks until it is answered, as often as the turn says. What asks is written out anew each time, because it borrows the connection.
macro_rules! in_turn {
    ($waits:expr, $ask:expr) => {{
        let waits: bool = $waits;
        let mut turn = $crate::db::turn::Turn::new();
        loop {
            match $ask.await {
                Err(fault) if waits && turn.comes_later(&fault).await => {}
                answered => break answered,
            }
        }
    }};
}

pub(crate) use in_turn;

//! A server's pool: how many connections it has, which of them may be used, and what is set in each.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolOptions;
use sqlx::{ConnectOptions as _, Connection, Database, Pool};

use super::Patience;
use super::replan::Replans;
use super::trust::{Trust, answers};

/// Connections of one process at the most, beside the heartbeat's.
const CONNECTIONS_MAX: u32 = 10;

/// Something that a session is told.
type Tell<'c> = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'c>>;

/// How a server's sessions are used.
pub(super) struct Session<C> {
    /// What is set in each.
    pub(super) prepare: for<'c> fn(&'c mut C, Patience) -> Tell<'c>,
    /// What makes it plan its statements anew, where it keeps plans that were made when the tables were smaller.
    pub(super) replan: Option<for<'c> fn(&'c mut C) -> Tell<'c>>,
}

/// The options with which connections to a database are opened.
pub(super) type Options<DB> = <<DB as Database>::Connection as Connection>::Options;

/// A pool that opens its first connection when one is asked for.
pub(super) fn open<DB: Database>(
    options: Options<DB>,
    trust: &Arc<Trust>,
    patience: Patience,
    session: Session<DB::Connection>,
) -> Pool<DB> {
    let (taken, released, anew) = (Arc::clone(trust), Arc::clone(trust), options.clone());
    let (Session { prepare, replan }, replans) = (session, Replans::since(Instant::now()));
    PoolOptions::<DB>::new()
        .max_connections(patience.connections_max(CONNECTIONS_MAX))
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(move |conn, meta| {
            let (taken, anew) = (Arc::clone(&taken), anew.clone());
            let replan = replan.filter(|_| replans.is_due(Instant::now()));
            Box::pin(async move {
                if !taken.covers(meta.age) {
                    return Ok(false);
                }
                let mut is_gone = taken.is_gone(meta.idle_for, conn.ping()).await;
                if let Some(replan) = replan.filter(|_| !is_gone) {
                    is_gone = !answers(replan(conn)).await;
                    if is_gone {
                        tracing::info!("a connection does not plan anew: opening another");
                    }
                }
                if is_gone {
                    // Dropped, not closed: nobody would answer its farewell.
                    *conn = anew.connect().await?;
                    prepare(conn, patience).await?;
                }
                Ok(true)
            })
        })
        .after_release(move |_, meta| Box::pin(ready(Ok(released.covers(meta.age)))))
        .after_connect(move |conn, _| prepare(conn, patience))
        .connect_lazy_with(options)
}

//! The method that has its effect in a transaction of its own and succeeds in the same one (G7), on each database.

use std::sync::Arc;
use std::time::Duration;

use mission::{Context, Failure};
use mission_verifier::{Effort, Outcome, Papers};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool, SqlitePool};

use crate::load::Order;

/// Deadlocks and busy files are met with another try of the whole transaction.
const TRIES_MAX: u32 = 50;
const AGAIN: Duration = Duration::from_millis(20);

/// The application's own connections.
#[derive(Clone)]
pub(crate) enum Account {
    Sqlite(SqlitePool),
    MySql(MySqlPool),
    Postgres(PgPool),
}

impl Account {
    pub(crate) fn of(url: &str) -> Outcome<Self> {
        Ok(match url.split(':').next() {
            Some("sqlite") => Self::Sqlite(SqlitePool::connect_lazy(url)?),
            Some("mysql" | "mariadb") => Self::MySql(MySqlPool::connect_lazy(&url.replacen("mariadb", "mysql", 1))?),
            _ => Self::Postgres(PgPool::connect_lazy(url)?),
        })
    }
}

/// Whether one try came to its commit; an error is worth another try.
macro_rules! try_once {
    ($begun:expr, $ctx:expr, $order:expr) => {{
        let token = $ctx.fence();
        let effect =
            format!("insert into chaos_effects (unique_id, lease_token) values ('{}', {token})", $ctx.unique_id());
        match $begun {
            Ok(mut tx) => {
                let has_effect = sqlx::query(AssertSqlSafe(effect)).execute(&mut *tx).await.is_ok();
                if has_effect && $ctx.succeed_in(&mut tx, format!("token={token} n={}", $order.n)).await.is_ok() {
                    // Of an unknown outcome only the worker learns the truth: no further try.
                    tx.commit().await?;
                    return Ok(());
                }
                let _ = tx.rollback().await;
            }
            Err(_) => {}
        }
    }};
}

pub(crate) async fn transfer(ctx: Context, order: Order, papers: Arc<Papers>, account: Account) -> Result<(), Failure> {
    let note =
        |effort| papers.note(effort, ctx.unique_id(), ctx.fence()).map_err(|fault| Failure::new(fault.to_string()));
    note(Effort::Begin)?;
    tokio::time::sleep(Duration::from_millis(order.ms)).await;
    note(Effort::End)?;
    for _ in 0..TRIES_MAX {
        match &account {
            Account::Sqlite(pool) => try_once!(pool.begin_with("begin immediate").await, ctx, order),
            Account::MySql(pool) => try_once!(pool.begin().await, ctx, order),
            Account::Postgres(pool) => try_once!(pool.begin().await, ctx, order),
        }
        ctx.check()?;
        tokio::time::sleep(AGAIN).await;
    }
    Err(Failure::new("the transfer could not be committed"))
}

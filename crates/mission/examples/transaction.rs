//! A push in your own sqlx transaction: the order and its mail are there together, or neither is.
//!
//! `cargo run --example transaction --features mysql,postgres -- sqlite://mission.db`
//! `cargo run --example transaction --features mysql,postgres -- mysql://user:password@localhost/shop`
//! `cargo run --example transaction --features mysql,postgres -- postgres://user:password@localhost/shop`

use mission::{Failure, Mission, Task};

/// Would send a mail; here it only says so.
#[mission::method]
async fn send_mail(address: String) -> Result<String, Failure> {
    Ok(format!("sent to {address}"))
}

/// One function per database only because sqlx has one pool type per database: the lines are the same.
macro_rules! shop {
    ($name:ident, $pool:ty) => {
        async fn $name(url: &str) -> anyhow::Result<Task> {
            let pool = <$pool>::connect(url).await?;
            let mission = Mission::from_pool(pool.clone()).await?;
            mission.migrate().await?;
            sqlx::query("create table if not exists shop_orders (item varchar(50))").execute(&pool).await?;
            let worker = mission.worker().start().await?;

            // A rolled-back transaction leaves no order and no mail.
            let mut tx = pool.begin().await?;
            sqlx::query("insert into shop_orders (item) values ('never')").execute(&mut *tx).await?;
            let never = mission.push_in(&mut tx, send_mail::task("never@example.org".to_owned())).await?;
            tx.rollback().await?;
            assert!(mission.get(never.unique_id()).await?.is_none());

            // Deadlocks inside your transaction are yours to retry, because only you can run the whole of it again.
            let pushed = loop {
                let mut tx = pool.begin().await?;
                sqlx::query("insert into shop_orders (item) values ('lamp')").execute(&mut *tx).await?;
                match mission.push_in(&mut tx, send_mail::task("ada@example.org".to_owned())).await {
                    Ok(pushed) => {
                        tx.commit().await?;
                        break pushed;
                    }
                    Err(error) if error.is_retryable() => tx.rollback().await?,
                    Err(error) => return Err(error.into()),
                }
            };
            // Workers see the task within a second by themselves; this one sees it at once.
            mission.wake();
            let task = pushed.wait().await?;
            worker.stop().await;
            Ok(task)
        }
    };
}

shop!(on_sqlite, sqlx::SqlitePool);
#[cfg(feature = "mysql")]
shop!(on_mysql, sqlx::MySqlPool);
#[cfg(feature = "postgres")]
shop!(on_postgres, sqlx::PgPool);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite://mission.db?mode=rwc".to_owned());
    let task = match url.split(':').next() {
        Some("sqlite") => on_sqlite(&url).await?,
        #[cfg(feature = "mysql")]
        Some("mysql") => on_mysql(&url).await?,
        #[cfg(feature = "postgres")]
        Some("postgres") => on_postgres(&url).await?,
        _ => anyhow::bail!("{url:?} is of a database this example was not built with"),
    };
    println!("{}: {}", task.state, task.content.unwrap_or_default());
    Ok(())
}

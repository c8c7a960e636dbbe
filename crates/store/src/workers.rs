//! The list of workers: their leases, their methods, and the heart that renews a lease.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mission_core::{Error, Timestamp, WorkerId, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::db::{Conn, Db, Dedicated, Dialect, Row, Statement};
use crate::retrying::retrying;

/// A worker that puts itself on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorker {
    /// What people call it: host and process number.
    pub name: String,
    /// The host's name.
    pub host: String,
    /// Machine, boot and pid namespace: within one of these a pid means one process.
    pub process: String,
    /// The process number.
    pub pid: i64,
    /// When that process started, so that a pid that was given again is told apart.
    pub pid_started: i64,
    /// How many tasks it runs at once.
    pub concurrency: i64,
    /// The types it serves; `None` for all.
    pub types: Option<Vec<String>>,
    /// The methods it has.
    pub methods: Vec<String>,
    /// How long its lease holds without renewal.
    pub lease: Duration,
    /// Where it hears hints that a task waits, if it does.
    pub hint_address: Option<String>,
}

/// A worker on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Its row.
    pub id: WorkerId,
    /// What people call it.
    pub name: String,
    /// The host's name.
    pub host: String,
    /// Machine, boot and pid namespace.
    #[serde(skip)]
    pub process: String,
    /// The process number.
    pub pid: i64,
    /// When that process started.
    #[serde(skip)]
    pub pid_started: i64,
    /// How many tasks it runs at once.
    pub concurrency: i64,
    /// The types it serves; `None` for all.
    pub types: Option<Vec<String>>,
    /// The methods it has published.
    pub methods: Vec<String>,
    /// The version of Mission in it.
    pub version: String,
    /// Whether it claims nothing any more.
    #[serde(rename = "leaving")]
    pub is_leaving: bool,
    /// Whether its lease holds.
    #[serde(rename = "live")]
    pub is_live: bool,
    /// When it started.
    pub started_date: Timestamp,
    /// When it last renewed its lease.
    pub seen_date: Timestamp,
    /// Until when its lease holds.
    pub lease_until: Timestamp,
}

impl Worker {
    /// Whether its lease was taken from it: it cannot renew, and what it still holds is to be settled.
    pub fn is_condemned(&self) -> bool {
        self.lease_until == Timestamp(0)
    }
}

/// What a look at the list of workers sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollCall {
    /// Those on the list, without their methods.
    pub workers: Vec<Worker>,
    /// Whether any task waits, due or not, that was not known; said for certain only where it is false.
    pub has_news: bool,
}

/// What a renewal found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The lease holds for another term.
    Renewed,
    /// The worker was taken off the list: its tasks are others' now.
    Lost,
}

static WORKERS: Statement = Statement::new("workers", include_str!("sql/workers.sql"));
static WORKER_METHODS: Statement = Statement::new("worker_methods", include_str!("sql/worker_methods.sql"));
static REGISTER: Statement = Statement::new("worker_register", include_str!("sql/worker_register.sql"))
    .postgres(include_str!("sql/worker_register.postgres.sql"));
static ROLL_CALL: Statement =
    Statement::new("roll_call", include_str!("sql/roll_call.sql")).mysql(include_str!("sql/roll_call.mysql.sql"));
static HINT_ADDRESSES: Statement = Statement::new("hint_addresses", include_str!("sql/hint_addresses.sql"));
static PUBLISH: Statement = Statement::new("worker_publish", include_str!("sql/worker_publish.sql"));
static UNPUBLISH: Statement = Statement::new("worker_unpublish", include_str!("sql/worker_unpublish.sql"));
static RENEW: Statement = Statement::new("worker_renew", include_str!("sql/worker_renew.sql"));
static LEAVING: Statement = Statement::new("worker_leaving", include_str!("sql/worker_leaving.sql"));
static REMOVE: Statement = Statement::new("worker_remove", include_str!("sql/worker_remove.sql"));

#[derive(Serialize)]
struct MethodRow<'m> {
    method: &'m str,
}

fn micros(span: Duration) -> i64 {
    // Added to the clock, so it must stay far from the end of an i64.
    i64::try_from(span.min(limits::SPAN_MAX).as_micros()).unwrap_or(i64::MAX)
}

impl Store {
    /// Puts a worker on the list with its first lease and its methods.
    pub async fn register(&self, worker: &NewWorker) -> Result<WorkerId, Error> {
        let types = worker.types.as_ref().map(|types| serde_json::Value::from(types.clone()).to_string());
        let names: BTreeSet<&String> = worker.methods.iter().collect();
        let methods: Vec<MethodRow<'_>> = names.into_iter().map(|method| MethodRow { method }).collect();
        let batch = Batches::one(&methods)?;
        retrying(|| async {
            let mut tx = self.db.begin().await?;
            let values = [
                ("name", (&worker.name).into()),
                ("host", (&worker.host).into()),
                ("process", (&worker.process).into()),
                ("pid", worker.pid.into()),
                ("pid_started", worker.pid_started.into()),
                ("concurrency", worker.concurrency.into()),
                ("types", types.as_deref().into()),
                ("version", env!("CARGO_PKG_VERSION").into()),
                ("lease_us", micros(worker.lease).into()),
                ("hint_address", worker.hint_address.as_deref().into()),
            ];
            let id = tx.conn().insert(&REGISTER, &values).await?;
            tx.conn().run(&PUBLISH, &[("worker_id", id.into()), ("batch", (&batch).into())]).await?;
            tx.commit().await?;
            Ok(WorkerId(id))
        })
        .await
    }

    /// Says that a worker claims nothing any more, so that nobody counts on it; or that it does again.
    pub async fn set_leaving(&self, worker: WorkerId, is_leaving: bool) -> Result<(), Error> {
        let values = [("worker_id", worker.0.into()), ("leaving", i64::from(is_leaving).into())];
        retrying(|| async { self.db.writer().await?.conn().run(&LEAVING, &values).await.map(|_| ()) }).await
    }

    /// Takes a worker that holds nothing any more off the list.
    pub async fn remove_worker(&self, worker: WorkerId) -> Result<(), Error> {
        let values = [("worker_id", worker.0.into())];
        retrying(|| async {
            let mut tx = self.db.begin().await?;
            tx.conn().run(&UNPUBLISH, &values).await?;
            tx.conn().run(&REMOVE, &values).await?;
            tx.commit().await
        })
        .await
    }

    /// The workers on the list without their methods, and whether any task waits: all that an idle worker looks at.
    pub async fn roll_call(&self) -> Result<RollCall, Error> {
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&ROLL_CALL, &[]).await?;
            let workers = rows.iter().map(worker).collect::<Result<_, _>>()?;
            // Without a worker there is no row to say it.
            let has_news = rows.first().map_or(Ok(1), |row| row.int("is_waiting"))? != 0;
            Ok(RollCall { workers, has_news })
        })
        .await
    }

    /// Where the workers that claim hear hints. One look without another try: who hints in vain has lost nothing.
    pub async fn hint_addresses(&self) -> Result<Vec<String>, Error> {
        let rows = self.db.reader().await?.conn().rows(&HINT_ADDRESSES, &[]).await?;
        rows.iter().map(|row| row.text("hint_address")).collect()
    }

    /// The address of this host that is turned towards the database's; the loopback one where that is a file.
    pub async fn address_towards(&self) -> IpAddr {
        self.db.address_towards().await.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// The workers on the list, dead ones that nobody has cleared away yet included.
    pub async fn workers(&self) -> Result<Vec<Worker>, Error> {
        retrying(|| async {
            let mut held = self.db.reader().await?;
            let mut conn = held.conn();
            let mut workers = conn.rows(&WORKERS, &[]).await?.iter().map(worker).collect::<Result<Vec<_>, _>>()?;
            if workers.is_empty() {
                return Ok(workers);
            }
            for row in conn.rows(&WORKER_METHODS, &[]).await? {
                let id = WorkerId(row.int("worker_id")?);
                if let Some(worker) = workers.iter_mut().find(|worker| worker.id == id) {
                    worker.methods.push(row.text("method")?);
                }
            }
            Ok(workers)
        })
        .await
    }
}

pub(crate) fn worker(row: &Row) -> Result<Worker, Error> {
    let types = row.text_or_null("types")?;
    let lease_until = row.int("lease_until")?;
    Ok(Worker {
        id: WorkerId(row.int("id")?),
        name: row.text("name")?,
        host: row.text("host")?,
        process: row.text("process")?,
        pid: row.int("pid")?,
        pid_started: row.int("pid_started")?,
        concurrency: row.int("concurrency")?,
        types: types.and_then(|json| serde_json::from_str(&json).ok()),
        methods: Vec::new(),
        version: row.text("version")?,
        is_leaving: row.int("leaving")? != 0,
        is_live: lease_until > row.int("now_us")?,
        started_date: Timestamp(row.int("started_date")?),
        seen_date: Timestamp(row.int("seen_date")?),
        lease_until: Timestamp(lease_until),
    })
}

/// A connection of its own that renews one worker's lease and does nothing else, so that nothing stands in its way.
pub struct Heart {
    db: Db,
    connection: Option<Dedicated>,
    worker: WorkerId,
    lease: Duration,
}

impl Store {
    /// A heart for a worker. It connects at its first beat.
    pub fn heart(&self, worker: WorkerId, lease: Duration) -> Heart {
        Heart { db: self.db.clone(), connection: None, worker, lease }
    }
}

impl Heart {
    /// Renews the lease once. After an error the next beat connects anew.
    pub async fn beat(&mut self) -> Result<Renewal, Error> {
        let beaten = self.try_beat().await;
        if beaten.is_err() {
            self.connection = None;
        }
        beaten
    }

    async fn try_beat(&mut self) -> Result<Renewal, Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.db.dedicated().await?),
        };
        let values = [("worker_id", self.worker.0.into()), ("lease_us", micros(self.lease).into())];
        let mut conn: Conn<'_> = connection.conn();
        let mut hit = conn.run(&RENEW, &values).await?;
        if hit == 0 && conn.dialect() == Dialect::MySql {
            // A node of a cluster may not have the worker yet, after a switch of nodes. A beat does not wait for that
            // unless it must: nothing is to stand in its way.
            conn.keep_in_step().await?;
            hit = conn.run(&RENEW, &values).await?;
        }
        Ok(if hit > 0 { Renewal::Renewed } else { Renewal::Lost })
    }
}

//! Claim: from the lines that have due tasks, the first tasks of one line, made ours in one short transaction.

use mission_core::{Chance, Error, ErrorKind, LeaseToken, Running, State, Task, Timestamp, UniqueId, WorkerId, limits};
use serde::Serialize;

use crate::Store;
use crate::batch::Batches;
use crate::cluster;
use crate::db::{Conn, Dialect, Kind, Row, Statement, Value};
use crate::lines::Line;
use crate::records::GET;
use crate::retrying::{retrying, retrying_conflicts};
use crate::rows;

/// What a claim may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How many tasks at the most.
    pub limit: usize,
    /// How many tasks of the type may run, over all workers: then claims of it go one after another, so that it is exact.
    pub running_limit: Option<i64>,
    /// What is done with tasks under which a process died.
    pub suspects: Suspects,
}

/// What a claim does with tasks under which a process died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspects {
    /// Takes them like others.
    Take,
    /// Leaves them to others: one of them runs here, and the next death is to name the culprit.
    Leave,
}

/// Which of a line's due tasks a claim takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Picking {
    /// The first ones: locks tell who was first.
    First,
    /// Neighbours among the first ones, on a cluster.
    Anywhere,
    /// The first ones, unless something is set for their type.
    Ahead,
}

/// Blocks of a window that one claim looks into at the most.
const BLOCKS_TRIED: usize = 3;

impl Terms {
    /// So many, whatever they are.
    pub const fn up_to(limit: usize) -> Self {
        Self { limit, running_limit: None, suspects: Suspects::Take }
    }

    /// The limit as the database takes it.
    pub(crate) fn limit(self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }
}

/// A task this worker may run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The row as it stands after the claim.
    pub task: Task,
    /// The same as the rules need it.
    pub running: Running,
}

/// Its text on SQLite, which may stand behind that of a settlement.
macro_rules! claim_text {
    () => {
        include_str!("sql/claim.sqlite.sql")
    };
}
#[cfg(feature = "sqlite")]
pub(crate) use claim_text;

static CLAIM: Statement = claim("claim");
static AHEAD: Statement = claim("claim_ahead").with("ahead");
static UNUSUAL: Statement = Statement::new("claim_unusual", include_str!("sql/claim_unusual.sqlite.sql"))
    .mysql(include_str!("sql/claim_unusual.mysql.sql"));
static MARK: Statement = Statement::new("claim_mark", include_str!("sql/claim_mark.mysql.sql"));
static WINDOW: Statement = Statement::new("claim_window", include_str!("sql/claim_window.mysql.sql"));
static BLOCK: Statement = Statement::new("claim_block", include_str!("sql/claim_block.mysql.sql"));
static CLAIM_ONE: Statement = Statement::new("claim_one", include_str!("sql/claim_one.sql"));
static TYPE_LOCK: Statement =
    Statement::new("type_lock", include_str!("sql/type_lock.sql")).sqlite(include_str!("sql/type_lock.sqlite.sql"));
static TYPE_LOCK_CLUSTER: Statement =
    Statement::new("type_lock_cluster", include_str!("sql/type_lock_cluster.mysql.sql"));
static TYPE_RUNNING: Statement = Statement::new("type_running", include_str!("sql/type_running.sql"))
    .mysql(include_str!("sql/type_running.mysql.sql"));
static EXECUTING: Statement = Statement::new("executing_of_worker", include_str!("sql/executing_of_worker.sql"))
    .mysql(include_str!("sql/executing_of_worker.mysql.sql"));

/// The claim from a line, under the name of its use.
const fn claim(name: &'static str) -> Statement {
    Statement::new(name, include_str!("sql/claim.postgres.sql"))
        .sqlite(claim_text!())
        .mysql(include_str!("sql/claim.mysql.sql"))
}

#[derive(Serialize)]
struct IdRow {
    id: i64,
}

impl Claimed {
    pub(crate) fn of(mut task: Task, worker: WorkerId) -> Self {
        task.state = State::Executing;
        task.worker_id = Some(worker);
        let running = Running {
            lease: mission_core::Lease { id: task.id, token: task.lease_token },
            counts: task.counts,
            retries: task.retries,
            last_reason: task.reason,
            cancel_requested: task.cancel_requested,
        };
        Self { task, running }
    }
}

impl Store {
    /// Claims up to `limit` due tasks of a line, in the order of due time, then of pushing.
    ///
    /// # Errors
    /// After a broken connection the claim may have been committed: ask [`executing`](Self::executing) before going on.
    pub async fn claim(&self, line: &Line, worker: WorkerId, limit: usize) -> Result<Vec<Claimed>, Error> {
        self.claim_by(line, worker, Terms::up_to(limit)).await
    }

    /// The same for a type with a running limit: claims of that type go one after another, so that it is exact.
    pub async fn claim_limited(
        &self,
        line: &Line,
        worker: WorkerId,
        limit: usize,
        running_limit: i64,
    ) -> Result<Vec<Claimed>, Error> {
        self.claim_by(line, worker, Terms { running_limit: Some(running_limit), ..Terms::up_to(limit) }).await
    }

    /// The same on these terms.
    pub async fn claim_by(&self, line: &Line, worker: WorkerId, terms: Terms) -> Result<Vec<Claimed>, Error> {
        let picking = if self.is_cluster().await? { Picking::Anywhere } else { Picking::First };
        self.claim_so(line, worker, terms, picking).await
    }

    /// Claims the first due task of a line that need not have been read just now: nothing is taken from a type that is paused or has
    /// a running limit by now. For a worker at rest that is called; whether another line comes first is left to its next look.
    ///
    /// # Errors
    /// As of [`claim`](Self::claim).
    pub async fn claim_ahead(
        &self,
        line: &Line,
        worker: WorkerId,
        suspects: Suspects,
    ) -> Result<Option<Claimed>, Error> {
        let terms = Terms { suspects, ..Terms::up_to(1) };
        Ok(self.claim_so(line, worker, terms, Picking::Ahead).await?.pop())
    }

    async fn claim_so(
        &self,
        line: &Line,
        worker: WorkerId,
        terms: Terms,
        picking: Picking,
    ) -> Result<Vec<Claimed>, Error> {
        let limit = terms.limit();
        let mut claimed = retrying_conflicts(|| async {
            // One statement is a transaction of its own where the dialect can do it in one.
            if terms.running_limit.is_none() && self.db.kind().dialect() != Dialect::MySql {
                let mut held = self.db.writer_before_disk().await?;
                let rows = rows_on(&mut held.conn(), line, worker, limit, terms.suspects, picking).await?;
                // Others write while these are looked at.
                drop(held);
                // A method need not wait for the disk to know of its begin.
                self.db.keep_soon();
                return self.claimed_of(&rows, line, worker).await;
            }
            let mut tx = self.db.begin().await?;
            let room = match terms.running_limit {
                Some(_) => limit.min(room_of_type(&mut tx.conn(), &line.task_type, picking).await?),
                None => limit,
            };
            let rows = match room {
                1.. => rows_on(&mut tx.conn(), line, worker, room, terms.suspects, picking).await?,
                _ => Vec::new(),
            };
            if self.db.kind().dialect() != Dialect::MySql {
                tx.commit().await?;
                return self.claimed_of(&rows, line, worker).await;
            }
            let (mut tasks, unusual) = self.usual_of(&rows, line)?;
            if !unusual.is_empty() {
                tasks.extend(unusual_on(&mut tx.conn(), &unusual, worker).await?);
            }
            if let Some(row) = rows.first() {
                mark(&mut tx.conn(), &mut tasks, worker, row.int("now_us")?).await?;
            }
            tx.commit().await?;
            Ok(tasks.into_iter().map(|task| Claimed::of(task, worker)).collect::<Vec<_>>())
        })
        .await?;
        claimed.sort_by_key(|claimed| (claimed.task.run_at, claimed.task.id));
        Ok(claimed)
    }

    /// Claims one waiting task by its id, due or not; `None` if it does not wait.
    pub async fn claim_one(&self, unique_id: &UniqueId, worker: WorkerId) -> Result<Option<Claimed>, Error> {
        let id = [("unique_id", unique_id.as_str().into()), ("worker_id", worker.0.into())];
        retrying_conflicts(|| async {
            let mut tx = self.db.begin().await?;
            let hit = tx.conn().run(&CLAIM_ONE, &id).await?;
            let row = if hit == 1 { tx.conn().row(&GET, &id[..1]).await? } else { None };
            tx.commit().await?;
            row.map(|row| Ok(Claimed::of(rows::task(&row)?, worker))).transpose()
        })
        .await
    }

    /// What the rows of a committed claim tell; a task that has more than they say is read by itself, and one that is ours no more is left out.
    pub(crate) async fn claimed_of(&self, rows: &[Row], line: &Line, worker: WorkerId) -> Result<Vec<Claimed>, Error> {
        let (mut tasks, unusual) = self.usual_of(rows, line).map_err(unread)?;
        if !unusual.is_empty() {
            // By the one that writes: long reads keep the others.
            let read = async { unusual_on(&mut self.db.writer().await?.conn(), &unusual, worker).await };
            tasks.extend(read.await.map_err(unread)?);
        }
        Ok(tasks.into_iter().map(|task| Claimed::of(task, worker)).collect())
    }

    /// What the rows of a claim tell, and the ids of those of which more is to be read. PostgreSQL's answers all else beside the usual columns, since
    /// what is null costs next to nothing there; the others' answer those alone.
    fn usual_of(&self, rows: &[Row], line: &Line) -> Result<(Vec<Task>, Vec<IdRow>), Error> {
        let (mut tasks, mut unusual) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            let mut task = rows::claimed_task(row, line)?;
            if row.int("is_usual")? != 0 {
                tasks.push(task);
            } else if self.kind() == Kind::Postgres {
                rows::put_unusual(&mut task, row)?;
                tasks.push(task);
            } else {
                unusual.push(IdRow { id: task.id });
            }
        }
        Ok((tasks, unusual))
    }

    /// The tasks a worker holds: after a claim of unknown outcome, or when it died.
    pub async fn executing(&self, worker: WorkerId) -> Result<Vec<Claimed>, Error> {
        let values = [("worker_id", worker.0.into()), ("limit", limits::LINES_MAX.into())];
        retrying(|| async {
            let rows = self.db.reader().await?.conn().rows(&EXECUTING, &values).await?;
            let mut held =
                rows.iter().map(|row| Ok(Claimed::of(rows::task(row)?, worker))).collect::<Result<Vec<_>, Error>>()?;
            held.sort_by_key(|claimed| claimed.task.id);
            Ok(held)
        })
        .await
    }
}

/// The parameters of a claim.
pub(crate) fn wanted(line: &Line, worker: WorkerId, limit: i64, suspects: Suspects) -> [(&'static str, Value<'_>); 8] {
    let crashes_max = match suspects {
        Suspects::Take => i64::MAX,
        Suspects::Leave => 0,
    };
    [
        ("method", line.method.as_str().into()),
        ("type", line.task_type.as_str().into()),
        ("priority", line.priority.into()),
        ("lane", line.lane.into()),
        ("head", line.head.0.into()),
        ("crashes_max", crashes_max.into()),
        ("limit", limit.into()),
        ("worker_id", worker.0.into()),
    ]
}

async fn rows_on(
    conn: &mut Conn<'_>,
    line: &Line,
    worker: WorkerId,
    limit: i64,
    suspects: Suspects,
    picking: Picking,
) -> Result<Vec<Row>, Error> {
    let values = wanted(line, worker, limit, suspects);
    match picking {
        Picking::First => conn.rows(&CLAIM, &values).await,
        Picking::Ahead => conn.rows(&AHEAD, &values).await,
        Picking::Anywhere => pick_anywhere(conn, &values, usize::try_from(limit).unwrap_or(usize::MAX)).await,
    }
}

/// All there is to know of tasks that a claim has picked.
async fn unusual_on(conn: &mut Conn<'_>, unusual: &[IdRow], worker: WorkerId) -> Result<Vec<Task>, Error> {
    let batch = Batches::one(unusual)?;
    let wanted = [("batch", (&batch).into()), ("worker_id", worker.0.into())];
    conn.rows(&UNUSUAL, &wanted).await?.iter().map(rows::task).collect()
}

/// They are claimed already: a second claim would not bring them back, but a look at what this worker holds does.
pub(crate) fn unread(fault: Error) -> Error {
    Error::new(ErrorKind::Unreachable, format!("what was written cannot be read: {fault}")).with_source(fault)
}

/// On a cluster each node has locks of its own, and of two that claim one task the later is refused when it commits:
/// so each begins somewhere among the first tasks. What another connection to this node holds is made up for.
async fn pick_anywhere(
    conn: &mut Conn<'_>,
    values: &[(&'static str, Value<'_>)],
    limit: usize,
) -> Result<Vec<Row>, Error> {
    let room = i64::try_from(cluster::window(limit)).unwrap_or(i64::MAX);
    let wider: Vec<_> =
        values.iter().map(|(name, value)| (*name, if *name == "limit" { room.into() } else { *value })).collect();
    let rows = conn.rows(&WINDOW, &wider).await?;
    let mut window = rows.iter().map(|row| row.int("id").map(|id| IdRow { id })).collect::<Result<Vec<_>, _>>()?;
    cluster::begin_anywhere(&mut window, limit, Chance::random());
    let mut picked = Vec::new();
    for block in window.chunks(limit.max(1)).take(BLOCKS_TRIED) {
        let batch = Batches::one(&block[..block.len().min(limit - picked.len())])?;
        let wanted = [values, &[("batch", (&batch).into())]].concat();
        picked.extend(conn.rows(&BLOCK, &wanted).await?);
        if picked.len() >= limit {
            break;
        }
    }
    Ok(picked)
}

/// MySQL cannot return what an update writes: the rows were read, locked, and are marked in the same transaction.
async fn mark(conn: &mut Conn<'_>, tasks: &mut [Task], worker: WorkerId, now_us: i64) -> Result<(), Error> {
    let ids: Vec<IdRow> = tasks.iter().map(|task| IdRow { id: task.id }).collect();
    let batch = Batches::one(&ids)?;
    conn.run(&MARK, &[("batch", (&batch).into()), ("worker_id", worker.0.into()), ("now_us", now_us.into())]).await?;
    for task in tasks {
        task.lease_token = LeaseToken(task.lease_token.0 + 1);
        task.counts.attempt += 1;
        task.cancel_requested = false;
        if task.checkpoint.is_none() {
            task.progress = None;
            task.active_ms = 0;
        }
        task.content = None;
        task.content_cut = false;
        task.modified_date = Timestamp(now_us);
    }
    Ok(())
}

async fn room_of_type(conn: &mut Conn<'_>, task_type: &str, picking: Picking) -> Result<i64, Error> {
    let values = [("type", task_type.into())];
    if picking == Picking::Anywhere {
        conn.run(&TYPE_LOCK_CLUSTER, &values).await?;
    }
    let Some(rule) = conn.row(&TYPE_LOCK, &values).await? else { return Ok(i64::MAX) };
    let Some(limit) = rule.int_or_null("running_limit")? else { return Ok(i64::MAX) };
    let running = conn.row(&TYPE_RUNNING, &values).await?.map_or(Ok(0), |row| row.int("running"))?;
    Ok(limit - running)
}

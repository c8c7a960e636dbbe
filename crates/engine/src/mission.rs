//! The handle: how it is opened, and what is read through it.

use std::fmt;
use std::sync::Arc;

use mission_core::{Error, ErrorKind, Filter, Result, Task, UniqueId};
use mission_store::{Bounded, Found, Kind, OnMissing, Page, SchemaStatus, Store, WhenSeen, Worker};
use mission_worker::{Hints, Wake, is_known_gone};

use crate::detached::detached;
use crate::pool::IntoStore;
use crate::testing::Inline;
use crate::worker::WorkerBuilder;

/// The handle of a database with tasks. Cheap to clone; all clones share connections and wake each other's workers.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mission_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}/mission.db", folder.path().display());
/// # use mission_core::{Filter, NewTask};
/// # use mission_engine::Mission;
///
/// let mission = Mission::open(&url).await?;
/// let task = mission.push(NewTask::new("export").creator("alice")).await?;
/// assert_eq!(mission.get(task.unique_id()).await?.unwrap().creator.as_deref(), Some("alice"));
/// assert_eq!(mission.records(&Filter::all(), 10).await?.len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// Its connections belong to the runtime that opened them: use a handle on one runtime that goes on running. On another one, open
/// another handle; where the first is kept without running, calls through the same handle wait for it and fail.
#[derive(Clone)]
pub struct Mission {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) wake: Wake,
    pub(crate) hints: Hints,
    /// Wakes the workers of this process and a few others.
    pub(crate) when_seen: WhenSeen,
    /// Set by [`crate::testing`]: what is pushed runs at once.
    pub(crate) inline: Option<Inline>,
}

impl Mission {
    /// Opens a database by its URL: `sqlite://FILE` (made if it is not there), `mysql://…`, `mariadb://…` or `postgres://…`.
    ///
    /// # Errors
    /// The URL is wrong ([`Error::is_invalid`]), or the SQLite file cannot be opened. A server is met at the first call.
    pub async fn open(url: impl AsRef<str>) -> Result<Self> {
        Self::open_with(url, OnMissing::Create).await
    }

    /// The same, but never makes a database: for tools that only read.
    ///
    /// # Errors
    /// Also where the SQLite file is not there ([`Error::is_not_found`]).
    pub async fn open_existing(url: impl AsRef<str>) -> Result<Self> {
        Self::open_with(url, OnMissing::Refuse).await
    }

    async fn open_with(url: impl AsRef<str>, on_missing: OnMissing) -> Result<Self> {
        let url = url.as_ref().to_owned();
        Ok(Self::over(detached(async move { Store::open(&url, on_missing).await }).await?, None))
    }

    /// Opens connections of its own to the database of your pool of sqlx 0.9.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn from_pool(pool: impl IntoStore) -> Result<Self> {
        Ok(Self::over(detached(pool.into_store()).await?, None))
    }

    pub(crate) fn over(store: Store, inline: Option<Inline>) -> Self {
        let wake = Wake::new();
        let hints = Hints::new(store.clone(), wake.clone());
        let (own, others) = (wake.clone(), hints.clone());
        let when_seen: WhenSeen = Arc::new(move || {
            own.wake();
            others.send();
        });
        Self { inner: Arc::new(Inner { store, wake, hints, when_seen, inline }) }
    }

    /// Which database it is.
    pub fn database_kind(&self) -> Kind {
        self.inner.store.kind()
    }

    /// One task by its id; `None` if there is none.
    pub async fn get(&self, unique_id: impl AsRef<str>) -> Result<Option<Task>> {
        let id = UniqueId::parse(unique_id.as_ref())?;
        let store = self.store();
        detached(async move { store.get(&id).await }).await
    }

    /// The one task whose id is, or begins with, what somebody typed.
    ///
    /// # Errors
    /// None begins so ([`Error::is_not_found`]), or several do ([`Error::is_ambiguous`]).
    pub async fn find(&self, prefix: impl AsRef<str>) -> Result<Task> {
        let prefix = UniqueId::parse(prefix.as_ref())?;
        let store = self.store();
        detached(async move {
            match store.find(&prefix).await? {
                Found::One(task) => Ok(task),
                Found::None => Err(no_task(&prefix)),
                Found::Several(one, other) => Err(Error::new(
                    ErrorKind::Ambiguous,
                    format!("several tasks begin with {prefix}, such as {one} and {other}: give more letters"),
                )),
            }
        })
        .await
    }

    /// The newest tasks that fit a filter, newest first.
    pub async fn records(&self, filter: &Filter, limit: usize) -> Result<Vec<Task>> {
        Ok(self.page(filter, limit, None).await?.tasks)
    }

    /// A page of the tasks that fit a filter, newest first; `before` is the `next` of the page before.
    pub async fn page(&self, filter: &Filter, limit: usize, before: Option<i64>) -> Result<Page> {
        let (store, filter) = (self.store(), filter.clone());
        detached(async move { store.list(&filter, limit, before).await }).await
    }

    /// How many tasks are in each state, counted no further than 10,000.
    pub async fn counts(&self) -> Result<Vec<(mission_core::State, Bounded)>> {
        let store = self.store();
        detached(async move { store.counts().await }).await
    }

    /// The workers on the list. One whose process on this host is known to be gone does not live, whatever its lease says.
    pub async fn workers(&self) -> Result<Vec<Worker>> {
        let store = self.store();
        let mut workers = detached(async move { store.workers().await }).await?;
        workers.iter_mut().for_each(|worker| worker.is_live &= !is_known_gone(worker));
        Ok(workers)
    }

    /// The methods that live workers have published, with how many workers have each.
    pub async fn methods(&self) -> Result<Vec<(String, i64)>> {
        let store = self.store();
        detached(async move { store.methods().await }).await
    }

    /// Connects once, to say at once what stands in the way; other calls wait about ten seconds for a server that is away.
    ///
    /// # Errors
    /// The server does not answer ([`Error::is_unreachable`]), or refuses user, password or database.
    pub async fn ping(&self) -> Result<()> {
        let store = self.store();
        detached(async move { store.ping().await }).await
    }

    /// How the tables stand to this program; changes nothing.
    pub async fn schema(&self) -> Result<SchemaStatus> {
        let store = self.store();
        detached(async move { store.schema().await }).await
    }

    /// Makes the tables, or brings them up to date. SQLite does it by itself; servers want it said.
    pub async fn migrate(&self) -> Result<i64> {
        let store = self.store();
        detached(async move { store.migrate().await }).await
    }

    /// A worker in this process, to be told its methods and state and then started.
    pub fn worker(&self) -> WorkerBuilder {
        WorkerBuilder::new(self.clone())
    }

    /// Closes all connections. Stop workers first.
    pub async fn close(&self) {
        self.inner.hints.sent().await;
        self.inner.store.close().await;
    }

    pub(crate) fn store(&self) -> Store {
        self.inner.store.clone()
    }
}

pub(crate) fn no_task(id: &UniqueId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no task {id}"))
}

impl fmt::Debug for Mission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mission on {}", self.inner.store.kind())
    }
}

//! Hints to the workers of other processes that a task waits: sent once it is committed, never waited for, never needed.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mission_store::Store;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::Wake;
use crate::ear::EarAddress;
use crate::limits;

/// Sends hints. Clones share what they know; none is sent by a process outside an asynchronous runtime.
#[derive(Debug, Clone)]
pub struct Hints {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    /// Whose workers need no hint.
    wake: Wake,
    state: Mutex<State>,
    /// Whether all that was to be sent is sent.
    is_quiet: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    is_sending: bool,
    /// Whether something came since the last hint.
    is_due: bool,
    known: Vec<EarAddress>,
    read_at: Option<Instant>,
}

impl Hints {
    /// Hints to the workers on the list of a database; those that `wake` reaches are left out.
    pub fn new(store: Store, wake: Wake) -> Self {
        let is_quiet = watch::Sender::new(true);
        Self { inner: Arc::new(Inner { store, wake, state: Mutex::default(), is_quiet }) }
    }

    /// Has a few workers look for tasks now. Returns at once; many calls within a moment make one hint.
    pub fn send(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        {
            let mut state = self.inner.state();
            state.is_due = true;
            if std::mem::replace(&mut state.is_sending, true) {
                return;
            }
            self.inner.is_quiet.send_replace(false);
        }
        let mut sending = Sending { inner: Arc::clone(&self.inner), is_done: false };
        runtime.spawn(async move { sending.run().await });
    }

    /// Waits until what was to be sent is sent, but not long: before the end of a process that only pushes.
    pub async fn sent(&self) {
        let mut is_quiet = self.inner.is_quiet.subscribe();
        let quiet = is_quiet.wait_for(|is_quiet| *is_quiet);
        // A hint that comes too late is none.
        let _ = tokio::time::timeout(limits::HINT_PATIENCE, quiet).await;
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody sends any more. Said under the lock, so that a call that comes now is not taken for one that was served.
    fn rest(&self, state: &mut State) {
        state.is_sending = false;
        self.is_quiet.send_replace(true);
    }

    /// To the workers that are known, and where these may have changed to those that are new.
    async fn hint(&self) {
        let (known, age) = {
            let state = self.state();
            (state.known.clone(), state.read_at.map_or(Duration::MAX, |at| at.elapsed()))
        };
        if age < limits::EARS_AGE_MAX {
            send_to_some(&known);
        }
        if age < limits::EARS_FRESH {
            return;
        }
        let listed = self.store.hint_addresses().await.unwrap_or_default();
        let mut ears: Vec<EarAddress> = listed.iter().filter_map(|address| EarAddress::parse(address)).collect();
        ears.retain(|ear| !self.wake.has_ear(&ear.secret));
        let is_known = |ear: &EarAddress| age < limits::EARS_AGE_MAX && known.contains(ear);
        let new: Vec<EarAddress> = ears.iter().filter(|ear| !is_known(ear)).cloned().collect();
        send_to_some(&new);
        let mut state = self.state();
        (state.known, state.read_at) = (ears, Some(Instant::now()));
    }
}

/// The one who sends now.
struct Sending {
    inner: Arc<Inner>,
    is_done: bool,
}

impl Sending {
    async fn run(&mut self) {
        while self.is_due() {
            self.inner.hint().await;
            tokio::time::sleep(limits::HINT_EVERY).await;
        }
    }

    /// Whether there is something to send; if not, the next call begins anew.
    fn is_due(&mut self) -> bool {
        let mut state = self.inner.state();
        self.is_done = !std::mem::take(&mut state.is_due);
        if self.is_done {
            self.inner.rest(&mut state);
        }
        !self.is_done
    }
}

/// A runtime that ends in the middle leaves the rest to the next call.
impl Drop for Sending {
    fn drop(&mut self) {
        if !self.is_done {
            self.inner.rest(&mut self.inner.state());
        }
    }
}

/// A few, since one may be busy or gone, and all of them at once would look in vain.
fn send_to_some(ears: &[EarAddress]) {
    // By whose clock does not matter: it only picks.
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    for ear in hinted(ears.len(), second).filter_map(|place| ears.get(place)) {
        // Whatever becomes of it, the worker looks by itself before long.
        if let Err(fault) = send_to(ear) {
            tracing::debug!(%fault, address = %ear.at, "a hint was not sent");
        }
    }
}

/// Which of so many are hinted in this second. All who push pick alike, so that a few workers claim much at a time and others do not
/// stand in their way; the next second it is the turn of others.
fn hinted(count: usize, second: u64) -> impl Iterator<Item = usize> {
    let count = count as u64;
    let first = second.checked_rem(count).unwrap_or(0);
    // proof: each is below `count`, which was a `usize`.
    (0..count.min(limits::HINTED_MAX)).map(move |step| ((first + step) % count) as usize)
}

fn send_to(ear: &EarAddress) -> std::io::Result<()> {
    let from: SocketAddr = match ear.at {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(from)?;
    socket.set_nonblocking(true)?;
    socket.send_to(ear.secret.as_bytes(), ear.at).map(drop)
}

#[cfg(test)]
mod tests {
    use mission_testkit::{Database, Kind, eventually, on};

    use super::*;
    use crate::{Method, Registry, States, Worker, WorkerSettings};

    /// A worker that hears hints, and its own wake-up.
    async fn worker(db: &Database) -> (Store, Wake, crate::WorkerHandle) {
        let store = Store::open(db.url(), mission_store::OnMissing::Create).await.unwrap();
        let wake = Wake::new();
        let method = Method::from_fn("export", |_, (): ()| async { Ok::<_, String>(String::new()) });
        let registry = Registry::collect([method]).unwrap();
        let worker = Worker::new(store.clone(), registry, States::new(), wake.clone(), WorkerSettings::default());
        (store, wake, worker.start().await.unwrap())
    }

    #[test]
    fn a_hint_rouses_the_worker_of_another_process() {
        on(Kind::Sqlite, async |db: Database| {
            let (store, wake, handle) = worker(&db).await;
            let calls = wake.listen();
            let hints = Hints::new(store.clone(), Wake::new());
            hints.send();
            hints.sent().await;
            assert!(!hints.inner.state().is_sending, "all is sent");
            eventually("it is roused", async || *calls.borrow() == 1).await;
            handle.stop().await;
            assert_eq!(store.hint_addresses().await.unwrap(), Vec::<String>::new());
        });
    }

    #[test]
    fn a_worker_that_the_push_wakes_itself_gets_no_hint() {
        on(Kind::Sqlite, async |db: Database| {
            let (store, wake, handle) = worker(&db).await;
            eventually("it has its ear", async || wake.ears_count() == 1).await;
            let hints = Hints::new(store, wake);
            hints.send();
            hints.sent().await;
            assert_eq!(hints.inner.state().known, []);
            handle.stop().await;
        });
    }

    #[test]
    fn all_who_push_within_a_second_pick_alike_and_each_worker_has_its_turn() {
        let picked = |count, second| hinted(count, second).collect::<Vec<_>>();
        assert_eq!((picked(8, 5), picked(8, 6), picked(8, 7)), (vec![5, 6, 7], vec![6, 7, 0], vec![7, 0, 1]));
        assert_eq!((picked(0, 5), picked(1, 5), picked(2, 5)), (vec![], vec![0], vec![1, 0]));
        for count in 1..20 {
            let mut turns = vec![0; count];
            (0..count as u64).flat_map(|second| picked(count, second)).for_each(|place| turns[place] += 1);
            assert!(turns.iter().all(|turns| *turns == count.min(3)), "{count}: {turns:?}");
        }
    }

    #[test]
    fn outside_a_runtime_nothing_is_sent_and_nothing_breaks() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = mission_testkit::folder();
        let url = format!("sqlite://{}/mission.db", folder.path().display());
        let store = runtime.block_on(Store::open(&url, mission_store::OnMissing::Create)).unwrap();
        let hints = Hints::new(store, Wake::new());
        hints.send();
        assert!(!hints.inner.state().is_sending && *hints.inner.is_quiet.borrow());
    }
}

//! Hints to the workers of other processes that a task waits: sent once it is committed, never waited for, never needed.

use std::io;
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
    /// What came since the last hint.
    wanted: Wanted,
    /// All on the list, in its order.
    known: Vec<EarAddress>,
    read_at: Option<Instant>,
    /// From which the last hint went, and to whom: mostly the next one goes there, too.
    last: Option<(SocketAddr, Arc<UdpSocket>)>,
}

/// What is to be sent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Wanted {
    /// A hint that a task was pushed.
    is_push: bool,
    /// One that a worker passes on.
    passed: Option<Passed>,
}

/// A hint that came to the worker with this address after so many hops.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Passed {
    from: String,
    hops: u8,
}

/// A hint that was sent, and the socket that will be told if nobody is there.
struct Sent {
    wanted: Wanted,
    ear: EarAddress,
    socket: io::Result<Arc<UdpSocket>>,
}

impl Hints {
    /// Hints to the workers on the list of a database; those that `wake` reaches are left out.
    pub fn new(store: Store, wake: Wake) -> Self {
        let is_quiet = watch::Sender::new(true);
        Self { inner: Arc::new(Inner { store, wake, state: Mutex::default(), is_quiet }) }
    }

    /// Has a worker look for tasks now, which passes the hint on if it cannot serve it. Returns at once; many calls within a moment make
    /// one hint.
    pub fn send(&self) {
        self.want(Wanted { is_push: true, passed: None });
    }

    /// Has the worker look that follows on the list the one with this address, to which the hint came after so many hops. Returns at once.
    pub(crate) fn pass_on(&self, from: &str, hops: u8) {
        if hops < limits::HOPS_MAX {
            self.want(Wanted { is_push: false, passed: Some(Passed { from: from.to_owned(), hops }) });
        }
    }

    fn want(&self, wanted: Wanted) {
        let Ok(runtime) = Handle::try_current() else { return };
        {
            let mut state = self.inner.state();
            state.wanted = std::mem::take(&mut state.wanted).and(wanted);
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

impl Wanted {
    fn and(self, other: Self) -> Self {
        let passed = match (self.passed, other.passed) {
            (Some(one), Some(another)) => Some(if one.hops <= another.hops { one } else { another }),
            (one, another) => one.or(another),
        };
        Self { is_push: self.is_push || other.is_push, passed }
    }
}

impl State {
    /// To whom what is wanted goes now, and after how many hops; those of this process need none.
    fn chosen(&self, wanted: &Wanted, is_own: impl Fn(&EarAddress) -> bool) -> Vec<(Wanted, EarAddress, u8)> {
        let others: Vec<&EarAddress> = self.known.iter().filter(|ear| !is_own(ear)).collect();
        let Some(count) = std::num::NonZeroUsize::new(others.len()) else { return Vec::new() };
        let mut chosen = Vec::new();
        if wanted.is_push {
            chosen.push((Wanted { is_push: true, passed: None }, hinted(count, term()), 0));
        }
        if let Some(passed) = wanted.passed.clone().filter(|passed| usize::from(passed.hops) < others.len()) {
            let before = self.known.iter().take_while(|ear| ear.to_string() != passed.from).filter(|ear| !is_own(ear));
            let (place, hops) = (before.count() % count, passed.hops + 1);
            chosen.push((Wanted { is_push: false, passed: Some(passed) }, place, hops));
        }
        // proof: each place is the rest of a division by the number of others.
        chosen.into_iter().map(|(wanted, place, hops)| (wanted, others[place].clone(), hops)).collect()
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

    /// To one of the workers that are known, and where the list has changed to the one that is chosen by it.
    async fn hint(&self, wanted: &Wanted) -> Vec<Sent> {
        let is_own = |ear: &EarAddress| self.wake.has_ear(&ear.secret);
        let (chosen, age) = {
            let state = self.state();
            let age = state.read_at.map_or(Duration::MAX, |at| at.elapsed());
            (if age < limits::EARS_AGE_MAX { state.chosen(wanted, is_own) } else { Vec::new() }, age)
        };
        let mut sent: Vec<Sent> = chosen.into_iter().map(|chosen| self.send(chosen)).collect();
        if age < limits::EARS_FRESH {
            return sent;
        }
        let listed = self.store.hint_addresses().await;
        let chosen = {
            let mut state = self.state();
            // Where it cannot be read, those who are known are as good as any, and it is not asked for more often.
            state.read_at = Some(Instant::now());
            if let Ok(listed) = listed {
                state.known = listed.iter().filter_map(|address| EarAddress::parse(address)).collect();
            }
            state.chosen(wanted, is_own)
        };
        let is_sent = |ear: &EarAddress| sent.iter().any(|sent| sent.ear == *ear);
        let changed: Vec<_> = chosen.into_iter().filter(|(_, ear, _)| !is_sent(ear)).collect();
        sent.extend(changed.into_iter().map(|chosen| self.send(chosen)));
        sent
    }

    /// Whatever becomes of it, the worker looks by itself before long.
    fn send(&self, (wanted, ear, hops): (Wanted, EarAddress, u8)) -> Sent {
        let hint = ear.hint(hops);
        let last = self.state().last.take().filter(|(at, _)| *at == ear.at);
        // One that fails may have been told of an earlier hint, or have lost its way.
        let again = last.filter(|(_, socket)| socket.send(hint.as_bytes()).is_ok());
        let socket = again.map_or_else(|| sent_anew(ear.at, &hint), |(_, socket)| Ok(socket));
        self.state().last = socket.as_ref().ok().map(|socket| (ear.at, Arc::clone(socket)));
        Sent { wanted, ear, socket }
    }

    /// A worker that is not there any more leaves its hint to another one.
    fn replace_gone(&self, sent: Vec<Sent>) {
        for Sent { wanted, ear, socket } in sent {
            if let Err(fault) = socket.and_then(|socket| socket.take_error()?.map_or(Ok(()), Err)) {
                tracing::debug!(%fault, address = %ear.at, "a hint was not heard");
                let mut state = self.state();
                if let Some(place) = state.known.iter().position(|one| *one == ear) {
                    state.known.remove(place);
                    state.wanted = std::mem::take(&mut state.wanted).and(wanted);
                }
            }
        }
    }
}

/// The one who sends now.
struct Sending {
    inner: Arc<Inner>,
    is_done: bool,
}

impl Sending {
    async fn run(&mut self) {
        while let Some(wanted) = self.wanted() {
            let sent = self.inner.hint(&wanted).await;
            tokio::time::sleep(limits::HINT_EVERY).await;
            self.inner.replace_gone(sent);
        }
    }

    /// What is to be sent; if nothing, the next call begins anew.
    fn wanted(&mut self) -> Option<Wanted> {
        let mut state = self.inner.state();
        let wanted = std::mem::take(&mut state.wanted);
        self.is_done = wanted == Wanted::default();
        if self.is_done {
            self.inner.rest(&mut state);
        }
        (!self.is_done).then_some(wanted)
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

/// The number of the span of time in which all hint the same worker. By whose clock does not matter: it only picks.
fn term() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / limits::HINTED_FOR.as_secs()
}

/// Which of so many is hinted in this term. All who push pick alike, so that few workers claim much at a time and others do not stand in
/// their way; in the next term it is another's turn.
fn hinted(count: std::num::NonZeroUsize, term: u64) -> usize {
    // proof: what is left of a division by a `usize` is one.
    (term % count.get() as u64) as usize
}

fn sent_anew(to: SocketAddr, hint: &str) -> io::Result<Arc<UdpSocket>> {
    let from: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(from)?;
    socket.set_nonblocking(true)?;
    // Connected, it hears that nobody is there.
    socket.connect(to)?;
    socket.send(hint.as_bytes())?;
    Ok(Arc::new(socket))
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
    fn a_hint_to_a_worker_that_is_gone_goes_to_another() {
        on(Kind::Sqlite, async |db: Database| {
            let (store, wake, handle) = worker(&db).await;
            let ear = EarAddress::parse(&store.hint_addresses().await.unwrap()[0]).unwrap();
            // Nobody listens there once the socket is dropped.
            let gone =
                || EarAddress { at: UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap(), ..ear.clone() };
            let mut known = vec![gone(), gone(), gone(), gone()];
            let first = hinted(std::num::NonZeroUsize::new(5).unwrap(), term());
            known.insert((first + 1) % 5, ear.clone());
            let hints = Hints::new(store, Wake::new());
            (hints.inner.state().known, hints.inner.state().read_at) = (known, Some(Instant::now()));
            let calls = wake.listen();
            hints.send();
            eventually("it is roused", async || *calls.borrow() == 1).await;
            handle.stop().await;
        });
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
    fn hints_go_from_one_port_and_from_another_once_that_fails() {
        on(Kind::Sqlite, async |db: Database| {
            let ear = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            ear.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let heard = || ear.recv_from(&mut [0; 64]).unwrap().1;
            let store = Store::open(db.url(), mission_store::OnMissing::Create).await.unwrap();
            let hints = Hints::new(store, Wake::new());
            let address = format!("{}/{}", ear.local_addr().unwrap(), "a".repeat(16));
            let to = || (Wanted::default(), EarAddress::parse(&address).unwrap(), 0);
            hints.inner.send(to());
            let first = heard();
            hints.inner.send(to());
            assert_eq!(heard(), first);
            // One that was told that nobody is there says so when it is used again.
            let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let told = sent_anew(nobody, "anybody?").unwrap();
            eventually("it is told", async || told.send(b"anybody?").is_err()).await;
            told.send(b"anybody?").unwrap();
            hints.inner.state().last = Some((ear.local_addr().unwrap(), Arc::clone(&told)));
            hints.inner.send(to());
            assert_ne!(heard(), told.local_addr().unwrap());
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
            {
                let (state, wanted) = (hints.inner.state(), Wanted { is_push: true, passed: None });
                let own = |ear: &EarAddress| hints.inner.wake.has_ear(&ear.secret);
                assert_eq!((state.known.len(), state.chosen(&wanted, own).len()), (1, 0));
            }
            handle.stop().await;
        });
    }

    #[test]
    fn a_hint_goes_round_among_all_though_those_of_one_process_stand_apart() {
        let ear = |letter: &str| EarAddress::parse(&format!("127.0.0.1:1/{}", letter.repeat(16))).unwrap();
        let state = State { known: ["a", "b", "c", "d"].map(ear).to_vec(), ..State::default() };
        let next = |from: &str, hops, own: &[&str]| {
            let wanted = Wanted { is_push: false, passed: Some(Passed { from: ear(from).to_string(), hops }) };
            let is_own = |known: &EarAddress| own.iter().any(|letter| *known == ear(letter));
            state.chosen(&wanted, is_own).pop().map(|(_, ear, hops)| (ear.secret[..1].to_owned(), hops))
        };
        let own: [&[&str]; 4] = [&["a", "c"], &["b"], &["a", "c"], &["d"]];
        assert_eq!(next("a", 0, own[0]), Some(("b".to_owned(), 1)));
        assert_eq!(next("b", 1, own[1]), Some(("c".to_owned(), 2)));
        assert_eq!(next("c", 1, own[2]), Some(("d".to_owned(), 2)));
        assert_eq!(next("d", 0, own[3]), Some(("a".to_owned(), 1)));
        assert_eq!(next("d", 3, own[3]), None, "it has gone round");
    }

    #[test]
    fn all_who_push_within_a_term_pick_alike_and_each_worker_has_its_turn() {
        let picked = |count, term| hinted(std::num::NonZeroUsize::new(count).unwrap(), term);
        assert_eq!((picked(8, 5), picked(8, 6), picked(8, 7), picked(8, 8)), (5, 6, 7, 0));
        for count in 1..20 {
            let mut turns = vec![0; count];
            (0..count as u64).for_each(|term| turns[picked(count, term)] += 1);
            assert_eq!(turns, vec![1; count]);
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

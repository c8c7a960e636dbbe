//! The ear: hears from other processes that a task waits, so that this worker looks for it at once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mission_core::UniqueId;
use mission_store::Store;
use tokio::net::UdpSocket;

use crate::base::{Base, Phase, pause};
use crate::{limits, log};

/// A socket for hints. A hint that is lost is none: the next look finds the task.
pub(crate) struct Ear {
    socket: UdpSocket,
    address: EarAddress,
}

/// A hint that came, and is not known yet to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) at: Instant,
    /// How often it was passed on.
    pub(crate) hops: u8,
}

/// The letters of a secret.
const SECRET_BYTES: usize = 16;

/// Where hints go, as it stands in the list of workers: `ADDRESS/SECRET`. Who cannot read the list cannot rouse a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarAddress {
    pub(crate) at: SocketAddr,
    pub(crate) secret: String,
}

impl EarAddress {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (at, secret) = text.split_once('/')?;
        // As they are made below. Whoever writes to the list may name a place, but not what is sent there.
        let is_secret = secret.len() == SECRET_BYTES && secret.bytes().all(|byte| byte.is_ascii_lowercase());
        is_secret.then_some(Self { at: at.parse().ok()?, secret: secret.to_owned() })
    }

    /// How often a hint was passed on, if it came from one who has read the list.
    fn hops_in(&self, heard: &[u8]) -> Option<u8> {
        match heard.strip_prefix(self.secret.as_bytes())? {
            [] => Some(0),
            [digit @ b'1'..=b'9'] => Some(digit - b'0'),
            _ => None,
        }
    }

    /// What is sent there, passed on so often.
    pub(crate) fn hint(&self, hops: u8) -> String {
        debug_assert!(hops <= limits::HOPS_MAX);
        if hops == 0 { self.secret.clone() } else { format!("{}{hops}", self.secret) }
    }
}

impl std::fmt::Display for EarAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at, self.secret)
    }
}

impl Ear {
    /// An ear on the address of this host that is turned towards the database: there the other processes are, too.
    pub(crate) async fn open(store: &Store) -> Option<Self> {
        match bind(store.address_towards().await).await {
            Ok(ear) => Some(ear),
            Err(fault) => {
                log::no_ear(&fault);
                None
            }
        }
    }

    /// Where hints go.
    pub(crate) fn address(&self) -> &EarAddress {
        &self.address
    }

    /// Rouses the worker at each hint, and passes on what comes once it takes no more tasks. However many come, it looks no more
    /// often than is good.
    pub(crate) async fn listen(self, base: Arc<Base>) {
        base.wake.add_ear(self.address.secret.clone());
        self.rouse(&base).await;
        base.wake.remove_ear(&self.address.secret);
    }

    async fn rouse(&self, base: &Base) {
        let mut phase = base.phase();
        let mut room = [0; limits::HINT_BYTES_MAX];
        loop {
            tokio::select! {
                heard = self.socket.recv_from(&mut room) => match heard {
                    // A flood of others costs no more than one of ours: a hint that it drowns is none.
                    Ok((length, _)) => self.heed(base, &room[..length]),
                    Err(fault) => tracing::debug!(%fault, "a hint was not heard"),
                },
                _ = phase.wait_for(|phase| *phase >= Phase::Over) => return,
            }
            if !pause(limits::HINT_EVERY, &mut phase, Phase::Over).await {
                return;
            }
            // Many pushers are one call; what is left of a flood waits for its turn.
            for _ in 0..limits::HINTS_AT_ONCE {
                let Ok((length, _)) = self.socket.try_recv_from(&mut room) else { break };
                self.heed(base, &room[..length]);
            }
        }
    }

    fn heed(&self, base: &Base, heard: &[u8]) {
        if let Some(hops) = self.address.hops_in(heard) {
            base.take_hint(Hint { at: Instant::now(), hops });
        }
    }
}

async fn bind(towards_database: IpAddr) -> io::Result<Ear> {
    let socket = UdpSocket::bind((towards_database, 0)).await?;
    let address = EarAddress { at: socket.local_addr()?, secret: UniqueId::random().as_str().to_owned() };
    Ok(Ear { socket, address })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use mission_core::{Filter, NewTask, State};
    use mission_testkit::{Database, Kind, eventually, on};
    use tokio::sync::{Semaphore, watch};

    use super::*;
    use crate::{Method, Registry, States, Wake, Worker, WorkerSettings};

    /// A worker with room for one task, whose method ends when the gate says so, and its own wake-up.
    async fn worker(db: &Database, gate: Arc<Semaphore>) -> (Store, Wake, crate::WorkerHandle) {
        let store = Store::open(db.url(), mission_store::OnMissing::Create).await.unwrap();
        let wake = Wake::new();
        let method = Method::from_fn("export", move |_, (): ()| {
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.map(|_| String::new()).map_err(|closed| closed.to_string()) }
        });
        let registry = Registry::collect([method]).unwrap();
        let settings = WorkerSettings { concurrency: 1, ..WorkerSettings::default() };
        let worker = Worker::new(store.clone(), registry, States::new(), wake.clone(), settings);
        (store, wake, worker.start().await.unwrap())
    }

    /// The first of two workers, which is hinted, and how often the other one was roused.
    struct Pair {
        store: Store,
        gate: Arc<Semaphore>,
        one: crate::WorkerHandle,
        other: crate::WorkerHandle,
        ear: EarAddress,
        calls: watch::Receiver<u64>,
    }

    impl Pair {
        async fn begin(db: &Database) -> Self {
            let gate = Arc::new(Semaphore::new(0));
            let (store, _, one) = worker(db, Arc::clone(&gate)).await;
            let (_, wake, other) = worker(db, Arc::clone(&gate)).await;
            let ears = store.hint_addresses().await.unwrap();
            assert_eq!(ears.len(), 2);
            Self { store, gate, one, other, ear: EarAddress::parse(&ears[0]).unwrap(), calls: wake.listen() }
        }

        /// Both run a task, and have room for no other.
        async fn fill(&self) {
            self.store.push_all(&[NewTask::new("export"), NewTask::new("export")]).await.unwrap();
            eventually("both are full", async || {
                let running = Filter::all().state(State::Executing);
                self.store.list(&running, 3, None).await.unwrap().tasks.len() == 2
            })
            .await;
        }

        async fn hint_one(&self) {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            socket.send_to(self.ear.hint(0).as_bytes(), self.ear.at).await.unwrap();
        }

        async fn other_is_roused(&self) {
            eventually("the other is roused", async || *self.calls.borrow() >= 1).await;
        }

        async fn end(self) {
            self.gate.add_permits(9);
            self.one.stop().await;
            self.other.stop().await;
        }
    }

    #[test]
    fn a_hint_about_a_task_that_a_worker_cannot_run_is_passed_on() {
        on(Kind::Sqlite, async |db: Database| {
            let pair = Pair::begin(&db).await;
            let pushed = Cell::new(0);
            eventually("the other is roused", async || {
                // Of methods that nobody has, so that nobody takes it before. One that was seen before the hint is not what it is about.
                pushed.set(pushed.get() + 1);
                pair.store.push(&NewTask::new(format!("elsewhere{}", pushed.get()))).await.unwrap();
                pair.hint_one().await;
                *pair.calls.borrow() >= 1
            })
            .await;
            pair.end().await;
        });
    }

    #[test]
    fn a_hint_to_a_worker_without_a_free_slot_is_passed_on_until_it_has_gone_round() {
        on(Kind::Sqlite, async |db: Database| {
            let pair = Pair::begin(&db).await;
            pair.fill().await;
            pair.hint_one().await;
            pair.other_is_roused().await;
            pair.end().await;
        });
    }

    #[test]
    fn a_hint_to_a_worker_whose_small_claims_are_filled_is_passed_on() {
        on(Kind::Sqlite, async |db: Database| {
            let pair = Pair::begin(&db).await;
            // They end at once, so that it is never without a free slot for long.
            pair.gate.add_permits(1);
            let tasks: Vec<NewTask> = (0..300).map(|_| NewTask::new("export")).collect();
            pair.store.push_all(&tasks).await.unwrap();
            pair.hint_one().await;
            pair.other_is_roused().await;
            pair.end().await;
        });
    }

    #[test]
    fn a_hint_to_a_worker_that_drains_is_passed_on() {
        on(Kind::Sqlite, async |db: Database| {
            let pair = Pair::begin(&db).await;
            pair.fill().await;
            pair.one.ask_to_stop();
            pair.hint_one().await;
            pair.other_is_roused().await;
            pair.end().await;
        });
    }

    #[test]
    fn a_hint_is_the_secret_and_how_often_it_was_passed_on() {
        let ear = EarAddress::parse("10.0.0.7:4711/abcdefghijklmnop").unwrap();
        for hops in 0..=limits::HOPS_MAX {
            assert_eq!(ear.hops_in(ear.hint(hops).as_bytes()), Some(hops));
        }
        for other in [
            "",
            "abcdefghijklmno",
            "abcdefghijklmnop ",
            "abcdefghijklmnop0",
            "abcdefghijklmnop11",
            "Abcdefghijklmnop",
            "\0",
        ] {
            assert_eq!(ear.hops_in(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_on_the_list_is_read_again_and_anything_else_is_no_address() {
        for at in ["10.0.0.7:4711", "[::1]:4711"] {
            let address = EarAddress { at: at.parse().unwrap(), secret: "abcdefghijklmnop".to_owned() };
            assert_eq!(EarAddress::parse(&address.to_string()), Some(address));
        }
        for hostile in [
            "",
            "/",
            "10.0.0.7:4711",
            "10.0.0.7:4711/",
            "10.0.0.7:4711/abcdefghijklmno",
            "10.0.0.7:4711/abcdefghijklmnopq",
            "10.0.0.7:4711/GET / HTTP/1.1\r\n",
            "10.0.0.7:4711/abcdefghijklmnoé",
            "host:1/abcdefghijklmnop",
            "10.0.0.7/abcdefghijklmnop",
            "10.0.0.7:70000/abcdefghijklmnop",
        ] {
            assert_eq!(EarAddress::parse(hostile), None, "{hostile:?}");
        }
    }
}

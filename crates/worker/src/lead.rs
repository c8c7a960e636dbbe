//! Who goes on: of workers that drain the same work of an SQLite file with claims that follow each other, one does and the others rest.
//!
//! Such a file has one writer, and each process reads anew what another one has written: workers that take turns do less than one of them
//! alone. So the one whose tasks end as soon as they are claimed tells the others, as often as it takes for them to know that it lives.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mission_core::WorkerId;
use mission_store::Line;

use crate::limits;

/// What is drained: the tasks of a method and type, for a worker serves all of them or none. As a hash, because names are long; it is the
/// same in all processes of one build, and it does not matter where not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Work(u64);

impl Work {
    pub(crate) fn of(line: &Line) -> Self {
        let mut hasher = DefaultHasher::new();
        (&line.method, &line.task_type).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What the one who leads tells the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) work: Work,
    pub(crate) worker: WorkerId,
    pub(crate) is_over: bool,
}

impl Word {
    /// The word behind the secret of an ear.
    pub(crate) fn parse(heard: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(heard).ok()?;
        let (rest, is_over) = match text.strip_prefix('=') {
            Some(rest) => (rest, false),
            None => (text.strip_prefix('-')?, true),
        };
        let (work, worker) = rest.split_once('.')?;
        let work = Work(u64::from_str_radix(work, 16).ok()?);
        Some(Self { work, worker: WorkerId(worker.parse().ok()?), is_over })
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_over { '-' } else { '=' };
        write!(f, "{sign}{:x}.{}", self.work.0, self.worker.0)
    }
}

/// What this worker has heard from those who lead.
#[derive(Debug, Default)]
pub(crate) struct Lead(Mutex<HashMap<Work, (WorkerId, Instant)>>);

impl Lead {
    /// Takes a word; answers whether it says that somebody leads no more whom this worker has given way to.
    pub(crate) fn hear(&self, word: Word, now: Instant) -> bool {
        let mut heard = self.heard();
        if word.is_over {
            return heard.get(&word.work).is_some_and(|(worker, _)| *worker == word.worker)
                && heard.remove(&word.work).is_some();
        }
        heard.retain(|_, (_, at)| now.saturating_duration_since(*at) < limits::LEAD_HEARD_FOR);
        let known = heard.entry(word.work).or_insert((word.worker, now));
        if word.worker <= known.0 {
            *known = (word.worker, now);
        }
        false
    }

    /// Whether another leads: of several the one that was registered first.
    pub(crate) fn is_anothers(&self, work: Work, own: WorkerId, now: Instant) -> bool {
        let known = self.heard().get(&work).copied();
        known.is_some_and(|(worker, at)| worker < own && now.saturating_duration_since(at) < limits::LEAD_HEARD_FOR)
    }

    fn heard(&self) -> MutexGuard<'_, HashMap<Work, (WorkerId, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use mission_core::{NewTask, Timestamp};
    use mission_store::{NewWorker, OnMissing, Store};
    use mission_testkit::{Database, Kind, eventually, on};

    use super::*;
    use crate::ear::EarAddress;
    use crate::{Method, Registry, States, Wake, Worker, WorkerHandle, WorkerSettings};

    fn work(method: &str, task_type: &str) -> Work {
        let (method, task_type, head) = (method.into(), task_type.into(), Timestamp(0));
        Work::of(&Line { method, task_type, priority: 0, lane: 0, head, is_paused: false, running_limit: None })
    }

    /// That of tasks as they are pushed here.
    fn export() -> Work {
        work("export", "system")
    }

    #[test]
    fn a_word_comes_as_it_was_said_and_nothing_else_is_one() {
        for is_over in [false, true] {
            let word = Word { work: Work(u64::MAX), worker: WorkerId(i64::MAX), is_over };
            assert_eq!(Word::parse(word.to_string().as_bytes()), Some(word));
            assert!(word.to_string().len() + 16 <= limits::HINT_BYTES_MAX, "{word}");
        }
        for other in ["", "=", "3", "=7", "=7.", "=.7", "=x.7", "=7.x", "7.7", "=7.7.7"] {
            assert_eq!(Word::parse(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(Word::parse(b"=\xff.7"), None);
    }

    #[test]
    fn of_several_the_first_leads_for_as_long_as_it_says_so() {
        let (lead, now, own) = (Lead::default(), Instant::now(), WorkerId(7));
        let says = |worker: i64, is_over, at| lead.hear(Word { work: export(), worker: WorkerId(worker), is_over }, at);
        assert!(!lead.is_anothers(export(), own, now), "nobody has said so");
        assert!(!says(9, false, now) && !lead.is_anothers(export(), own, now), "that one gives way");
        assert!(!says(5, false, now) && lead.is_anothers(export(), own, now));
        assert!(!lead.is_anothers(work("mail", "system"), own, now), "of that method nobody does");
        assert!(
            !lead.is_anothers(work("export", "rare"), own, now),
            "of that type neither: it may serve another one alone"
        );
        let later = now + limits::LEAD_HEARD_FOR / 2;
        says(6, false, later);
        assert!(lead.is_anothers(export(), own, later) && !lead.is_anothers(export(), WorkerId(5), later));
        assert!(!lead.is_anothers(export(), own, now + limits::LEAD_HEARD_FOR), "it says it no more");
        assert!(!says(6, true, later), "nobody gave way to that one");
        assert!(says(5, true, later) && !lead.is_anothers(export(), own, later));
        says(5, false, now);
        let after = now + limits::LEAD_HEARD_FOR;
        says(6, false, after);
        assert!(lead.is_anothers(export(), own, after), "another, where the first is silent");
    }

    /// A worker for one task at a time, whose method counts, and what it has counted.
    async fn counting_worker(db: &Database, method: Method) -> (Store, WorkerHandle) {
        let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
        let settings = WorkerSettings { concurrency: 1, grace: Duration::ZERO, ..WorkerSettings::default() };
        let registry = Registry::of([method]).unwrap();
        let worker = Worker::new(store.clone(), registry, States::new(), Wake::new(), settings);
        (store.clone(), worker.start().await.unwrap())
    }

    fn counting(count: &Arc<AtomicUsize>) -> Method {
        let count = Arc::clone(count);
        Method::from_fn("export", move |_, (): ()| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, String>(String::new()) }
        })
    }

    async fn push(store: &Store, count: usize) {
        let tasks: Vec<NewTask> = (0..count).map(|_| NewTask::new("export")).collect();
        store.push_all(&tasks).await.unwrap();
    }

    const TASKS: usize = 1_500;

    #[test]
    fn a_worker_leaves_what_another_drains_and_goes_on_where_that_one_ends() {
        on(Kind::Sqlite, async |db: Database| {
            let count = Arc::new(AtomicUsize::new(0));
            let (store, handle) = counting_worker(&db, counting(&count)).await;
            let ear = EarAddress::parse(&store.hint_addresses().await.unwrap()[0]).unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let say = |is_over| {
                let word = Word { work: export(), worker: WorkerId(0), is_over };
                socket.send_to(format!("{}{word}", ear.secret).as_bytes(), ear.at).unwrap();
            };
            push(&store, TASKS).await;
            let (mut before, mut since) = (0, Instant::now());
            eventually("it rests", async || {
                say(false);
                let now = count.load(Ordering::Relaxed);
                if now > 0 && since.elapsed() < limits::POLL_AFTER_WORK {
                    return false;
                }
                // Each rest ends with a claim.
                let rests = before > 0 && now <= before + 3;
                (before, since) = (now, Instant::now());
                rests && now < TASKS
            })
            .await;
            say(true);
            eventually("it goes on", async || count.load(Ordering::Relaxed) == TASKS).await;
            handle.stop().await;
        });
    }

    #[test]
    fn a_worker_says_that_it_drains_a_method_and_that_it_ends() {
        on(Kind::Sqlite, async |db: Database| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let (secret, at) = ("abcdefghijklmnop", socket.local_addr().unwrap());
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let count = Arc::new(AtomicUsize::new(0));
            let registry = Registry::of([counting(&count)]).unwrap();
            let entry = crate::identity::entry(&WorkerSettings::default(), &registry, Duration::from_secs(60));
            let other = NewWorker { hint_address: Some(format!("{at}/{secret}")), ..entry };
            store.register(&other).await.unwrap();
            let heard = || {
                let mut room = [0; 64];
                let length = socket.recv(&mut room).ok()?;
                Word::parse(room[..length].strip_prefix(secret.as_bytes())?)
            };
            push(&store, TASKS).await;
            let (_, handle) = counting_worker(&db, counting(&count)).await;
            let says = |is_over| Word { work: export(), worker: WorkerId(2), is_over };
            eventually("it says so", async || heard() == Some(says(false))).await;
            handle.stop().await;
            eventually("it says that it ends", async || heard() == Some(says(true))).await;
        });
    }
}

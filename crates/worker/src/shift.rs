//! A worker's shift: it registers, its loops work, and at the end everything is handed over in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Backoff, Chance, Error, WorkerId};
use mission_store::{NewWorker, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::base::{Base, Phase, pause};
use crate::clock::waking_ms;
use crate::ear::Ear;
use crate::stop::Stop;
use crate::storage::Storage;
use crate::tenure::{Standing, Tenure};
use crate::worker::Worker;
use crate::{cleaner, heart, housekeeper, identity, limits, log, scribe, settler, watcher};

const AGAIN: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };

/// Registers a worker and sets all its loops to work; `fetching` decides what it runs, and that the shift is over.
/// Answers what they share, and a bell that rings when all is over.
pub(crate) async fn begin<F, Fut>(worker: Worker, fetching: F) -> Result<(Arc<Base>, Bell), Error>
where
    F: FnOnce(Arc<Base>) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    worker.settings.check()?;
    worker.registry.check_states(&worker.states)?;
    let lease = worker.settings.lease_on(worker.store.kind());
    let mut entry = identity::entry(&worker.settings, &worker.registry, lease);
    let ear = if worker.settings.takes_hints { Ear::open(&worker.store).await } else { None };
    entry.hint_address = ear.as_ref().map(|ear| ear.address().to_string());
    let storage = storage(&worker).await?;
    let asked_at_ms = waking_ms();
    let id = register(worker.store.clone(), entry.clone()).await?;
    let tenure = Tenure::new(id, lease, asked_at_ms);
    let (outcomes, queue) = mpsc::unbounded_channel();
    let base = Arc::new(Base::new(worker, entry, tenure, storage, outcomes));
    heart::begin(Arc::clone(&base))?;
    log::started(&base);
    tokio::spawn(settler::run(Arc::clone(&base), queue));
    tokio::spawn(keep_up(Arc::clone(&base), scribe::run));
    tokio::spawn(keep_up(Arc::clone(&base), watcher::run));
    tokio::spawn(keep_up(Arc::clone(&base), housekeeper::run));
    tokio::spawn(keep_up(Arc::clone(&base), cleaner::run));
    if let Some(ear) = ear {
        tokio::spawn(ear.listen(Arc::clone(&base)));
    }
    tokio::spawn(register_anew(Arc::clone(&base)));
    let fetching = tokio::spawn(fetching(Arc::clone(&base)));
    let (over, bell) = watch::channel(false);
    let shift = Shift(Arc::clone(&base));
    tokio::spawn(async move {
        work(&shift.0, fetching).await;
        let _ = over.send(true);
    });
    Ok((base, bell))
}

/// What a test has a worker's fetching answer, once its shift is over.
#[cfg(test)]
pub(crate) async fn answer_of<T, F, Fut>(worker: Worker, fetching: F) -> T
where
    T: Send + 'static,
    F: FnOnce(Arc<Base>) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let (answer, answered) = tokio::sync::oneshot::channel();
    let answering = |base| {
        let fetching = fetching(base);
        async move {
            let _ = answer.send(fetching.await);
        }
    };
    let (_, mut bell) = begin(worker, answering).await.unwrap();
    let answered = answered.await.unwrap();
    bell.wait_for(|is_over| *is_over).await.unwrap();
    answered
}

/// While it lives the worker does. A runtime that is shut down takes the loops away and leaves the heart, which would renew
/// the lease of tasks that nobody runs: it hears that all is over, and others take the tasks when the lease ends.
struct Shift(Arc<Base>);

impl Drop for Shift {
    fn drop(&mut self) {
        self.0.go_to(Phase::Over);
    }
}

/// Begins a loop again that broke on something nobody thought of: a worker without it would look well and be ill.
async fn keep_up<Fut>(base: Arc<Base>, work: fn(Arc<Base>) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut phase = base.phase();
    while let Err(fault) = tokio::spawn(work(Arc::clone(&base))).await {
        log::broke(&fault);
        if !pause(limits::ERROR_PAUSE, &mut phase, Phase::Over).await {
            return;
        }
    }
}

/// Rings once, when all is over; also where the runtime took the loops away.
pub(crate) type Bell = watch::Receiver<bool>;

async fn register(store: Store, entry: NewWorker) -> Result<WorkerId, Error> {
    undropped(async move { store.register(&entry).await }).await
}

/// Where the worker's files lie; the folder is opened when the first one is made.
async fn storage(worker: &Worker) -> Result<Storage, Error> {
    let store = worker.store.clone();
    let beside = store.file();
    let database_id = undropped(async move { store.database_id().await }).await?;
    let storage = Storage::new(worker.settings.files.clone(), database_id, beside.as_deref());
    let tried = tokio::task::spawn_blocking(move || storage.try_out().map(|()| storage)).await;
    tried.unwrap_or_else(|fault| {
        Err(Error::new(mission_core::ErrorKind::Storage, "the look at the storage was broken off").with_source(fault))
    })
}

/// In a task of its own, because the caller may drop the future.
async fn undropped<T: Send + 'static>(
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(call).await.unwrap_or_else(|fault| {
        Err(Error::new(mission_core::ErrorKind::Setup, "the worker could not register").with_source(fault))
    })
}

/// Works until the phase or the fetching ends, then hands over.
async fn work(base: &Arc<Base>, mut fetching: JoinHandle<()>) {
    let mut phase = base.phase();
    let mut has_fetched = tokio::select! {
        fetched = &mut fetching => {
            fetched.unwrap_or_else(|fault| log::broke(&fault));
            true
        }
        _ = phase.wait_for(|phase| *phase >= Phase::Draining) => false,
    };
    base.go_to(Phase::Draining);
    base.attempts.leave();
    log::draining(base, base.attempts.load().borrow().running);
    let grace_over = Instant::now() + base.settings.grace;
    announce_leave(base);
    if !has_fetched {
        // A claim that is under way ends first: what it brings goes back. Nobody waits for a database that is away.
        has_fetched = tokio::select! {
            _ = &mut fetching => true,
            _ = phase.wait_for(|phase| *phase >= Phase::Leaving) => false,
            () = tokio::time::sleep_until(grace_over) => false,
        };
    }
    drain(base, grace_over).await;
    base.attempts.stop(Stop::HandOver);
    let latest = Instant::now() + limits::EXIT_MAX;
    if !has_fetched {
        // With the grace over it still has the time that outcomes have: what it claimed would count as crashed.
        let _ = timeout_at(latest, fetching).await;
    }
    close(base, latest).await;
}

/// Waits for what runs, within the grace and unless somebody is in a hurry.
async fn drain(base: &Base, grace_over: Instant) {
    let (mut load, mut phase) = (base.attempts.load(), base.phase());
    tokio::select! {
        _ = load.wait_for(|load| load.running == 0) => {}
        _ = phase.wait_for(|phase| *phase >= Phase::Leaving) => {}
        () = tokio::time::sleep_until(grace_over) => {}
    }
}

/// Waits until the last outcomes are written, and takes the worker off the list.
async fn close(base: &Arc<Base>, latest: Instant) {
    let mut load = base.attempts.load();
    let is_settled = matches!(timeout_at(latest, load.wait_for(|load| load.is_idle())).await, Ok(Ok(_)));
    let worker = base.tenure.worker();
    if is_settled {
        remove(base, worker, latest).await;
    }
    let load = *base.attempts.load().borrow();
    base.go_to(Phase::Over);
    log::stopped(worker, load.running + load.unsettled);
}

async fn remove(base: &Base, worker: WorkerId, latest: Instant) {
    let store = base.store.clone();
    let removal = tokio::spawn(async move {
        if let Err(fault) = store.remove_worker(worker).await {
            log::handle_failed("leave the list", &fault);
        }
    });
    // The task goes on by itself where the database is slow.
    let _ = timeout_at(latest, removal).await;
}

/// So that nobody counts on a worker that claims nothing more.
fn announce_leave(base: &Base) {
    let (store, worker) = (base.store.clone(), base.tenure.worker());
    tokio::spawn(async move {
        if let Err(fault) = store.set_leaving(worker, true).await {
            log::handle_failed("say that it leaves", &fault);
        }
    });
}

/// A worker that was taken for dead begins anew under another number.
async fn register_anew(base: Arc<Base>) {
    let (mut phase, mut standing) = (base.phase(), base.tenure.standing());
    loop {
        tokio::select! {
            _ = standing.wait_for(|standing| *standing == Standing::Removed) => {}
            _ = phase.wait_for(|phase| *phase >= Phase::Draining) => return,
        }
        let mut tries = 0;
        loop {
            let asked_at_ms = waking_ms();
            match base.store.register(&base.entry).await {
                Ok(worker) => {
                    base.tenure.begin(worker, asked_at_ms);
                    log::registered_anew(worker);
                    break;
                }
                Err(fault) if tries == 0 => log::register_failed(&fault),
                Err(_) => {}
            }
            tries += 1;
            if !pause(AGAIN.wait(tries, Chance::random()), &mut phase, Phase::Draining).await {
                return;
            }
        }
    }
}

/// Waits until the bell has rung.
pub(crate) async fn rung(mut bell: Bell) {
    // A bell that is gone rings no more, and neither does anything of that worker.
    let _ = bell.wait_for(|is_over| *is_over).await;
}

//! A worker that works: started, held by its handle, stopped by it or by a signal.

use std::sync::Arc;

use mission_core::{Error, ErrorKind, Result, WorkerId};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::{Base, Phase};
use crate::fetcher::Fetcher;
use crate::service::Service;
use crate::shift::{self, Bell};
use crate::worker::Worker;

impl Worker {
    /// Puts itself on the list and works until it is stopped. Touches no signals.
    ///
    /// # Errors
    /// Settings out of range, state that a method asks for and was not given, tables that are missing or older than
    /// this program, a database that cannot be reached.
    pub async fn start(self) -> Result<WorkerHandle> {
        let fetching = |base| async move {
            Fetcher::new(base).run().await;
        };
        let (base, bell) = shift::begin(self, fetching).await?;
        Ok(WorkerHandle { base, bell })
    }
}

/// A worker that works. Dropping it asks the worker to stop.
pub struct WorkerHandle {
    pub(crate) base: Arc<Base>,
    pub(crate) bell: Bell,
}

impl WorkerHandle {
    /// Its number on the list of workers; another one after it was taken for dead and registered anew.
    pub fn id(&self) -> WorkerId {
        self.base.tenure.worker()
    }

    /// Whether it was asked to stop, and ends what runs or is over.
    pub fn is_draining(&self) -> bool {
        self.base.has_reached(Phase::Draining)
    }

    /// How many tasks it runs now.
    pub fn running(&self) -> usize {
        self.base.attempts.load().borrow().running
    }

    /// Stops it and waits: nothing more is claimed, running tasks may end within the grace, the rest goes to another worker.
    pub async fn stop(&self) {
        self.ask_to_stop();
        self.finished().await;
    }

    /// Stops it at once and waits: what runs is interrupted and goes to another worker.
    pub async fn stop_now(&self) {
        self.base.go_to(Phase::Leaving);
        self.finished().await;
    }

    /// Waits until it is over, whoever stopped it.
    pub async fn finished(&self) {
        shift::rung(self.bell.clone()).await;
    }

    /// Asks it to stop, as [`stop`](Self::stop) does, without waiting.
    pub fn ask_to_stop(&self) {
        self.base.go_to(Phase::Draining);
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Works until the process is told to end: one signal (SIGTERM, SIGINT) stops in order, a second at once.
///
/// A service manager that started the process with `NOTIFY_SOCKET` (systemd's `Type=notify`) hears when the worker is
/// on the list, that it is alive if it asked for that, and that it stops.
///
/// # Errors
/// As [`Worker::start`].
pub async fn run_until_signalled(worker: Worker) -> Result<()> {
    // Listening begins before the start, so that no signal between the two ends the process without order.
    let (mut terminate, mut interrupt) = listen()?;
    let service = Service::of_environment();
    let handle = worker.start().await?;
    service.ready();
    let work = async {
        let is_over = is_over_before(&handle, &mut terminate, &mut interrupt).await;
        service.stopping();
        if is_over {
            return;
        }
        handle.ask_to_stop();
        if !is_over_before(&handle, &mut terminate, &mut interrupt).await {
            handle.stop_now().await;
        }
    };
    tokio::select! {
        () = work => {}
        // It never ends by itself.
        () = service.stay_alive() => {}
    }
    Ok(())
}

/// Waits for the first SIGTERM or Ctrl-C, which no longer end the process from the call on: for a program that runs a worker
/// beside other things and stops it ([`WorkerHandle::stop`]) before it ends. Systemd, `docker stop` and Kubernetes send SIGTERM.
///
/// ```no_run
/// # async fn main_of_an_application(handle: mission_worker::WorkerHandle) -> mission_core::Result<()> {
/// # use mission_worker as mission;
/// let told = mission::stop_signal()?;
/// // … serve meanwhile, in a task of its own, which hears of the end by a signal of its own …
/// told.await;
/// handle.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The system does not let this process listen for signals.
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = listen()?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn listen() -> Result<(Signal, Signal)> {
    let listen = |kind| {
        signal(kind).map_err(|fault| Error::new(ErrorKind::Setup, "signals cannot be listened for").with_source(fault))
    };
    Ok((listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?))
}

/// Waits for the worker or a signal; whether the worker was first.
async fn is_over_before(handle: &WorkerHandle, terminate: &mut Signal, interrupt: &mut Signal) -> bool {
    tokio::select! {
        () = handle.finished() => true,
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    }
}

//! Ctrl-C and SIGTERM: how a command that waits, asks or runs methods is ended by them.

use mission_core::{Error, ErrorKind, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

/// What tells this process to end, heard from here on: each signal once.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self> {
        let listen = |kind| {
            signal(kind)
                .map_err(|fault| Error::new(ErrorKind::Setup, "signals cannot be listened for").with_source(fault))
        };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// How the command ends by the next one.
    pub(crate) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

/// Ends with 130 at Ctrl-C, with 143 at SIGTERM. What was sent to the database ends there by itself.
pub(crate) async fn interruptible(command: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = command => done,
        exit = signals.next() => Ok(exit),
    }
}

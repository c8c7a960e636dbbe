//! Pushes one by one from many callers of one process.

use std::time::{Duration, Instant, UNIX_EPOCH};

use mission_core::{Error, ErrorKind, Result};
use mission_engine::Mission;

use crate::cycle::empty;
use crate::methods::FAR;

/// Callers at once.
const CALLERS: usize = 32;

/// Pushes so many thousands of tasks one by one, for later: what is measured is the push alone.
pub(crate) async fn singles(mission: &Mission, thousands: usize) -> Result<Duration> {
    let each = thousands * 1000 / CALLERS;
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let mission = mission.clone();
            tokio::spawn(async move {
                for n in 0..each {
                    mission.push(empty(n).at(UNIX_EPOCH + FAR)).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.map_err(|fault| Error::new(ErrorKind::Database, fault.to_string()))??;
    }
    Ok(began.elapsed())
}

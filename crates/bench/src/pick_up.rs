//! From the begin of a push to the begin of the method.

use std::time::Duration;

use mission_core::{Error, ErrorKind, NewTask, Result};
use mission_engine::Mission;

use crate::methods::{STAMP, now_us};

/// Between two pushes: the worker has come to rest meanwhile.
const PAUSE: Duration = Duration::from_millis(40);
/// Pauses differ by up to this much, so that they do not keep step with anything that ticks.
const PAUSE_STEP: Duration = Duration::from_millis(7);

/// Milliseconds from push to method, and what is held against them, each the shortest first.
pub(crate) struct PickUps {
    pub(crate) waits: Vec<f64>,
    /// A plain insert and a plain claim, each committed, after a pause of the same length.
    pub(crate) floors: Vec<f64>,
}

/// So many single pushes to an idle worker: how long each took until its method began, by turns with their floor.
pub(crate) async fn pick_up(mission: &Mission, pushes: usize) -> Result<PickUps> {
    let (mut waits, mut floors) = (Vec::with_capacity(pushes), Vec::with_capacity(pushes));
    for n in 0..pushes {
        let pause = PAUSE + PAUSE_STEP * u32::try_from(n % 11).unwrap_or(0);
        tokio::time::sleep(pause).await;
        floors.push(mission.floor_of_pick_up().await?.as_secs_f64() * 1000.0);
        tokio::time::sleep(pause).await;
        let pushed_us = now_us();
        let task = mission.push(NewTask::new(STAMP)).await?.wait().await?;
        let began_us: u64 = task.content.as_deref().and_then(|content| content.parse().ok()).ok_or_else(|| {
            Error::new(ErrorKind::Database, format!("the task {} ended as {}", task.unique_id, task.state))
        })?;
        waits.push(began_us.saturating_sub(pushed_us) as f64 / 1000.0);
    }
    waits.sort_by(f64::total_cmp);
    floors.sort_by(f64::total_cmp);
    Ok(PickUps { waits, floors })
}

/// The value below which this share of the sorted ones lies.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 0.5), percentile(&values, 0.99), percentile(&values, 1.0)),
            (50.0, 99.0, 100.0)
        );
        assert_eq!((percentile(&[7.0], 0.5), percentile(&[], 0.5)), (7.0, 0.0));
    }
}

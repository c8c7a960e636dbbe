//! Looking at tasks again and again until all have ended, through outages of the database.

use std::time::{Duration, Instant};

use mission_core::{Error, ErrorKind, Result, Task, UniqueId};

use crate::app::App;

/// First pause between two looks; it grows, so that short tasks are seen at once and long ones cost little.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Hands over each task as it is seen, with its place in the list, until all have ended or the time is over; answers
/// those that have not ended.
pub(crate) async fn until_ended(
    app: &App,
    ids: &[UniqueId],
    timeout: Option<Duration>,
    mut see: impl FnMut(usize, Task) -> Result<()>,
) -> Result<Vec<UniqueId>> {
    let start = Instant::now();
    let mut pause = PAUSE_FIRST;
    let mut open: Vec<usize> = (0..ids.len()).collect();
    let mut is_away = false;
    loop {
        match look(app, ids, &open).await {
            Ok(tasks) => {
                is_away = false;
                open.clear();
                for (place, task) in tasks {
                    if !task.state.is_final() {
                        open.push(place);
                    }
                    see(place, task)?;
                }
            }
            Err(error) if error.is_unreachable() => {
                if !is_away {
                    app.note(format_args!("{error}; looking again"));
                }
                is_away = true;
            }
            Err(error) => return Err(error),
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        if open.is_empty() || left.is_some_and(|left| left.is_zero()) {
            return Ok(open.into_iter().map(|place| ids[place].clone()).collect());
        }
        tokio::time::sleep(pause.min(left.unwrap_or(pause))).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
    }
}

async fn look(app: &App, ids: &[UniqueId], open: &[usize]) -> Result<Vec<(usize, Task)>> {
    let mission = app.open_existing().await?;
    let mut tasks = Vec::with_capacity(open.len());
    for &place in open {
        let id = &ids[place];
        let gone = || Error::new(ErrorKind::NotFound, format!("task {id} is not there any more: it was deleted"));
        tasks.push((place, mission.get(id).await?.ok_or_else(gone)?));
    }
    Ok(tasks)
}

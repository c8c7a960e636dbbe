//! Ids as people type them: the beginnings of them, several at once.

use mission_core::{Error, Result, Task};

use crate::app::App;

/// Of tasks that were pushed in one hour the first three letters are mostly the same, and the fourth is soon mistyped; six tell the time to
/// 1.5 ms, so that a slip mostly names nothing.
const LETTERS_TO_ACT: usize = 6;

/// The tasks that these ids, or beginnings of ids, mean; each once, in their order.
pub(crate) async fn find_all(app: &App, ids: &[String]) -> Result<Vec<Task>> {
    find_each(app, ids, 0).await
}

/// The same for an act that changes something: a shorter beginning of an id may be another task's by a slip of one letter.
pub(crate) async fn find_all_to_act(app: &App, ids: &[String]) -> Result<Vec<Task>> {
    find_each(app, ids, LETTERS_TO_ACT).await
}

async fn find_each(app: &App, ids: &[String], letters_min: usize) -> Result<Vec<Task>> {
    let mission = app.open_existing().await?;
    let mut tasks: Vec<Task> = Vec::with_capacity(ids.len());
    for id in ids.iter().map(|id| id.trim()) {
        let task = mission.find(id).await?;
        if id.len() < letters_min && task.unique_id.as_str() != id {
            return Err(Error::invalid(format!(
                "{id} is too short to change a task by: give {letters_min} letters or more, such as {}",
                task.unique_id
            )));
        }
        if !tasks.iter().any(|known| known.unique_id == task.unique_id) {
            tasks.push(task);
        }
    }
    Ok(tasks)
}

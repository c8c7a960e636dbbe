//! Ids as people type them: the beginnings of them, several at once.

use mission_core::{Result, Task};

use crate::app::App;

/// The tasks that these ids, or beginnings of ids, mean; each once, in their order.
pub(crate) async fn find_all(app: &App, ids: &[String]) -> Result<Vec<Task>> {
    let mission = app.open_existing().await?;
    let mut tasks: Vec<Task> = Vec::with_capacity(ids.len());
    for id in ids {
        let task = mission.find(id.trim()).await?;
        if !tasks.iter().any(|known| known.unique_id == task.unique_id) {
            tasks.push(task);
        }
    }
    Ok(tasks)
}

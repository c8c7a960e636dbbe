//! The databases of a run: made when they are needed, and all removed at its end, however it ends.

use std::sync::Arc;
use std::time::Duration;

use mission_core::{Error, ErrorKind, Result};
use mission_engine::Mission;
use mission_engine::bench::Scratch;
use tokio::sync::Mutex;

/// A floor under way takes longer, and is cut off.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Databases beside a given one.
pub(crate) struct Scratches<'s> {
    beside: String,
    /// Hears what each is called.
    say: &'s dyn Fn(&str),
    made: Arc<Mutex<Vec<Made>>>,
}

/// One of them, and the handle that was opened on it.
struct Made {
    scratch: Scratch,
    mission: Option<Mission>,
}

impl<'s> Scratches<'s> {
    pub(crate) fn beside(url: &str, say: &'s dyn Fn(&str)) -> Self {
        Self { beside: url.to_owned(), say, made: Arc::default() }
    }

    /// One more, with its tables, and its URL.
    pub(crate) async fn open_at(&self) -> Result<(Mission, String)> {
        let (beside, mut made) = (self.beside.clone(), self.made.clone().lock_owned().await);
        // In a task of its own, and under the lock that the removal takes: none is forgotten where this is dropped.
        let make = async move {
            let scratch = Scratch::beside(&beside).await?;
            let (name, url) = (scratch.name().to_owned(), scratch.url().to_owned());
            made.push(Made { scratch, mission: None });
            let mission = Mission::open(&url).await?;
            if let Some(made) = made.last_mut() {
                made.mission = Some(mission.clone());
            }
            mission.migrate().await?;
            Ok::<_, Error>((mission, url, name))
        };
        let made = tokio::spawn(make).await.map_err(|fault| Error::new(ErrorKind::Setup, fault.to_string()))?;
        let (mission, url, name) = made?;
        (self.say)(&format!("in {name}"));
        Ok((mission, url))
    }

    /// One more, with its tables.
    pub(crate) async fn open(&self) -> Result<Mission> {
        self.open_at().await.map(|(mission, _)| mission)
    }

    /// Closes and removes all but the first few.
    pub(crate) async fn keep(&self, count: usize) -> Result<()> {
        let mut made = self.made.lock().await;
        let mut removed = Ok(());
        while made.len() > count {
            let Some(Made { scratch, mission }) = made.pop() else { break };
            // What is under way in it ends first, or may at least open nothing more: on SQLite that would make the file anew.
            if let Some(mission) = mission {
                let _ = tokio::time::timeout(CLOSE_MAX, mission.close()).await;
            }
            removed = removed.and(scratch.remove().await);
        }
        removed
    }
}

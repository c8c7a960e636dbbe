//! How many bytes a task, and all tasks together, may put on the shelf.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mission_core::{Error, ErrorKind};

/// The bounds; `None` is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Most bytes the files of one task have together.
    pub task_bytes_max: Option<u64>,
    /// Most bytes of all files: those published, and those this process makes.
    pub total_bytes_max: Option<u64>,
}

/// The counters of one folder in this process.
#[derive(Debug, Default)]
pub(crate) struct Use {
    pub(crate) quota: Quota,
    /// Published bytes, as the database last said.
    pub(crate) published: AtomicU64,
    /// Bytes of files that this process has open.
    pub(crate) making: AtomicU64,
}

/// What one file has added to the counters of its task and of the folder; taken off again when it is closed.
#[derive(Debug)]
pub(crate) struct Share {
    folder: Arc<Use>,
    task: Arc<AtomicU64>,
    bytes: u64,
}

impl Share {
    pub(crate) fn new(folder: Arc<Use>, task: Arc<AtomicU64>) -> Self {
        Self { folder, task, bytes: 0 }
    }

    /// Counts what a resumed file already has; it was within the bounds when it was written.
    pub(crate) fn carry(&mut self, bytes: u64) {
        self.task.fetch_add(bytes, Ordering::Relaxed);
        self.folder.making.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// Counts bytes that are about to be written, or says which bound they would break.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), Error> {
        self.carry(bytes);
        let task = self.task.load(Ordering::Relaxed);
        let total =
            self.folder.making.load(Ordering::Relaxed).saturating_add(self.folder.published.load(Ordering::Relaxed));
        let refused = match self.folder.quota {
            Quota { task_bytes_max: Some(most), .. } if task > most => format!(
                "the files of this task would have {task} bytes, and the quota of a task is {most}: \
                 write less, or raise the quota of a task"
            ),
            Quota { total_bytes_max: Some(most), .. } if total > most => format!(
                "all result files together would have {total} bytes, and the quota is {most}: \
                 delete tasks with files that nobody needs, keep files for a shorter time, or raise the quota"
            ),
            _ => return Ok(()),
        };
        self.give_back(bytes);
        Err(Error::new(ErrorKind::Storage, refused))
    }

    /// The file is published: its bytes count as such until the database says the sum anew.
    pub(crate) fn publish(&mut self) {
        self.folder.published.fetch_add(self.bytes, Ordering::Relaxed);
        self.folder.making.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }

    fn give_back(&mut self, bytes: u64) {
        self.task.fetch_sub(bytes, Ordering::Relaxed);
        self.folder.making.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_refuses_with_both_figures_and_counts_nothing_for_it() {
        let quota = Quota { task_bytes_max: Some(10), total_bytes_max: Some(15) };
        let folder = Arc::new(Use { quota, ..Use::default() });
        let tasks = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
        let mut first = Share::new(folder.clone(), tasks[0].clone());
        first.take(10).unwrap();
        let refused = first.take(1).unwrap_err().to_string();
        assert!(refused.contains("would have 11 bytes") && refused.contains("task is 10"), "{refused}");
        let mut second = Share::new(folder.clone(), tasks[1].clone());
        second.take(5).unwrap();
        let refused = second.take(1).unwrap_err().to_string();
        assert!(refused.contains("would have 16 bytes") && refused.contains("quota is 15"), "{refused}");
        first.publish();
        drop(first);
        assert!(second.take(1).is_err(), "published bytes count");
        folder.published.store(0, Ordering::Relaxed);
        second.take(5).unwrap();
    }
}

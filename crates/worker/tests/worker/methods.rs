//! Methods made for tests, and what they leave behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mission_core::Failure;
use mission_worker::Method;

/// What ran, in the order in which it began.
#[derive(Clone, Default)]
pub(crate) struct Diary {
    entries: Arc<Mutex<Vec<String>>>,
}

impl Diary {
    pub(crate) fn write(&self, entry: impl ToString) {
        self.entries.lock().unwrap().push(entry.to_string());
    }

    pub(crate) fn read(&self) -> Vec<String> {
        self.entries.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, entry: &str) -> usize {
        self.read().iter().filter(|known| *known == entry).count()
    }

    /// Notes its params and answers them.
    pub(crate) fn method(&self, name: &str) -> Method {
        let diary = self.clone();
        Method::from_fn(name, move |_, text: String| {
            diary.write(&text);
            async move { Ok::<_, Failure>(text) }
        })
    }
}

/// Takes a number of milliseconds and sleeps as long, awaiting.
pub(crate) fn sleep() -> Method {
    Method::from_fn("sleep", |ctx, ms: u64| async move {
        // So that a test can tell that it has begun, not only that it was claimed.
        ctx.progress((0, ms)).await?;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, Failure>("slept")
    })
}

/// Sleeps for a quarter of an hour in a way that a stop ends, on a thread of its own.
pub(crate) fn doze() -> Method {
    Method::from_blocking_fn("doze", |ctx, (): ()| {
        ctx.sleep(Duration::from_secs(900))?;
        Ok::<_, Failure>("dozed")
    })
}

/// Sleeps so many milliseconds on a thread of its own and never looks up.
pub(crate) fn stubborn() -> Method {
    Method::from_blocking_fn("stubborn", |_, ms: u64| {
        std::thread::sleep(Duration::from_millis(ms));
        Ok::<_, Failure>("woke up")
    })
}

/// Said by a test that has seen enough, so that a method cannot end before it, however slow the machine is.
#[derive(Clone, Default)]
pub(crate) struct Enough(Arc<AtomicBool>);

impl Enough {
    pub(crate) fn say(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts to a number, notes each step and keeps a checkpoint at every one.
pub(crate) fn count(diary: &Diary) -> Method {
    let diary = diary.clone();
    Method::from_fn("count", move |ctx, to: u64| {
        let diary = diary.clone();
        async move {
            for n in ctx.resume_at()?.unwrap_or(0)..to {
                diary.write(n);
                ctx.checkpoint(&(n + 1), (n + 1, to)).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok::<_, Failure>(format!("counted to {to}, resumed {} times", ctx.resumed()))
        }
    })
}

/// The same until a test has seen enough.
pub(crate) fn count_until(enough: &Enough, diary: &Diary) -> Method {
    let (enough, diary) = (enough.clone(), diary.clone());
    Method::from_fn("count", move |ctx, (): ()| {
        let (enough, diary) = (enough.clone(), diary.clone());
        async move {
            let mut n: u64 = ctx.resume_at()?.unwrap_or(0);
            while !enough.is_said() {
                diary.write(n);
                n += 1;
                ctx.checkpoint(&n, n).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok::<_, Failure>(format!("counted to {n}, resumed {} times", ctx.resumed()))
        }
    })
}

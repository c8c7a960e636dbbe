//! Methods made for tests, and what they leave behind.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mission_core::Failure;
use mission_worker::{Context, Method};

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

/// How far a method may go, so that it cannot end before the test is done with it, however slow the machine is.
#[derive(Clone)]
pub(crate) struct Leash(Arc<AtomicU64>);

impl Leash {
    pub(crate) fn none() -> Self {
        Self::of(u64::MAX)
    }

    pub(crate) fn of(steps: u64) -> Self {
        Self(Arc::new(AtomicU64::new(steps)))
    }

    pub(crate) fn lengthen(&self, steps: u64) {
        self.0.fetch_add(steps, Ordering::Relaxed);
    }

    pub(crate) fn let_go(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    /// Goes one step, from one of so many to the next: keeps a checkpoint and takes a moment, longer at the end of the leash.
    pub(crate) async fn step(&self, ctx: &Context, next: u64, to: u64) -> Result<(), Failure> {
        loop {
            ctx.checkpoint(&next, (next, to)).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            if next < self.0.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }
}

/// Counts to a number, notes each step and keeps a checkpoint at every one.
pub(crate) fn count(diary: &Diary) -> Method {
    count_on(Leash::none(), diary)
}

/// The same, as far as it may go.
pub(crate) fn count_on(leash: Leash, diary: &Diary) -> Method {
    let diary = diary.clone();
    Method::from_fn("count", move |ctx, to: u64| {
        let (diary, leash) = (diary.clone(), leash.clone());
        async move {
            for n in ctx.resume_at()?.unwrap_or(0)..to {
                diary.write(n);
                leash.step(&ctx, n + 1, to).await?;
            }
            Ok::<_, Failure>(format!("counted to {to}, resumed {} times", ctx.resumed()))
        }
    })
}

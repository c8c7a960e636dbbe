//! The glance: whether any task waits, as the last look at the list of workers saw beside; an idle worker needs no other look.

use std::time::Instant;

use tokio::sync::watch;

use crate::limits;

/// What was seen last. Written by the housekeeper, asked by the fetcher.
pub(crate) struct Glance {
    seen: watch::Sender<Option<Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    asked_at: Instant,
    is_waiting: bool,
}

impl Seen {
    fn is_calm(self) -> bool {
        !self.is_waiting && self.asked_at.elapsed() < limits::GLANCE_AGE_MAX
    }
}

impl Default for Glance {
    fn default() -> Self {
        Self { seen: watch::Sender::new(None) }
    }
}

impl Glance {
    /// A look that was asked for at this moment saw whether a task waits.
    pub(crate) fn saw(&self, asked_at: Instant, is_waiting: bool) {
        self.seen.send_replace(Some(Seen { asked_at, is_waiting }));
    }

    /// Waits for as long as nothing waits: until a task does, or nobody looks any more.
    pub(crate) async fn while_calm(&self) {
        let mut seen = self.seen.subscribe();
        loop {
            let Some(last) = *seen.borrow_and_update() else { return };
            if !last.is_calm() {
                return;
            }
            let left = limits::GLANCE_AGE_MAX.saturating_sub(last.asked_at.elapsed());
            // Over or changed: the next round tells.
            let _ = tokio::time::timeout(left, seen.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_over(glance: &Glance) -> bool {
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};
        matches!(pin!(glance.while_calm()).as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[tokio::test]
    async fn only_a_fresh_look_that_saw_nothing_lets_a_worker_rest() {
        let glance = Glance::default();
        assert!(is_over(&glance), "nobody has looked");
        glance.saw(Instant::now(), false);
        assert!(!is_over(&glance));
        glance.saw(Instant::now() - limits::GLANCE_AGE_MAX, false);
        assert!(is_over(&glance), "nobody looks any more");
        glance.saw(Instant::now(), true);
        assert!(is_over(&glance), "a task waits");
    }

    #[tokio::test]
    async fn a_rest_ends_when_a_look_sees_a_task_and_when_looks_stay_away() {
        let glance = std::sync::Arc::new(Glance::default());
        glance.saw(Instant::now(), false);
        let resting = tokio::spawn({
            let glance = std::sync::Arc::clone(&glance);
            async move { glance.while_calm().await }
        });
        glance.saw(Instant::now(), true);
        resting.await.unwrap();
        glance.saw(Instant::now() - limits::GLANCE_AGE_MAX + Duration::from_millis(20), false);
        glance.while_calm().await;
    }
}

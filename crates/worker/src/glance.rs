//! The glance: whether anything waits beside what the last look at the lines saw, as looks at the list of workers see beside; a
//! worker at rest needs no other look.

use std::sync::Arc;
use std::time::Instant;

use mission_store::Outlook;
use tokio::sync::watch;

use crate::limits;

/// What is known to wait, said by the fetcher, and what was seen last, said by the housekeeper.
pub(crate) struct Glance {
    known: watch::Sender<Arc<Outlook>>,
    seen: watch::Sender<Option<Seen>>,
}

#[derive(Clone)]
struct Seen {
    asked_at: Instant,
    /// Beside what it was compared.
    known: Arc<Outlook>,
    has_news: bool,
}

impl Seen {
    fn is_calm(&self, known: &Arc<Outlook>) -> bool {
        self.known == *known && !self.has_news && self.asked_at.elapsed() < limits::GLANCE_AGE_MAX
    }
}

impl Default for Glance {
    fn default() -> Self {
        Self { known: watch::Sender::default(), seen: watch::Sender::new(None) }
    }
}

impl Glance {
    /// From now on looks are to tell what waits beside this.
    pub(crate) fn compare_with(&self, known: Arc<Outlook>) {
        self.known.send_replace(known);
    }

    /// While there is work or trouble, looks are plain ones: they cost less, and lean on nothing else.
    pub(crate) fn compare_nothing(&self) {
        let is_asked = !self.known.borrow().is_empty();
        if is_asked {
            self.compare_with(Arc::default());
        }
    }

    /// Beside what the next look is to see.
    pub(crate) fn known(&self) -> Arc<Outlook> {
        Arc::clone(&self.known.borrow())
    }

    /// A look that was asked for at this moment saw whether anything waits beside this.
    pub(crate) fn saw(&self, asked_at: Instant, known: Arc<Outlook>, has_news: bool) {
        self.seen.send_replace(Some(Seen { asked_at, known, has_news }));
    }

    /// Waits for as long as nothing else waits than this: until a task does, or nobody looks any more.
    pub(crate) async fn while_calm(&self, known: &Arc<Outlook>) {
        let mut seen = self.seen.subscribe();
        loop {
            let Some(last) = seen.borrow_and_update().clone() else { return };
            if !last.is_calm(known) {
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

    fn nothing() -> Arc<Outlook> {
        Arc::default()
    }

    fn is_over(glance: &Glance) -> bool {
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};
        matches!(
            pin!(glance.while_calm(&nothing())).as_mut().poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(())
        )
    }

    #[tokio::test]
    async fn only_a_fresh_look_that_saw_nothing_lets_a_worker_rest() {
        let glance = Glance::default();
        assert!(is_over(&glance), "nobody has looked");
        glance.saw(Instant::now(), nothing(), false);
        assert!(!is_over(&glance));
        glance.saw(Instant::now() - limits::GLANCE_AGE_MAX, nothing(), false);
        assert!(is_over(&glance), "nobody looks any more");
        glance.saw(Instant::now(), nothing(), true);
        assert!(is_over(&glance), "a task waits");
    }

    #[tokio::test]
    async fn a_rest_ends_when_a_look_sees_a_task_and_when_looks_stay_away() {
        let glance = std::sync::Arc::new(Glance::default());
        glance.saw(Instant::now(), nothing(), false);
        let resting = tokio::spawn({
            let glance = std::sync::Arc::clone(&glance);
            async move { glance.while_calm(&nothing()).await }
        });
        glance.saw(Instant::now(), nothing(), true);
        resting.await.unwrap();
        glance.saw(Instant::now() - limits::GLANCE_AGE_MAX + Duration::from_millis(20), nothing(), false);
        glance.while_calm(&nothing()).await;
    }
}

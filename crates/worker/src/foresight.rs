//! Which line the next call is probably about: the one that the last claims were from.

use mission_core::Timestamp;
use mission_store::Line;

use crate::limits;

/// The line of the last claims, from where it goes on, and how many of them it gave.
#[derive(Default)]
pub(crate) struct Foresight(Option<(Line, usize)>);

impl Foresight {
    /// A claim from a line gave tasks, the last of them due at this moment.
    pub(crate) fn gave(&mut self, chosen: &Line, head: Timestamp) {
        let before = self.0.take().filter(|(line, _)| line.is_same(chosen));
        let claims = before.map_or(0, |(_, claims)| claims) + 1;
        self.0 = Some((Line { head, ..chosen.clone() }, claims));
    }

    /// The line, if all of the last claims were from it.
    pub(crate) fn line(&self) -> Option<&Line> {
        self.0.as_ref().filter(|(_, claims)| *claims >= limits::ALIKE_MIN).map(|(line, _)| line)
    }

    /// It is not foreseen where one of a higher priority is known.
    pub(crate) fn yields_to(&mut self, mut known: impl Iterator<Item = i64>) {
        if self.0.as_ref().is_some_and(|(line, _)| known.any(|priority| priority > line.priority)) {
            self.0 = None;
        }
    }

    /// The line had nothing.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

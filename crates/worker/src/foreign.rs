//! Due lines that this worker does not serve: a hint may be about them, and is for another then.

use std::time::Instant;

use mission_store::Line;

use crate::limits;

/// Those of the last look.
#[derive(Default)]
pub(crate) struct Foreign {
    lines: Vec<Seen>,
}

struct Seen {
    line: Line,
    /// When a hint was last passed on because of it.
    passed_at: Option<Instant>,
}

impl Foreign {
    /// Takes what a look saw; answers whether a hint that came is to be passed on. Not twice for the same task, which perhaps nobody
    /// serves at all, and not at each move of a line that others are busy with.
    pub(crate) fn may_be_meant(&mut self, seen: Vec<Line>, has_hint: bool, now: Instant) -> bool {
        let mut is_meant = false;
        let mut lines = Vec::with_capacity(seen.len());
        for line in seen {
            let known = self.lines.iter().find(|known| known.line.is_same(&line));
            let passed = known.and_then(|known| Some((known.passed_at?, known.line.head)));
            is_meant |= has_hint
                && passed.is_none_or(|(at, head)| {
                    head != line.head && now.saturating_duration_since(at) >= limits::HINT_PASSED_FOR
                });
            lines.push(Seen { line, passed_at: passed.map(|(at, _)| at) });
        }
        if is_meant {
            lines.iter_mut().for_each(|seen| seen.passed_at = Some(now));
        }
        self.lines = lines;
        is_meant
    }
}

#[cfg(test)]
mod tests {
    use mission_core::Timestamp;

    use super::*;

    fn line(head: i64) -> Line {
        let (method, task_type) = ("export".to_owned(), "system".to_owned());
        Line { method, task_type, priority: 0, lane: 0, head: Timestamp(head), is_paused: false, running_limit: None }
    }

    #[test]
    fn a_hint_is_passed_on_once_for_a_task_that_others_may_serve_even_if_it_was_seen_before() {
        let (mut foreign, now) = (Foreign::default(), Instant::now());
        assert!(!foreign.may_be_meant(vec![line(1)], false, now), "no hint came");
        assert!(foreign.may_be_meant(vec![line(1)], true, now));
        let later = now + 10 * limits::HINT_PASSED_FOR;
        assert!(!foreign.may_be_meant(vec![line(1)], true, later), "perhaps nobody serves it");
        assert!(foreign.may_be_meant(vec![line(2)], true, later), "there is another");
        assert!(!foreign.may_be_meant(vec![], true, later));
        assert!(foreign.may_be_meant(vec![line(2)], true, later), "it comes again");
    }

    #[test]
    fn a_line_that_others_are_busy_with_does_not_send_each_hint_on() {
        let (mut foreign, now) = (Foreign::default(), Instant::now());
        let passed = (0..100).filter(|step| {
            let at = now + limits::HINT_PASSED_FOR * *step / 20;
            foreign.may_be_meant(vec![line(i64::from(*step))], true, at)
        });
        assert_eq!(passed.count(), 5);
    }
}

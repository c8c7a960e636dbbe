//! Which line to claim from next: known lines, with what is set for their types, and whose turn it is.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mission_core::Timestamp;
use mission_store::Line;

use crate::foresight::Foresight;
use crate::limits;
use crate::log::Lasting;

/// The lines that were seen last, and what a worker remembers about them.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Vec<Seen>,
    /// When they were read, and what the database's clock said.
    read: Option<(Instant, Timestamp)>,
    /// Whether they are to be read anew, whatever their age.
    is_expired: bool,
    /// Types whose running limit was found reached, and until when they are left alone.
    full_until: HashMap<String, Instant>,
    /// The turn in which a line last gave something: also of lines that are gone for now, for as long as another waits for
    /// its turn since before. Who comes again and again with a single task would get ahead of it each time.
    turns: HashMap<Key, u64>,
    turn: u64,
    /// Lines whose claim the database refused.
    aside: HashMap<Key, Aside>,
    foresight: Foresight,
}

/// A line and the turn in which it last gave something; 0 if it never did.
struct Seen {
    line: Line,
    turn: u64,
}

/// How long a line is left alone, and how long that has been so.
struct Aside {
    until: Instant,
    refusal: Lasting,
}

/// What makes a line.
type Key = (String, String, i64, i64);

impl Lines {
    /// Takes what was read.
    pub(crate) fn learn(&mut self, lines: Vec<Line>, database_now: Timestamp, now: Instant) {
        self.aside.retain(|key, _| lines.iter().any(|line| is_of(line, key)));
        self.full_until.retain(|_, until| *until > now);
        let turn = |line: &Line| self.turns.get(&key(line)).copied().unwrap_or(0);
        self.lines = lines.into_iter().map(|line| Seen { turn: turn(&line), line }).collect();
        (self.read, self.is_expired) = (Some((now, database_now)), false);
        self.foresight.yields_to(self.lines.iter().map(|seen| seen.line.priority));
        self.forget_turns(now);
    }

    /// Forgets turns that tell no order any more: those from before the last of every line that waits at the same priority.
    fn forget_turns(&mut self, now: Instant) {
        let mut longest_waiting: HashMap<i64, u64> = HashMap::new();
        for seen in self.due(now) {
            longest_waiting
                .entry(seen.line.priority)
                .and_modify(|turn| *turn = seen.turn.min(*turn))
                .or_insert(seen.turn);
        }
        let oldest = self.turn.saturating_sub(limits::TURNS_KEPT);
        self.turns.retain(|(_, _, priority, _), turn| {
            *turn > oldest && longest_waiting.get(priority).is_some_and(|longest| longest <= turn)
        });
    }

    /// Whether the lines are too old to go by.
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        self.age(now).is_none_or(|age| age >= limits::LINES_AGE_MAX)
    }

    /// How long ago the lines were read, if they may be gone by.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.read.filter(|_| !self.is_expired).map(|(at, _)| now.saturating_duration_since(at))
    }

    /// Makes the next step read them anew.
    pub(crate) fn expire(&mut self) {
        self.is_expired = true;
    }

    /// The line to claim from: due, runnable, of the highest priority; among those the one that waited longest for
    /// its turn, then the one with the oldest head.
    pub(crate) fn choose(&self, now: Instant) -> Option<Line> {
        let order = |seen: &&Seen| (std::cmp::Reverse(seen.line.priority), seen.turn, seen.line.head);
        self.due(now).min_by_key(order).map(|seen| seen.line.clone())
    }

    /// The other lines of this one's priority that are due; `None` where one of a higher priority is.
    pub(crate) fn beside(&self, line: &Line, now: Instant) -> Option<Vec<Line>> {
        let due =
            self.due(now).map(|seen| &seen.line).filter(|due| due.priority >= line.priority && !due.is_same(line));
        due.map(|due| (due.priority == line.priority).then(|| due.clone())).collect()
    }

    /// In how long the next runnable line is due, if there is one; a line that is aside is not.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Duration> {
        let lines = self.lines.iter().map(|seen| &seen.line);
        let lines = lines.filter(|line| !is_paused(line) && !self.is_aside(line, now));
        lines.map(|line| self.due_in(line, now)).min()
    }

    /// The database refused a claim from a line: others go on without it. Answers whether that is to be said now.
    pub(crate) fn put_aside(&mut self, chosen: &Line, now: Instant) -> bool {
        let until = now + limits::ASIDE_PAUSE;
        let aside = self.aside.entry(key(chosen)).or_insert_with(|| Aside { until, refusal: Lasting::default() });
        aside.until = until;
        aside.refusal.goes_on(now)
    }

    /// A claim from a line gave less than was asked for: it has no more that are due. That was its turn nevertheless.
    pub(crate) fn exhaust(&mut self, chosen: &Line) {
        self.drop_line(chosen);
        self.turn += 1;
        self.turns.insert(key(chosen), self.turn);
    }

    /// A claim from a line gave nothing at all: if its type has a running limit, that was reached. It keeps its turn.
    pub(crate) fn exhaust_type(&mut self, chosen: &Line, now: Instant) {
        self.drop_line(chosen);
        if chosen.running_limit.is_some() {
            self.full_until.insert(chosen.task_type.clone(), now + limits::FULL_TYPE_PAUSE);
        }
    }

    /// A claim from a line gave tasks, the last of them due at this moment: others have their turn before it.
    pub(crate) fn advance(&mut self, chosen: &Line, head: Timestamp) {
        self.turn += 1;
        if let Some(seen) = self.lines.iter_mut().find(|seen| seen.line.is_same(chosen)) {
            (seen.line.head, seen.turn) = (head, self.turn);
        }
        self.turns.insert(key(chosen), self.turn);
    }

    /// A claim from a line gave tasks, the last of them due at this moment.
    pub(crate) fn gave(&mut self, chosen: &Line, head: Timestamp) {
        self.foresight.gave(chosen, head);
    }

    /// The line from which a task is claimed before the lines are read, because what calls is mostly more of the same: if all of the
    /// last claims were from it, none of a higher priority was seen since (there may be one), and nothing is known to be due.
    pub(crate) fn foreseen(&self, now: Instant) -> Option<Line> {
        let line = self.foresight.line()?;
        let is_full = self.full_until.get(&line.task_type).is_some_and(|until| *until > now);
        let is_ruled = line.is_paused || line.running_limit.is_some() || is_full;
        (!is_ruled && !self.is_aside(line, now) && self.due(now).next().is_none()).then(|| line.clone())
    }

    /// It had nothing.
    pub(crate) fn foresee_nothing(&mut self) {
        self.foresight.forget();
    }

    fn drop_line(&mut self, chosen: &Line) {
        self.lines.retain(|seen| !seen.line.is_same(chosen));
    }

    /// The lines that may be claimed from now.
    fn due(&self, now: Instant) -> impl Iterator<Item = &Seen> {
        let is_full = move |line: &Line| self.full_until.get(&line.task_type).is_some_and(|until| *until > now);
        self.lines.iter().filter(move |Seen { line, .. }| {
            let is_runnable = !is_paused(line) && !is_full(line) && !self.is_aside(line, now);
            is_runnable && self.due_in(line, now).is_zero()
        })
    }

    fn is_aside(&self, line: &Line, now: Instant) -> bool {
        // Mostly there is none, and then no key is made.
        !self.aside.is_empty() && self.aside.get(&key(line)).is_some_and(|aside| aside.until > now)
    }

    /// By the database's clock, as far as it can be known without asking.
    fn due_in(&self, line: &Line, now: Instant) -> Duration {
        let Some((at, database_then)) = self.read else { return Duration::ZERO };
        let passed = now.saturating_duration_since(at);
        line.head.since(database_then).saturating_sub(passed)
    }
}

fn is_paused(line: &Line) -> bool {
    line.is_paused || line.running_limit == Some(0)
}

fn key(line: &Line) -> Key {
    (line.method.clone(), line.task_type.clone(), line.priority, line.lane)
}

fn is_of(line: &Line, key: &Key) -> bool {
    (line.priority, line.lane) == (key.2, key.3) && line.method == key.0 && line.task_type == key.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: &str, task_type: &str, priority: i64, head: i64) -> Line {
        let (method, task_type, head) = (method.into(), task_type.into(), Timestamp(head));
        Line { method, task_type, priority, lane: 0, head, is_paused: false, running_limit: None }
    }

    fn known(lines: Vec<Line>) -> (Lines, Instant) {
        let mut known = Lines::default();
        let now = Instant::now();
        known.learn(lines, Timestamp(1_000_000), now);
        (known, now)
    }

    fn chosen(lines: &Lines, now: Instant) -> String {
        lines.choose(now).map_or("none".to_owned(), |line| line.method)
    }

    #[test]
    fn the_highest_priority_goes_first_then_the_oldest_head() {
        let (lines, now) = known(vec![line("a", "t", 0, 1), line("b", "t", 5, 9), line("c", "t", 5, 8)]);
        assert_eq!(chosen(&lines, now), "c");
    }

    #[test]
    fn lines_of_equal_priority_take_turns() {
        let (mut lines, now) = known(vec![line("a", "t", 0, 1), line("b", "t", 0, 2)]);
        let mut order = Vec::new();
        for _ in 0..4 {
            let chosen = lines.choose(now).unwrap();
            order.push(chosen.method.clone());
            lines.advance(&chosen, chosen.head);
        }
        assert_eq!(order, ["a", "b", "a", "b"]);
    }

    /// The waiting tasks of some lines, and a worker that takes so many with each claim and looks anew before it. Answers whose
    /// tasks it took, one word for each claim; `come` brings what arrives after it.
    fn served(
        waiting: &mut [(&str, usize)],
        claims: usize,
        room: usize,
        come: impl Fn(&str, &mut [(&str, usize)]),
    ) -> Vec<String> {
        let (mut lines, now) = known(vec![]);
        let mut order = Vec::new();
        for _ in 0..claims {
            let there = waiting.iter().filter(|(_, tasks)| *tasks > 0);
            lines.learn(there.map(|(method, _)| line(method, "t", 0, 1)).collect(), Timestamp(1_000_000), now);
            let chosen = lines.choose(now).unwrap();
            let method = chosen.method.clone();
            let tasks = &mut waiting.iter_mut().find(|(known, _)| *known == method).unwrap().1;
            let taken = room.min(*tasks);
            *tasks -= taken;
            if taken < room {
                lines.exhaust(&chosen)
            } else {
                lines.advance(&chosen, chosen.head)
            }
            come(&method, waiting);
            order.push(method);
        }
        order
    }

    #[test]
    fn a_line_that_comes_new_goes_before_those_that_had_their_turn() {
        let come = |taken: &str, waiting: &mut [(&str, usize)]| {
            if taken == "a" && waiting[0].1 == 95 {
                waiting[1].1 = 1;
            }
        };
        assert_eq!(served(&mut [("a", 100), ("b", 0)], 8, 1, come).concat(), "aaaaabaa");
    }

    #[test]
    fn who_comes_again_and_again_with_a_single_task_does_not_get_ahead_of_who_waits() {
        // Each of nine others pushes its next task as soon as its last one was claimed, and is seen without tasks in between.
        for room in [1, 4] {
            let others = ["b", "c", "d", "e", "f", "g", "h", "i", "j"];
            let mut waiting: Vec<_> = std::iter::once(("a", 1000)).chain(others.map(|other| (other, 1))).collect();
            let come = |taken: &str, waiting: &mut [(&str, usize)]| {
                for (method, tasks) in waiting {
                    *tasks = if *method == "a" || *method == taken { *tasks } else { 1 };
                }
            };
            let order = served(&mut waiting, 100, room, come);
            let turns_of_a = order.iter().filter(|method| *method == "a").count();
            assert_eq!(turns_of_a, 10, "every tenth turn: {}", order.concat());
        }
    }

    #[test]
    fn turns_are_forgotten_once_they_tell_no_order() {
        let (mut lines, now) = known(vec![]);
        for number in 0..1000 {
            let passing = line(&format!("m{number}"), "t", 0, 1);
            lines.learn(vec![line("a", "t", 0, 1), passing], Timestamp(1_000_000), now);
            for _ in 0..2 {
                let chosen = lines.choose(now).unwrap();
                lines.advance(&chosen, chosen.head);
            }
        }
        assert_eq!(lines.turns.len(), 1001, "one that never had its turn was there at each look");
        lines.learn(vec![line("a", "t", 0, 1), line("m999", "t", 0, 1)], Timestamp(1_000_000), now);
        assert_eq!(lines.turns.len(), 2);
        lines.learn(vec![], Timestamp(1_000_000), now);
        assert_eq!(lines.turns.len(), 0, "nobody waits");
    }

    #[test]
    fn a_line_is_due_when_the_databases_clock_says_so() {
        let (lines, now) = known(vec![line("a", "t", 0, 1_300_000)]);
        assert_eq!(chosen(&lines, now), "none");
        assert_eq!(lines.next_due(now), Some(Duration::from_millis(300)));
        assert_eq!(chosen(&lines, now + Duration::from_millis(300)), "a");
    }

    #[test]
    fn a_line_whose_claim_was_refused_is_not_due_for_a_while() {
        let (mut lines, now) = known(vec![line("a", "t", 9, 1), line("b", "t", 0, 1)]);
        let refused = lines.choose(now).unwrap();
        assert!(lines.put_aside(&refused, now), "the first time it is said");
        assert_eq!(chosen(&lines, now), "b");
        lines.learn(vec![line("a", "t", 9, 1)], Timestamp(1_000_000), now);
        assert_eq!((chosen(&lines, now).as_str(), lines.next_due(now)), ("none", None));
        let again = now + limits::ASIDE_PAUSE;
        assert_eq!(chosen(&lines, again), "a");
        assert!(!lines.put_aside(&refused, again), "it has been said");
        assert!(lines.put_aside(&refused, now + limits::SAY_AGAIN));
    }

    #[test]
    fn more_is_foreseen_of_a_line_that_all_of_the_last_claims_were_from() {
        let (a, b) = (line("a", "t", 0, 1), line("b", "t", 0, 2));
        let (mut lines, now) = known(vec![a.clone()]);
        lines.gave(&a, Timestamp(5));
        lines.exhaust(&a);
        assert_eq!(lines.foreseen(now), None, "one claim tells nothing yet");
        lines.gave(&a, Timestamp(7));
        let from_there = Line { head: Timestamp(7), ..a.clone() };
        assert_eq!(lines.foreseen(now), Some(from_there.clone()));
        lines.learn(vec![Line { head: Timestamp(1_500_000), ..b.clone() }], Timestamp(1_000_000), now);
        lines.expire();
        assert_eq!(lines.foreseen(now), Some(from_there), "what is due later changes nothing");
        assert_eq!(lines.foreseen(now + Duration::from_millis(500)), None, "by now it is due");
        lines.gave(&b, Timestamp(3));
        assert_eq!(lines.foreseen(now), None, "another came between");
        lines.gave(&b, Timestamp(3));
        assert!(lines.foreseen(now).is_some());
        lines.foresee_nothing();
        assert_eq!(lines.foreseen(now), None);
    }

    #[test]
    fn nothing_is_foreseen_of_a_line_that_others_go_before_or_that_cannot_give() {
        let a = line("a", "t", 0, 1);
        let foreseen = |of: &Line| {
            let (mut lines, now) = known(vec![]);
            lines.gave(of, Timestamp(5));
            lines.gave(of, Timestamp(5));
            (lines, now)
        };
        let (mut lines, now) = foreseen(&a);
        let higher = line("b", "t", 1, 9);
        lines.learn(vec![higher.clone()], Timestamp(1_000_000), now);
        lines.exhaust(&higher);
        assert_eq!(lines.foreseen(now), None, "a higher priority was seen");
        for ruled in [Line { running_limit: Some(2), ..a.clone() }, Line { is_paused: true, ..a.clone() }] {
            let (lines, now) = foreseen(&ruled);
            assert_eq!(lines.foreseen(now), None, "what is set for its type is looked at first");
        }
        let (mut lines, now) = foreseen(&a);
        lines.put_aside(&a, now);
        assert_eq!(lines.foreseen(now), None, "the database refused it");
        let (mut lines, now) = foreseen(&a);
        lines.exhaust_type(&Line { running_limit: Some(1), ..a.clone() }, now);
        assert_eq!(lines.foreseen(now), None, "as many run as may");
    }

    #[test]
    fn paused_and_full_types_wait() {
        let paused = Line { is_paused: true, ..line("a", "paused", 9, 1) };
        let limited = Line { running_limit: Some(2), ..line("b", "limited", 5, 1) };
        let (mut lines, now) = known(vec![paused, limited.clone(), line("c", "t", 0, 1)]);
        assert_eq!(lines.choose(now).unwrap(), limited);
        lines.exhaust_type(&limited, now);
        assert_eq!(chosen(&lines, now), "c");
        lines.learn(vec![limited], Timestamp(1_000_000), now);
        assert_eq!(chosen(&lines, now), "none");
        assert_eq!(chosen(&lines, now + limits::FULL_TYPE_PAUSE), "b");
    }
}

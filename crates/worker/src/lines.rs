//! Which line to claim from next: known lines, what is set for their types, and whose turn it is.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mission_core::Timestamp;
use mission_store::{Line, TypeRule};

use crate::limits;
use crate::log::Lasting;

/// The lines that were seen last, and what a worker remembers about them.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    /// When they were read, and what the database's clock said.
    read: Option<(Instant, Timestamp)>,
    rules: Rules,
    /// When a line was last claimed from, in turns.
    turns: HashMap<Key, u64>,
    turn: u64,
    /// Lines whose claim the database refused.
    aside: HashMap<Key, Aside>,
}

/// How long a line is left alone, and how long that has been so.
struct Aside {
    until: Instant,
    refusal: Lasting,
}

#[derive(Default)]
struct Rules {
    by_type: HashMap<String, TypeRule>,
    read: Option<Instant>,
    /// Types whose running limit was found reached, and until when they are left alone.
    full_until: HashMap<String, Instant>,
}

/// What makes a line: everything but its head.
type Key = (String, String, i64, i64);

/// The line whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    pub(crate) line: Line,
    /// How many tasks of its type may run, over all workers.
    pub(crate) running_limit: Option<i64>,
}

impl Lines {
    /// Takes what was read.
    pub(crate) fn learn(&mut self, lines: Vec<Line>, database_now: Timestamp, now: Instant) {
        self.turns.retain(|key, _| lines.iter().any(|line| is_of(line, key)));
        self.aside.retain(|key, _| lines.iter().any(|line| is_of(line, key)));
        self.lines = lines;
        self.read = Some((now, database_now));
    }

    /// Takes what is set for types.
    pub(crate) fn learn_rules(&mut self, rules: Vec<TypeRule>, now: Instant) {
        self.rules.by_type = rules.into_iter().map(|rule| (rule.task_type.clone(), rule)).collect();
        self.rules.read = Some(now);
        self.rules.full_until.retain(|_, until| *until > now);
    }

    /// Whether the lines are too old to go by.
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        self.age(now).is_none_or(|age| age >= limits::LINES_AGE_MAX)
    }

    /// Whether the rules are too old to go by; without lines nobody asks for them.
    pub(crate) fn wants_rules(&self, now: Instant) -> bool {
        let age = self.rules.read.map(|at| now.saturating_duration_since(at));
        !self.lines.is_empty() && age.is_none_or(|age| age >= limits::LINES_AGE_MAX)
    }

    /// How long ago the lines were read.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.read.map(|(at, _)| now.saturating_duration_since(at))
    }

    /// Makes the next step read them anew.
    pub(crate) fn expire(&mut self) {
        self.read = None;
    }

    /// The line to claim from: due, runnable, of the highest priority; among those the one that waited longest for
    /// its turn, then the one with the oldest head.
    pub(crate) fn choose(&self, now: Instant) -> Option<Choice> {
        let due = self.runnable(now).filter(|line| self.due_in(line, now).is_zero());
        let turn = |line: &Line| self.turns.get(&key(line)).copied().unwrap_or(0);
        let line = due.min_by_key(|line| (std::cmp::Reverse(line.priority), turn(line), line.head))?;
        let running_limit = self.rules.by_type.get(&line.task_type).and_then(|rule| rule.running_limit);
        Some(Choice { line: line.clone(), running_limit })
    }

    /// In how long the next runnable line is due, if there is one; a line that is aside is not.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Duration> {
        let lines = self.lines.iter().filter(|line| !self.is_paused(line) && !self.is_aside(line, now));
        lines.map(|line| self.due_in(line, now)).min()
    }

    /// The database refused a claim from a line: others go on without it. Answers whether that is to be said now.
    pub(crate) fn put_aside(&mut self, choice: &Choice, now: Instant) -> bool {
        let until = now + limits::ASIDE_PAUSE;
        let aside = self.aside.entry(key(&choice.line)).or_insert_with(|| Aside { until, refusal: Lasting::default() });
        aside.until = until;
        aside.refusal.goes_on(now)
    }

    /// A claim from a line gave less than was asked for: it has no more that are due.
    pub(crate) fn exhaust(&mut self, choice: &Choice) {
        let key = key(&choice.line);
        self.lines.retain(|line| !is_of(line, &key));
    }

    /// A claim from a line gave nothing at all: if its type has a running limit, that was reached.
    pub(crate) fn exhaust_type(&mut self, choice: &Choice, now: Instant) {
        self.exhaust(choice);
        if choice.running_limit.is_some() {
            self.rules.full_until.insert(choice.line.task_type.clone(), now + limits::FULL_TYPE_PAUSE);
        }
    }

    /// A claim from a line gave tasks, the last of them due at this moment: others have their turn before it.
    pub(crate) fn advance(&mut self, choice: &Choice, head: Timestamp) {
        self.turn += 1;
        let key = key(&choice.line);
        if let Some(line) = self.lines.iter_mut().find(|line| is_of(line, &key)) {
            line.head = head;
        }
        self.turns.insert(key, self.turn);
    }

    fn runnable(&self, now: Instant) -> impl Iterator<Item = &Line> {
        let is_full = move |line: &Line| self.rules.full_until.get(&line.task_type).is_some_and(|until| *until > now);
        self.lines.iter().filter(move |line| !self.is_paused(line) && !is_full(line) && !self.is_aside(line, now))
    }

    fn is_aside(&self, line: &Line, now: Instant) -> bool {
        // Mostly there is none, and then no key is made.
        !self.aside.is_empty() && self.aside.get(&key(line)).is_some_and(|aside| aside.until > now)
    }

    fn is_paused(&self, line: &Line) -> bool {
        let rule = self.rules.by_type.get(&line.task_type);
        rule.is_some_and(|rule| rule.is_paused || rule.running_limit == Some(0))
    }

    /// By the database's clock, as far as it can be known without asking.
    fn due_in(&self, line: &Line, now: Instant) -> Duration {
        let Some((at, database_then)) = self.read else { return Duration::ZERO };
        let passed = now.saturating_duration_since(at);
        line.head.since(database_then).saturating_sub(passed)
    }
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
        Line { method: method.into(), task_type: task_type.into(), priority, lane: 0, head: Timestamp(head) }
    }

    fn known(lines: Vec<Line>) -> (Lines, Instant) {
        let mut known = Lines::default();
        let now = Instant::now();
        known.learn(lines, Timestamp(1_000_000), now);
        (known, now)
    }

    fn chosen(lines: &Lines, now: Instant) -> String {
        lines.choose(now).map_or("none".to_owned(), |choice| choice.line.method)
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
            let choice = lines.choose(now).unwrap();
            order.push(choice.line.method.clone());
            lines.advance(&choice, choice.line.head);
        }
        assert_eq!(order, ["a", "b", "a", "b"]);
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
    fn paused_and_full_types_wait() {
        let (mut lines, now) = known(vec![line("a", "paused", 9, 1), line("b", "limited", 5, 1), line("c", "t", 0, 1)]);
        let rule = |task_type: &str, is_paused, running_limit| TypeRule {
            task_type: task_type.into(),
            is_paused,
            running_limit,
        };
        lines.learn_rules(vec![rule("paused", true, None), rule("limited", false, Some(2))], now);
        let choice = lines.choose(now).unwrap();
        assert_eq!((choice.line.method.as_str(), choice.running_limit), ("b", Some(2)));
        lines.exhaust_type(&choice, now);
        assert_eq!(chosen(&lines, now), "c");
        lines.learn(vec![line("b", "limited", 5, 1)], Timestamp(1_000_000), now);
        assert_eq!(chosen(&lines, now), "none");
        assert_eq!(chosen(&lines, now + limits::FULL_TYPE_PAUSE), "b");
    }
}

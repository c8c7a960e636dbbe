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
    /// Whether all that were read are still among them.
    is_whole: bool,
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
        (self.read, self.is_expired, self.is_whole) = (Some((now, database_now)), false, true);
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

    /// Whether all lines that were read come by themselves, in time or by a change in the database. Those that gave less than they seemed
    /// to have, or were refused, may have something without one.
    pub(crate) fn come_by_themselves(&self, now: Instant) -> bool {
        let waits = |line: &Line| is_paused(line) || !self.due_in(line, now).is_zero() && !self.is_aside(line, now);
        self.is_whole && self.lines.iter().all(|seen| waits(&seen.line))
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
        self.is_whole = false;
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
mod tests;

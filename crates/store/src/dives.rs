//! Where a look at the lines dives on InnoDB, which finds the next line only behind one that it is told as a constant: all that the last look
//! needed are asked for at once, so that lines with many tasks cost no statement each.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use mission_core::{Error, Timestamp, limits};

use crate::db::{Conn, Value};
use crate::lines::{LINES, Line, line};

/// Waiting tasks that a dive looks at: mostly few wait, and then there is no second one.
const AHEAD: usize = 8;
/// Dives of one statement. For each number of them every connection keeps one, and a server counts those of all.
const AT_ONCE: usize = 8;
const LINES_MAX: usize = limits::LINES_MAX as usize;

/// A look at the first waiting tasks behind a line, or at the first of all.
#[derive(Debug, Clone)]
struct Dive(Option<Line>);

/// Those that the last look needed. Only a guess: a look is whole whatever stands here.
#[derive(Debug, Default)]
pub(crate) struct Dives(Mutex<Vec<Dive>>);

impl Dives {
    /// The lines that have waiting tasks, at most [`limits::LINES_MAX`], with the database's clock.
    pub(crate) async fn lines(&self, conn: &mut Conn<'_>) -> Result<(Vec<Line>, Timestamp), Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut look = Look::new(known);
        let mut now = 0;
        while let Some(dives) = look.dives() {
            let values: Vec<_> = dives.iter().enumerate().map(|(number, dive)| dive.values(number)).collect();
            let mut found = vec![Vec::new(); dives.len()];
            for row in conn.rows_of_each(&LINES, &values).await? {
                now = row.int("now_us")?;
                if let Some(found) = usize::try_from(row.int("dive")?).ok().and_then(|dive| found.get_mut(dive)) {
                    found.push(line(&row)?);
                }
            }
            look.learn(dives.into_iter().zip(found));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = look.needed;
        look.lines.truncate(LINES_MAX);
        Ok((look.lines, Timestamp(now)))
    }
}

impl Dive {
    fn is_behind(&self, line: &Line) -> bool {
        self.0.as_ref().is_some_and(|behind| behind.is_same(line))
    }

    fn values(&self, number: usize) -> [(&'static str, Value<'_>); 6] {
        let int = |number: usize| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
        let behind = self.0.as_ref();
        [
            ("dive", int(number)),
            ("method", behind.map_or("", |line| &line.method).into()),
            ("type", behind.map_or("", |line| &line.task_type).into()),
            ("priority", behind.map_or(i64::MIN, |line| line.priority).into()),
            ("lane", behind.map_or(i64::MIN, |line| line.lane).into()),
            ("ahead", int(AHEAD)),
        ]
    }
}

/// A look under way.
struct Look {
    lines: Vec<Line>,
    /// The dive without which it does not go on; none once it has all lines.
    next: Option<Dive>,
    /// What the last look needed, as far as this one has not asked for it, in the lines' order.
    known: VecDeque<Dive>,
    /// What this one has asked for and not come to yet, before all that is known.
    answered: VecDeque<(Dive, Vec<Line>)>,
    /// What this one needed.
    needed: Vec<Dive>,
}

impl Look {
    fn new(known: Vec<Dive>) -> Self {
        let mut known = VecDeque::from(known);
        let first = known.pop_front().unwrap_or(Dive(None));
        Self { lines: Vec::new(), next: Some(first), known, answered: VecDeque::new(), needed: Vec::new() }
    }

    /// What to ask for now.
    fn dives(&mut self) -> Option<Vec<Dive>> {
        let next = self.next.take().filter(|_| self.lines.len() < LINES_MAX)?;
        let others = (AT_ONCE - 1).saturating_sub(self.answered.len()).min(self.known.len());
        Some([next].into_iter().chain(self.known.drain(..others)).collect())
    }

    /// Goes from the end of one dive to the one behind it, as long as there is one.
    fn learn(&mut self, mut found: impl Iterator<Item = (Dive, Vec<Line>)>) {
        let mut at = found.next();
        self.answered.extend(found);
        while let Some((dive, tasks)) = at {
            self.needed.push(dive);
            for task in &tasks {
                if !self.lines.last().is_some_and(|last| last.is_same(task)) {
                    self.lines.push(task.clone());
                }
            }
            let Some(last) = tasks.last().filter(|_| tasks.len() >= AHEAD) else {
                self.next = None;
                break;
            };
            at = self.answer_behind(last);
            if at.is_none() {
                self.next = Some(self.dive_behind(last));
            }
        }
    }

    /// What was asked for before it is not needed any more.
    fn answer_behind(&mut self, line: &Line) -> Option<(Dive, Vec<Line>)> {
        let place = self.answered.iter().position(|(dive, _)| dive.is_behind(line))?;
        self.answered.drain(..=place).next_back()
    }

    fn dive_behind(&mut self, line: &Line) -> Dive {
        if let Some(place) = self.known.iter().position(|dive| dive.is_behind(line)) {
            self.known.drain(..=place);
            self.answered.clear();
        }
        Dive(Some(line.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waiting tasks in the index's order, by the letter of their line.
    fn waiting(text: &str) -> Vec<Line> {
        let line = |letter: char| Line {
            method: letter.to_string(),
            task_type: "system".to_owned(),
            priority: 0,
            lane: 0,
            head: Timestamp(0),
            is_paused: false,
            running_limit: None,
        };
        text.chars().map(line).collect()
    }

    /// A look at these by the dives of the last one: the lines, the dives of each statement, and what it needed.
    fn look(tasks: &str, known: Vec<Dive>) -> (String, Vec<usize>, Vec<Dive>) {
        let tasks = waiting(tasks);
        let behind = |dive: &Dive| {
            let is_behind = |task: &&Line| dive.0.as_ref().is_none_or(|line| line.method < task.method);
            tasks.iter().filter(is_behind).take(AHEAD).cloned().collect::<Vec<_>>()
        };
        let (mut look, mut statements) = (Look::new(known), Vec::new());
        while let Some(dives) = look.dives() {
            statements.push(dives.len());
            let found: Vec<_> = dives.iter().map(behind).collect();
            look.learn(dives.into_iter().zip(found));
        }
        (look.lines.iter().map(|line| line.method.as_str()).collect(), statements, look.needed)
    }

    #[test]
    fn all_lines_are_found_whatever_the_last_look_saw() {
        let seen =
            ["", "a", "aaaaaaaaa", "abbbbbbbbbccccccccccd", "aaaaaaaaabcccccccccdddddddddeeeeeeeeef", "aabbccddeeffgg"];
        for before in seen {
            for now in seen {
                let (_, _, known) = look(before, Vec::new());
                let expected: String = "abcdefg".chars().filter(|letter| now.contains(*letter)).collect();
                assert_eq!(look(now, known).0, expected, "{before}, then {now}");
            }
        }
    }

    #[test]
    fn long_lines_that_are_known_cost_no_statement_each() {
        let tasks = "abbbbbbbbbccccccccccddddddddde";
        let (_, statements, known) = look(tasks, Vec::new());
        assert_eq!(statements, [1, 1, 1, 1]);
        let (_, statements, known) = look(tasks, known);
        assert_eq!(statements, [4]);
        let (_, statements, known) = look("abbbbbbbbbdddddddddd", known);
        assert_eq!(statements, [4]);
        let (_, statements, known) = look("abbbbbbbbbccccccccccdddddddddd", known);
        assert_eq!(statements, [3, 1], "a line that was not known");
        assert_eq!(look("", known).1, [4]);
    }

    #[test]
    fn a_statement_has_few_dives_however_many_are_known() {
        let tasks: String = ('a'..='z').flat_map(|letter| [letter; 9]).collect();
        let (_, _, known) = look(&tasks, Vec::new());
        let (_, statements, known) = look(&tasks, known);
        assert_eq!(statements, [8, 8, 8, 3]);
        let (_, _, known) = look(&tasks.replace('m', ""), known);
        let (lines, statements, _) = look(&tasks, known);
        assert_eq!((lines.len(), statements), (26, vec![8, 8, 5, 6]), "one more line loses nothing of what is known");
    }
}

//! What the effect ledger tells: who began what under which token, and how soon a dead worker's tasks went on.

use std::collections::{HashMap, HashSet};

use crate::expect::Expect;
use crate::finding::{Fault, Finding};
use crate::papers::{Effect, Effort, Exit};

/// The ledger, ready for questions about a task.
pub(crate) struct Efforts<'a> {
    by_task: HashMap<&'a str, Vec<&'a Effect>>,
    gone: HashMap<u32, &'a Exit>,
}

impl<'a> Efforts<'a> {
    pub(crate) fn of(effects: &'a [Effect], exits: &'a [Exit]) -> Self {
        let mut by_task: HashMap<&str, Vec<&Effect>> = HashMap::new();
        for effect in effects {
            by_task.entry(&effect.unique_id).or_default().push(effect);
        }
        Self { by_task, gone: exits.iter().map(|exit| (exit.pid, exit)).collect() }
    }

    /// Whether the method had its effect under this token.
    pub(crate) fn has_ended(&self, unique_id: &str, token: i64) -> bool {
        self.of_task(unique_id).any(|effect| effect.effort == Effort::End && effect.token == token)
    }

    /// Under how many tokens the task had begun in a process that is gone.
    pub(crate) fn deaths(&self, unique_id: &str) -> usize {
        let begun = self.of_task(unique_id).filter(|effect| effect.effort == Effort::Begin);
        begun.filter(|effect| self.gone.contains_key(&effect.pid)).count()
    }

    pub(crate) fn examine(&self, expect: &Expect) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (unique_id, effects) in &self.by_task {
            let mut begun = HashSet::new();
            for effect in effects.iter().filter(|effect| effect.effort == Effort::Begin) {
                if !begun.insert(effect.token) {
                    let seen = format!("begun twice under token {}", effect.token);
                    findings.push(Finding::new(Fault::RanTwice, *unique_id, seen));
                }
            }
            findings.extend(self.late(unique_id, expect));
        }
        findings
    }

    /// A task that ran in a process when that ended is to go on soon.
    fn late(&self, unique_id: &str, expect: &Expect) -> Vec<Finding> {
        let Some(limit) = expect.goes_on_within else { return Vec::new() };
        let begun: Vec<_> = self.of_task(unique_id).filter(|effect| effect.effort == Effort::Begin).collect();
        let mut findings = Vec::new();
        for effect in &begun {
            let Some(exit) = self.gone.get(&effect.pid) else { continue };
            if self.has_ended(unique_id, effect.token) {
                continue;
            }
            let Some(next) = begun.iter().filter(|next| next.token > effect.token).min_by_key(|next| next.token) else {
                continue;
            };
            let gap_us = next.at_us - exit.at_us;
            if u128::try_from(gap_us).unwrap_or(0) > limit.as_micros() {
                let seen = format!("went on {} ms after its worker's exit ({})", gap_us / 1000, exit.how);
                findings.push(Finding::new(Fault::StartedLate, unique_id, seen));
            }
        }
        findings
    }

    fn of_task(&self, unique_id: &str) -> impl Iterator<Item = &'a Effect> {
        self.by_task.get(unique_id).into_iter().flatten().copied()
    }
}

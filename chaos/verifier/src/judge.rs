//! From evidence to findings: pure, so that each kind of fault can be shown to it.

use std::collections::{HashMap, HashSet};

use crate::changes;
use crate::efforts::Efforts;
use crate::evidence::Evidence;
use crate::expect::Expect;
use crate::files;
use crate::finding::{Fault, Finding};
use crate::papers::Intent;
use crate::tables::Row;

/// A first death may have been a neighbour's fault; three more as the only suspect make `crashed`.
const DEATHS_OF_THE_CRASHED: usize = 4;

/// Everything that is wrong; empty if the promises were kept.
pub fn judge(evidence: &Evidence, expect: &Expect) -> Vec<Finding> {
    let efforts = Efforts::of(&evidence.effects, &evidence.exits);
    let mut findings = of_pushes(&evidence.intents, &evidence.rows);
    findings.extend(changes::examine(&evidence.changes));
    findings.extend(efforts.examine(expect));
    let transfers = of_transfers(&evidence.transfers, &mut findings);
    for row in &evidence.rows {
        findings.extend(of_end(row, &efforts, &transfers, expect));
        findings.extend(of_counts(row, expect));
    }
    findings.extend(files::examine(&evidence.rows, &evidence.artifacts, &evidence.files));
    findings.extend(evidence.complaints.iter().map(|line| Finding::new(Fault::Corrupt, "database", line)));
    if !expect.refusals_may_surface {
        findings.extend(evidence.surfaced.iter().map(|line| Finding::new(Fault::Surfaced, "a producer", line)));
    }
    findings.extend(evidence.unreadable.iter().map(|line| Finding::new(Fault::Unreadable, "papers", line)));
    findings.sort_by(|one, other| (one.fault, &one.about).cmp(&(other.fault, &other.about)));
    findings
}

/// Orders against rows: none lost, none twice, none that nobody gave.
fn of_pushes(intents: &[Intent], rows: &[Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let stored: HashSet<&str> = rows.iter().map(|row| row.unique_id.as_str()).collect();
    for intent in intents.iter().filter(|intent| intent.is_accepted) {
        if !stored.contains(intent.unique_id.as_str()) {
            findings.push(Finding::new(Fault::Lost, &intent.unique_id, format!("order {} has no row", intent.number)));
        }
    }
    let intended: HashMap<&str, i64> =
        intents.iter().map(|intent| (intent.unique_id.as_str(), intent.number)).collect();
    let mut numbers = HashSet::new();
    for row in rows {
        let Some(number) = intended.get(row.unique_id.as_str()).copied().or_else(|| number_in(row)) else {
            findings.push(Finding::new(Fault::Unintended, &row.unique_id, "nobody meant to push it"));
            continue;
        };
        if !numbers.insert(number) {
            findings.push(Finding::new(Fault::PushedTwice, &row.unique_id, format!("a second row of order {number}")));
        }
    }
    findings
}

/// The order's number in the params: `"n":17`.
fn number_in(row: &Row) -> Option<i64> {
    let behind = row.params.as_deref()?.split_once("\"n\":")?.1.trim_start();
    let digits = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
    behind[..digits].parse().ok()
}

/// Effects in transactions by task, each at most once.
fn of_transfers<'a>(transfers: &'a [(String, i64)], findings: &mut Vec<Finding>) -> HashMap<&'a str, i64> {
    let mut tokens = HashMap::new();
    for (unique_id, token) in transfers {
        if tokens.insert(unique_id.as_str(), *token).is_some() {
            findings.push(Finding::new(Fault::AcceptedTwice, unique_id, "two effects in transactions"));
        }
    }
    tokens
}

fn of_end(row: &Row, efforts: &Efforts<'_>, transfers: &HashMap<&str, i64>, expect: &Expect) -> Option<Finding> {
    let is_poison = expect.poison.as_deref() == Some(row.method.as_str());
    let reason = row.reason.as_deref().unwrap_or_default();
    let (fault, seen) = match row.state.as_str() {
        "success" if is_poison => (Fault::WronglyFailed, "a poison task succeeded".to_owned()),
        "success" => {
            let has_effect = match row.method.as_str() {
                "transfer" => transfers.get(row.unique_id.as_str()) == Some(&row.token),
                _ => efforts.has_ended(&row.unique_id, row.token),
            };
            if has_effect {
                return None;
            }
            (Fault::SuccessWithoutEffect, format!("success under token {}, and no effect of it", row.token))
        }
        "fail" if reason == "crashed" => {
            let deaths = efforts.deaths(&row.unique_id);
            if deaths >= DEATHS_OF_THE_CRASHED || is_poison {
                return None;
            }
            (Fault::CrashedInnocent, format!("crashed after {deaths} deaths of its own"))
        }
        "init" => (Fault::Unstarted, format!("still waits: {reason}")),
        "executing" => (Fault::LeftExecuting, format!("still executing under token {}", row.token)),
        other => (Fault::WronglyFailed, format!("{other}, {reason}: {:?}", row.content)),
    };
    Some(Finding::new(fault, &row.unique_id, seen))
}

fn of_counts(row: &Row, expect: &Expect) -> Vec<Finding> {
    let mut findings = Vec::new();
    if expect.no_crash_counted && row.crashes > 0 {
        findings.push(Finding::new(Fault::CrashCounted, &row.unique_id, format!("{} crashes", row.crashes)));
    }
    // A transaction of its own whose commit failed is a failed attempt, and rightly.
    if expect.no_attempt_counted && row.method != "transfer" && (row.attempt > 1 || row.failures > 0) {
        let seen = format!("{} attempts, {} failures", row.attempt, row.failures);
        findings.push(Finding::new(Fault::AttemptCounted, &row.unique_id, seen));
    }
    findings
}

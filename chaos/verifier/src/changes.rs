//! What the witness's records tell: each row's history, change by change.

use std::collections::HashMap;

use crate::finding::{Fault, Finding};
use crate::tables::Change;

/// Findings of all histories.
pub(crate) fn examine(changes: &[Change]) -> Vec<Finding> {
    let mut successes: HashMap<&str, u32> = HashMap::new();
    let mut places: HashMap<&str, i64> = HashMap::new();
    let mut findings = Vec::new();
    for change in changes {
        if let Some(place) = change.cursor.as_deref().and_then(|cursor| number_behind("at=", cursor))
            && let Some(before) = places.insert(&change.unique_id, place).filter(|before| *before > place)
        {
            let seen = format!("a checkpoint at {place} took the place of one at {before}");
            findings.push(Finding::new(Fault::WentBack, &change.unique_id, seen));
        }
        findings.extend(of_token(change));
        findings.extend(of_final(change));
        findings.extend(of_writer(change));
        let becomes_success = change.new_state.as_deref() == Some("success");
        if becomes_success && change.old_state.as_deref() != Some("success") {
            let count = successes.entry(&change.unique_id).or_default();
            *count += 1;
            if *count == 2 {
                findings.push(Finding::new(Fault::AcceptedTwice, &change.unique_id, "succeeded twice"));
            }
        }
    }
    findings
}

/// The token grows by one where a waiting task is claimed, and nowhere else.
fn of_token(change: &Change) -> Option<Finding> {
    let (Some(old), Some(new)) = (change.old_token, change.new_token) else { return None };
    let (before, after) = (change.old_state.as_deref()?, change.new_state.as_deref()?);
    let seen = format!("token {old} → {new} as {before} became {after}");
    let fault = match (before, after) {
        ("init", "executing") if new == old + 1 => return None,
        ("executing", "executing") if new > old => Fault::ClaimedWhileRunning,
        (_, "executing") if before != "executing" && new > old => Fault::TokenBroken,
        _ if new == old => return None,
        _ => Fault::TokenBroken,
    };
    Some(Finding::new(fault, &change.unique_id, seen))
}

/// What has ended stays as it is.
fn of_final(change: &Change) -> Option<Finding> {
    let before = change.old_state.as_deref().filter(|state| is_final(state))?;
    let after = change.new_state.as_deref()?;
    let seen = match after == before {
        true if change.is_content_changed => format!("the content of a {before} became {:?}", change.content),
        true => return None,
        false => format!("{before} became {after}"),
    };
    Some(Finding::new(Fault::FinalChanged, &change.unique_id, seen))
}

/// Methods write their token into all that they write: it must be the row's at that moment.
fn of_writer(change: &Change) -> Vec<Finding> {
    let Some(token) = change.new_token else { return Vec::new() };
    let pieces = [
        (Fault::StaleSettle, &change.content),
        (Fault::StaleProgress, &change.message),
        (Fault::StaleCheckpoint, &change.cursor),
    ];
    let stale = pieces.into_iter().filter_map(|(fault, written)| {
        let written = written.as_deref()?;
        let by = token_in(written)?;
        let seen = format!("{written:?} was written where the token was {token}");
        (by != token).then(|| Finding::new(fault, &change.unique_id, seen))
    });
    stale.collect()
}

fn is_final(state: &str) -> bool {
    matches!(state, "success" | "fail" | "cancelled")
}

fn token_in(text: &str) -> Option<i64> {
    number_behind("token=", text)
}

/// Methods write `token=2 at=17` where they write what they are.
fn number_behind(word: &str, text: &str) -> Option<i64> {
    let behind = text.split_once(word)?.1;
    let digits = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
    behind[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: (&str, i64), after: (&str, i64)) -> Change {
        Change {
            unique_id: "a".to_owned(),
            old_state: Some(before.0.to_owned()),
            old_token: Some(before.1),
            new_state: Some(after.0.to_owned()),
            new_token: Some(after.1),
            ..Change::default()
        }
    }

    fn faults(changes: &[Change]) -> Vec<Fault> {
        examine(changes).into_iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn an_orderly_life_has_no_findings() {
        let ends = Change {
            content: Some("token=1 done".into()),
            is_content_changed: true,
            ..change(("executing", 1), ("success", 1))
        };
        assert!(faults(&[change(("init", 0), ("executing", 1)), ends]).is_empty());
    }

    #[test]
    fn a_token_that_moves_otherwise_than_at_a_claim_is_named() {
        assert_eq!(faults(&[change(("executing", 2), ("executing", 1))]), [Fault::TokenBroken]);
        assert_eq!(faults(&[change(("init", 1), ("executing", 3))]), [Fault::TokenBroken]);
        assert_eq!(faults(&[change(("init", 1), ("init", 2))]), [Fault::TokenBroken]);
        assert_eq!(faults(&[change(("executing", 1), ("executing", 2))]), [Fault::ClaimedWhileRunning]);
    }

    #[test]
    fn what_a_lost_worker_wrote_is_named() {
        let by = |text: &str| Some(format!("token={text}"));
        let running = || change(("executing", 2), ("executing", 2));
        assert_eq!(faults(&[Change { message: by("1 3/9"), ..running() }]), [Fault::StaleProgress]);
        assert_eq!(faults(&[Change { cursor: by("1"), ..running() }]), [Fault::StaleCheckpoint]);
        let back = [Change { cursor: by("2 at=9"), ..running() }, Change { cursor: by("2 at=8"), ..running() }];
        assert_eq!(faults(&back), [Fault::WentBack]);
        let settle = Change { content: by("1"), is_content_changed: true, ..change(("executing", 2), ("success", 2)) };
        assert_eq!(faults(&[settle]), [Fault::StaleSettle]);
        assert!(faults(&[Change { message: by("2 3/9"), ..running() }]).is_empty());
    }

    #[test]
    fn an_end_that_changes_is_named() {
        assert_eq!(faults(&[change(("success", 1), ("fail", 1))]), [Fault::FinalChanged]);
        let again = [change(("executing", 1), ("success", 1)), change(("fail", 1), ("success", 1))];
        assert_eq!(faults(&again), [Fault::FinalChanged, Fault::AcceptedTwice]);
    }
}

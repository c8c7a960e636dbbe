//! What is written in place of an outcome that the database refuses: less and less of what may have been refused.

use mission_core::{Content, Effects, Error, Reason, Settlement, State};

/// What stands in the place of a content that the database refused.
const NOTE: &str = "the content could not be stored";

/// What is said where a success had to become a failure.
const NOTE_OF_EFFECTS: &str = "the task's files, record or follow-up tasks could not be stored";

/// What is tried where a settlement is refused: a note in place of its content, with the refusal's words if they are not
/// refused, too; then without what it brings.
pub(crate) fn plainer_and_plainer(settlement: &Settlement, refusal: &Error) -> Vec<Settlement> {
    let words: String = refusal.to_string().chars().filter(char::is_ascii).take(300).collect();
    let noted = |content: &str| Settlement { content: Some(Content::new(content)), ..settlement.clone() };
    let mut tried = vec![noted(&format!("{NOTE}: {words}")), noted(NOTE)];
    let Effects { files, follow_ups, .. } = &settlement.effects;
    if !settlement.effects.is_none() {
        let is_promise = settlement.state == State::Success && !(files.is_empty() && follow_ups.is_empty());
        let stripped = |content: Option<Content>| {
            let end = Settlement { content, effects: Effects::NONE, ..settlement.clone() };
            if is_promise { Settlement { state: State::Fail, reason: Some(Reason::Error), ..end } } else { end }
        };
        let why = format!("{NOTE_OF_EFFECTS}: {words}");
        tried.push(stripped(if is_promise { Some(Content::new(why)) } else { settlement.content.clone() }));
        tried.push(stripped(Some(Content::new(NOTE_OF_EFFECTS))));
    }
    tried
}

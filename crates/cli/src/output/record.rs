//! A task as people read it: a row of the records, or all its fields.

use std::time::Duration;

use mission_core::{Progress, Task, Timestamp, format_span};

use super::{Table, visible_lines};

/// An empty table of records: the original's columns, and the progress where a task runs that reports one.
pub(crate) fn records_table() -> Table {
    Table::new(["unique_id", "method", "type", "state", "params", "content", "progress"]).whole(1).last_only_if_used()
}

/// A task's row in the records; no params are `[]`, as the original wrote them.
pub(crate) fn records_row(task: &Task) -> Vec<String> {
    let params = task.params.clone().unwrap_or_else(|| "[]".to_owned());
    let content = task.content.clone().unwrap_or_default();
    let names = [task.unique_id.to_string(), task.method.clone(), task.task_type.clone(), task.state.to_string()];
    names.into_iter().chain([params, content, progress_of(task)]).collect()
}

fn progress_of(task: &Task) -> String {
    let progress = task.progress.as_ref().filter(|_| task.state == mission_core::State::Executing);
    progress.map_or(String::new(), progress_text)
}

/// `42% writing rows`, or `4200` where the total is not known.
pub(crate) fn progress_text(progress: &Progress) -> String {
    let far = match progress.fraction() {
        Some(fraction) => format!("{}%", (fraction * 100.0).floor()),
        None => progress.done.to_string(),
    };
    match progress.message.as_deref().filter(|message| !message.is_empty()) {
        Some(message) => format!("{far} {message}"),
        None => far,
    }
}

/// Why a task waits again after an attempt, so that somebody who looks does not take it for stuck.
pub(crate) fn waits_again(task: &Task) -> Option<String> {
    let reason = task.reason.filter(|_| task.state == mission_core::State::Init)?;
    let now = Timestamp::from(std::time::SystemTime::now());
    // The database's clock decides; this one only tells roughly.
    let wait = task.run_at.since(now);
    let content = task.content.as_deref().unwrap_or("");
    Some(format!(
        "waits for another try in about {} ({reason}): {content}",
        format_span(Duration::from_secs(wait.as_secs()))
    ))
}

/// All that is known of a task, one field a line; `standing` says in words why it stands where it stands.
pub(crate) fn describe(task: &Task, standing: &str) -> String {
    let span = |ms: Option<i64>| ms.map(|ms| format_span(Duration::from_millis(ms.unsigned_abs())));
    let number = |number: i64| (number != 0).then(|| number.to_string());
    let state = if standing.is_empty() { task.state.to_string() } else { format!("{} ({standing})", task.state) };
    let cut = if task.content_cut { " (cut to 1 MiB)" } else { "" };
    let progress = task.progress.as_ref().map(|progress| match progress.total {
        Some(total) => format!("{} ({} of {total})", progress_text(progress), progress.done),
        None => progress_text(progress),
    });
    let ran = task.state.is_final().then(|| format_span(task.modified_date.since(task.created_date)));
    let fields = [
        ("unique_id", Some(task.unique_id.to_string())),
        ("method", Some(task.method.clone())),
        ("type", Some(task.task_type.clone())),
        ("creator", task.creator.clone()),
        ("state", Some(state)),
        ("reason", task.reason.map(|reason| reason.to_string())),
        ("params", task.params.clone()),
        ("content", task.content.as_ref().map(|content| format!("{content}{cut}"))),
        ("progress", progress),
        ("priority", number(task.priority)),
        ("task_key", task.task_key.clone()),
        ("run_at", Some(task.run_at.to_string())),
        ("attempt", number(task.counts.attempt)),
        ("failures", number(task.counts.failures)),
        ("crashes", number(task.counts.crashes)),
        ("retries", task.retries.map(|retries| retries.to_string())),
        ("timeout", span(task.timeout_ms)),
        ("stall_timeout", span(task.stall_timeout_ms)),
        ("cancel_requested", task.cancel_requested.then(|| "yes".to_owned())),
        ("worker_id", task.worker_id.filter(|worker| worker.0 != 0).map(|worker| worker.0.to_string())),
        ("lease_token", number(task.lease_token.0)),
        ("created_date", Some(task.created_date.to_string())),
        (
            "modified_date",
            Some(format!("{}{}", task.modified_date, ran.map_or(String::new(), |ran| format!(" ({ran} later)")))),
        ),
    ];
    let mut text = String::new();
    for (name, value) in fields {
        let Some(value) = value else { continue };
        // Further lines stand below the first.
        let value = visible_lines(&value).replace('\n', &format!("\n{:18}", ""));
        text.push_str(&format!("{name:<16}  {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use mission_core::{State, UniqueId};

    use super::*;

    #[test]
    fn progress_reads_as_percent_or_count() {
        assert_eq!(progress_text(&Progress::of(1, 3).message("writing rows")), "33% writing rows");
        assert_eq!(progress_text(&Progress::from(4200)), "4200");
        assert_eq!(progress_text(&Progress::of(9_999_999, 10_000_000)), "99%");
    }

    #[test]
    fn a_description_shows_hostile_text_as_text() {
        let mut task = Task::with(1, UniqueId::from_row("abc".into()), "export".into(), State::Fail);
        task.content = Some("line one\nline \u{1b}[31mtwo".into());
        let text = describe(&task, "");
        assert!(text.contains("content           line one\n                  line \\e[31mtwo\n"), "{text}");
        assert!(!text.contains("priority") && !text.contains('\u{1b}'), "{text}");
    }
}

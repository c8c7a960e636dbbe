//! A task as people read it: a row of the records, or all its fields.

use std::time::Duration;

use mission_core::{State, Task, Timestamp, format_span};

use super::{Table, visible_lines};

/// A method that ran less long than this says too little about how long it will run.
const TELLING_MS: i64 = 500;
/// A task that is put off for less is taken for one that is due at once.
const TELLING_WAIT: Duration = Duration::from_secs(1);
/// As much of a cursor as people want to see.
const CURSOR_SHOWN_BYTES: usize = 200;

/// An empty table of records: the original's columns, and the progress where a task runs that reports one.
pub(crate) fn records_table() -> Table {
    Table::new(["unique_id", "method", "type", "state", "params", "content", "progress"]).whole(1).last_only_if_used()
}

/// A task's row in the records; no params are an empty cell, as they are null in JSON.
pub(crate) fn records_row(task: &Task) -> Vec<String> {
    let params = task.params.clone().unwrap_or_default();
    let content = task.content.clone().unwrap_or_default();
    let names = [task.unique_id.to_string(), task.method.clone(), task.task_type.clone(), task.state.to_string()];
    names.into_iter().chain([params, content, progress_of(task)]).collect()
}

fn progress_of(task: &Task) -> String {
    let running = Some(task).filter(|task| task.state == State::Executing);
    running.and_then(progress_text).unwrap_or_default()
}

/// `42% writing rows, 12s left`, or `4200` where the total is not known; nothing where nothing was reported.
pub(crate) fn progress_text(task: &Task) -> Option<String> {
    let progress = task.progress.as_ref()?;
    let far = match progress.fraction() {
        Some(fraction) => format!("{}%", (fraction * 100.0).floor()),
        None => progress.done.to_string(),
    };
    let message = progress.message.as_deref().filter(|message| !message.is_empty());
    let left = remaining_text(task).map(|left| format!(", {left} left"));
    Some(format!("{far}{}{}", message.map_or(String::new(), |message| format!(" {message}")), left.unwrap_or_default()))
}

/// How long the task has still to run, in whole seconds, where that can be told.
pub(crate) fn remaining_text(task: &Task) -> Option<String> {
    let left = task.remaining().filter(|_| task.state == State::Executing)?;
    // What has taken a moment tells little about the rest.
    let is_telling = task.active_ms >= TELLING_MS;
    (is_telling && !left.is_zero()).then(|| format_span(Duration::from_secs(left.as_secs().max(1))))
}

/// Why a task waits that is due later, as after an attempt, so that somebody who looks does not take it for stuck.
pub(crate) fn waits_for_later(task: &Task) -> Option<String> {
    if task.state != State::Init {
        return None;
    }
    let now = Timestamp::from(std::time::SystemTime::now());
    // The database's clock decides; this one only tells roughly.
    let when = match task.run_at.since(now).as_millis().div_ceil(1000) {
        0 => "now".to_owned(),
        seconds => format!("in about {}", format_span(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))),
    };
    match task.reason {
        Some(reason) => {
            let content = task.content.as_deref().unwrap_or("");
            Some(format!("waits for another try {when} ({reason}): {content}"))
        }
        // One that is due at once says nothing, however far that clock is ahead of this one.
        None => (task.run_at > now && task.run_at.since(task.modified_date) >= TELLING_WAIT)
            .then(|| format!("is due {when}")),
    }
}

/// `42% writing rows, 12s left (4200 of 10000, 350 a second)`.
fn progress_in_full(task: &Task) -> Option<String> {
    let progress = task.progress.as_ref()?;
    let of = progress.total.map(|total| format!("{} of {total}", progress.done));
    let rate =
        task.rate().map(|rate| if rate < 10.0 { format!("{rate:.1} a second") } else { format!("{rate:.0} a second") });
    let more: Vec<String> = of.into_iter().chain(rate).collect();
    let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
    Some(format!("{}{more}", progress_text(task)?))
}

/// Its cursor, and how far that was.
fn checkpoint(task: &Task) -> Option<String> {
    let cursor = task.checkpoint.as_deref()?;
    let shown = &cursor[..cursor.floor_char_boundary(CURSOR_SHOWN_BYTES)];
    let cut = if shown.len() < cursor.len() { "…" } else { "" };
    Some(format!("{shown}{cut}{}", task.checkpoint_done.map_or(String::new(), |done| format!(" (at {done})"))))
}

/// How often it went on from a checkpoint, and what that cost.
fn resumed(task: &Task) -> Option<String> {
    (task.resumed > 0).then(|| match task.redone {
        0 => format!("{}", task.resumed),
        redone => format!("{} ({redone} done again)", task.resumed),
    })
}

/// All that is known of a task, one field a line; `standing` says in words why it stands where it stands.
pub(crate) fn describe(task: &Task, standing: &str) -> String {
    let span = |ms: Option<i64>| ms.map(|ms| format_span(Duration::from_millis(ms.unsigned_abs())));
    let number = |number: i64| (number != 0).then(|| number.to_string());
    let state = if standing.is_empty() { task.state.to_string() } else { format!("{} ({standing})", task.state) };
    let cut = if task.content_cut { " (cut to 1 MiB)" } else { "" };
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
        ("progress", progress_in_full(task)),
        ("checkpoint", checkpoint(task)),
        ("resumed", resumed(task)),
        ("priority", number(task.priority)),
        ("task_key", task.task_key.clone()),
        ("run_at", Some(task.run_at.to_string())),
        ("attempt", number(task.counts.attempt)),
        ("failures", number(task.counts.failures)),
        ("crashes", number(task.counts.crashes)),
        ("retries", task.retries.map(|retries| retries.to_string())),
        ("timeout", span(task.timeout_ms)),
        ("stall_timeout", span(task.stall_timeout_ms)),
        ("keep_files", span(task.keep_files_ms)),
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
    use mission_core::{Progress, Reason, UniqueId};

    use super::*;

    fn running(progress: Progress) -> Task {
        let mut task = Task::with(1, UniqueId::from_row("abc".into()), "export".into(), State::Executing);
        task.progress = Some(progress);
        task
    }

    #[test]
    fn a_wait_for_another_try_is_told_in_seconds_that_have_begun() {
        let mut task = Task::with(1, UniqueId::from_row("abc".into()), "export".into(), State::Init);
        assert_eq!(waits_for_later(&task), None);
        task.run_at = Timestamp(Timestamp::from(std::time::SystemTime::now()).0 + 60_500_000);
        let told = waits_for_later(&task).unwrap();
        assert!(told == "is due in about 1m 1s" || told == "is due in about 1m", "{told}");
        task.modified_date = task.run_at;
        assert_eq!(waits_for_later(&task), None, "it is due at once, by a clock that is ahead");
        task.run_at = Timestamp(0);
        (task.reason, task.content) = (Some(Reason::Error), Some("no disk".into()));
        assert_eq!(waits_for_later(&task).unwrap(), "waits for another try now (error): no disk");
        let begin = Timestamp::from(std::time::SystemTime::now());
        task.run_at = Timestamp(begin.0 + 60_500_000);
        let told = waits_for_later(&task).unwrap();
        assert!(told.starts_with("waits for another try in about 1m 1s (") || told.contains("about 1m ("), "{told}");
        task.run_at = Timestamp(begin.0 + 900_000);
        let told = waits_for_later(&task).unwrap();
        assert!(told.starts_with("waits for another try in about 1s (") || told.contains("try now ("), "{told}");
    }

    #[test]
    fn progress_reads_as_percent_or_count_with_the_time_that_remains() {
        let text = |progress| progress_text(&running(progress)).unwrap();
        assert_eq!(text(Progress::of(1, 3).message("writing rows")), "33% writing rows");
        assert_eq!(text(Progress::from(4200)), "4200");
        assert_eq!(text(Progress::of(9_999_999, 10_000_000)), "99%");
        let mut task = running(Progress::of(250, 1000).message("rows"));
        task.active_ms = 100;
        assert_eq!(progress_text(&task).unwrap(), "25% rows", "too soon to tell");
        (task.active_ms, task.redone, task.resumed) = (30_000, 50, 1);
        assert_eq!(progress_text(&task).unwrap(), "25% rows, 1m 15s left");
        (task.checkpoint, task.checkpoint_done) = (Some("{\"id\":200}".into()), Some(200));
        let text = describe(&task, "");
        assert!(text.contains("progress          25% rows, 1m 15s left (250 of 1000, 10 a second)\n"), "{text}");
        assert!(text.contains("checkpoint        {\"id\":200} (at 200)\n"), "{text}");
        assert!(text.contains("resumed           1 (50 done again)\n"), "{text}");
        task.state = State::Success;
        assert_eq!(progress_text(&task).unwrap(), "25% rows");
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

//! `import`: takes over the records of the original's table.

use mission_core::{Pending, Result, format_span};
use mission_engine::{ImportReport, ImportSource, Keep};
use serde::Serialize;

use crate::app::App;
use crate::args::ImportArgs;
use crate::config::mask;
use crate::exit::Exit;

/// Rows after which it says how far it has come.
const NOTE_EVERY: u64 = 100_000;

/// What was taken over, for programs.
#[derive(Debug, Serialize)]
struct Report {
    read: u64,
    stored: u64,
    known: u64,
    waiting: u64,
    left_waiting: u64,
    executing: u64,
    strange_state: u64,
    fresh_ids: u64,
    params_as_text: u64,
    without_date: u64,
}

pub(crate) async fn run(app: &App, args: &ImportArgs) -> Result<Exit> {
    let source = ImportSource {
        url: args.from.clone(),
        table: args.table.clone(),
        zone: args.time_zone.clone(),
        pending: if args.pending { Pending::Take } else { Pending::Leave },
    };
    let mission = if args.dry_run { app.open_existing().await? } else { app.open_or_create().await? };
    // Whatever fails now is of there.
    app.note(format_args!("taking over the table {} of {}", args.table, mask(&args.from)));
    let mut import = mission.import(source).await?;
    let mut last = ImportReport::default();
    while let Some(report) = if args.dry_run { import.look().await? } else { import.step().await? } {
        if report.counts.read / NOTE_EVERY > last.counts.read / NOTE_EVERY {
            app.note(format_args!("{} rows", report.counts.read));
        }
        last = report;
    }
    let text = sentences(&last, args, app.config.keep).join("\n") + "\n";
    app.output.one(&Report::of(&last), &last.stored.to_string(), &app.hint(&text))?;
    Ok(Exit::Ok)
}

impl Report {
    fn of(ImportReport { counts, stored, known }: &ImportReport) -> Self {
        Self {
            read: counts.read,
            stored: *stored,
            known: *known,
            waiting: counts.waiting,
            left_waiting: counts.left_waiting,
            executing: counts.executing,
            strange_state: counts.strange_state,
            fresh_ids: counts.fresh_ids,
            params_as_text: counts.params_as_text,
            without_date: counts.without_date,
        }
    }
}

/// That history may be older than what workers keep: it comes with its own dates.
fn kept(report: &ImportReport, keep: Keep) -> Option<String> {
    let counts = &report.counts;
    let (ended, failed) = (format_span(keep.ended), format_span(keep.failed));
    let sentence = format!(
        "workers remove what ended more than {ended} ago (failed: {failed}), by these dates, too: \
         set `keep` and `keep_failed` before one starts, to keep it longer"
    );
    let has_history = counts.read > counts.waiting + counts.left_waiting;
    has_history.then_some(sentence)
}

/// What people want to know: each thing that was met, and nothing of what was not.
fn sentences(report: &ImportReport, args: &ImportArgs, keep: Keep) -> Vec<String> {
    let counts = &report.counts;
    let done = if args.dry_run {
        format!("{} rows looked at, nothing stored", counts.read)
    } else {
        format!("{} rows looked at, {} stored, {} were here already", counts.read, report.stored, report.known)
    };
    let met = [
        (counts.left_waiting, "still wait there and were left: --pending takes them over"),
        (counts.waiting, "wait here now"),
        (counts.executing, "were executing: they stand here as `fail`, reason `imported`"),
        (counts.strange_state, "had a state of no meaning: they stand here as `fail`, reason `imported`"),
        (counts.fresh_ids, "had no unique_id of their own: they got new ones"),
        (counts.params_as_text, "have params that are not JSON: kept as text"),
        (counts.without_date, "have no date: they got that of now"),
    ];
    let met = met.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    std::iter::once(done).chain(met).chain(kept(report, keep)).collect()
}

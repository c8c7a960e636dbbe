//! `logs`: prints what a task's method logged, and follows it.

use std::time::Duration;

use mission_core::{LogLine, Result, State, UniqueId, limits};
use mission_engine::Mission;

use crate::app::App;
use crate::args::{LogsArgs, OutputFormat};
use crate::exit::Exit;
use crate::output::{Listing, Output, Table, visible, visible_lines};

/// Lines read at once.
const PAGE: usize = 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) async fn run(app: &App, args: &LogsArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    let task = mission.find(args.id.trim()).await?;
    let mut output = app.output;
    if args.follow && output.format == OutputFormat::Json {
        // What goes on cannot be one value: it is one a line.
        output.format = OutputFormat::Jsonl;
    }
    let mut log = Log { app, output, id: &task.unique_id, last: 0, listing: Listing::begin(output, Table::default()) };
    if args.follow {
        if task.state == State::Init {
            app.note(format_args!("task {} does not run yet: what it logs comes here", task.unique_id));
        }
        log.follow(mission).await?;
    } else {
        log.print_new(mission).await?;
    }
    if log.last == 0 {
        app.note(format_args!("task {} has logged nothing", task.unique_id));
    }
    log.listing.end_unless_empty()?;
    Ok(Exit::Ok)
}

struct Log<'a> {
    app: &'a App,
    output: Output,
    id: &'a UniqueId,
    /// The number of the line that was printed last.
    last: i64,
    listing: Listing,
}

impl Log<'_> {
    /// Prints what there is, again and again, until the task has ended; an outage of the database is waited out.
    async fn follow(&mut self, mission: &Mission) -> Result<()> {
        let (mut is_away, mut is_over) = (false, false);
        loop {
            match self.look(mission).await {
                Ok(true) if is_over => return Ok(()),
                // Once more in a moment: lines may come after a success that was committed by the method itself.
                Ok(true) => is_over = true,
                Ok(false) => (is_away, is_over) = (false, false),
                Err(error) if error.is_unreachable() => {
                    if !is_away {
                        self.app.note(format_args!("{error}; looking again"));
                    }
                    is_away = true;
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Prints what is new; whether there will be nothing more.
    async fn look(&mut self, mission: &Mission) -> Result<bool> {
        // Asked first: a worker writes the last lines before the end.
        let has_ended = mission.get(self.id).await?.is_none_or(|task| task.state.is_final());
        self.print_new(mission).await?;
        Ok(has_ended)
    }

    async fn print_new(&mut self, mission: &Mission) -> Result<()> {
        loop {
            let lines = mission.logs(self.id, self.last, PAGE).await?;
            lines.iter().try_for_each(|line| self.print(line))?;
            if lines.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn print(&mut self, line: &LogLine) -> Result<()> {
        let attempt = |line_no: i64| line_no / limits::LOG_NUMBERS;
        let is_again = self.last != 0 && attempt(self.last) != attempt(line.line_no);
        self.last = line.line_no;
        if self.output.format != OutputFormat::Table {
            return self.listing.add(line, &line.line_no.to_string(), Vec::new);
        }
        if is_again {
            self.output.line("--- the next attempt")?;
        }
        self.output.line(shown(line))
    }
}

/// `2026-11-22T10:00:00.123Z info  wrote 7 rows`; further lines of a message stand below its first, so that none of
/// them can pass for a line of its own.
fn shown(line: &LogLine) -> String {
    let message = visible_lines(&line.message).replace('\n', "\n    ");
    format!("{} {:<5} {message}", line.logged_date, visible(&line.level))
}

#[cfg(test)]
mod tests {
    use mission_core::Timestamp;

    use super::*;

    #[test]
    fn no_line_of_a_message_passes_for_a_line_of_the_log() {
        let message = "one\n1970-01-01T00:00:00Z info  forged\u{1b}[2J".to_owned();
        let line = LogLine { line_no: 1, logged_date: Timestamp(0), level: "warn".into(), message };
        let text = "1970-01-01T00:00:00Z warn  one\n    1970-01-01T00:00:00Z info  forged\\e[2J";
        assert_eq!(shown(&line), text);
    }
}

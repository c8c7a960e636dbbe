//! Following tasks to their end: bars on a terminal, plain lines elsewhere, JSON lines for programs.

use mission_core::{Result, State, Task, UniqueId};

use super::looking;
use crate::app::App;
use crate::args::OutputFormat;
use crate::exit::Exit;
use crate::output::{Bars, progress_text, visible, waits_for_later};

/// Without bars, a line is printed each time so many percent more are done.
const STEP: f64 = 0.1;

/// Shows these tasks until all have ended; ends as the gravest of them did.
pub(crate) async fn follow(app: &App, ids: &[UniqueId]) -> Result<Exit> {
    let mut view = View { app, bars: app.output.draws_bars().then(Bars::new) };
    let mut seen: Vec<Option<Seen>> = vec![None; ids.len()];
    let mut exit = Exit::Ok;
    looking::until_ended(app, ids, None, |place, task| {
        exit = exit.max(Exit::of_task(&task));
        view.show(place, &task, &mut seen[place])
    })
    .await?;
    Ok(exit)
}

/// What was last said about a task.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    state: State,
    attempt: i64,
    step: i64,
}

impl Seen {
    fn of(task: &Task) -> Self {
        let fraction = task.progress.as_ref().and_then(|progress| progress.fraction());
        let step = fraction.map_or(0, |fraction| (fraction / STEP).floor() as i64);
        Self { state: task.state, attempt: task.counts.attempt, step }
    }
}

struct View<'a> {
    app: &'a App,
    bars: Option<Bars>,
}

impl View<'_> {
    /// Draws the task's bar, or prints a line if there is something new to say.
    fn show(&mut self, place: usize, task: &Task, seen: &mut Option<Seen>) -> Result<()> {
        let now = Seen::of(task);
        let is_new = seen.replace(now) != Some(now);
        let Some(bars) = &mut self.bars else {
            return if is_new { self.print(task) } else { Ok(()) };
        };
        if !task.state.is_final() {
            bars.show(place, task);
            return Ok(());
        }
        bars.finish(place);
        bars.suspend(|| self.app.output.line(line(task)))
    }

    fn print(&self, task: &Task) -> Result<()> {
        match self.app.output.format {
            OutputFormat::Table => self.app.output.line(line(task)),
            OutputFormat::Json | OutputFormat::Jsonl => self.app.output.one_line(task, ""),
            OutputFormat::Id if task.state.is_final() => self.app.output.line(&task.unique_id),
            OutputFormat::Id => Ok(()),
        }
    }
}

/// `nauaxnrfnuflwcqn export executing 42% writing rows`, or with its content once it has ended.
fn line(task: &Task) -> String {
    let more = match &task.content {
        _ if task.state == State::Executing => progress_text(task).unwrap_or_default(),
        Some(content) if task.state.is_final() => content.clone(),
        _ => waits_for_later(task).unwrap_or_default(),
    };
    let line = format!("{} {} {} {more}", task.unique_id, task.method, task.state);
    visible(line.trim_end()).into_owned()
}

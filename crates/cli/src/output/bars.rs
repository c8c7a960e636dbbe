//! Progress bars on a terminal: one line for each task that is watched.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mission_core::{State, Task};

use super::{remaining_text, visible, waits_for_later};

/// Fits eighty columns with ten million units and a method of ten letters.
const MEASURED: &str = "{prefix} [{bar:10}] {percent:>3}% {human_pos}/{human_len} {wide_msg}";
const UNMEASURED: &str = "{prefix} {spinner} {human_pos}  {elapsed}  {wide_msg}";
const WAITING: &str = "{prefix} {spinner} {wide_msg}";

/// The bars of the tasks that are watched.
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Vec<Bar>,
}

struct Bar {
    drawn: ProgressBar,
    template: &'static str,
}

impl Bars {
    /// No bars yet.
    pub(crate) fn new() -> Self {
        Self { all: MultiProgress::new(), bars: Vec::new() }
    }

    /// Draws the task that is watched in this place.
    pub(crate) fn show(&mut self, place: usize, task: &Task) {
        while self.bars.len() <= place {
            let drawn = self.all.add(ProgressBar::new_spinner());
            drawn.enable_steady_tick(Duration::from_millis(120));
            self.bars.push(Bar { drawn, template: "" });
        }
        self.bars[place].show(task);
    }

    /// Removes one for good: its line on stdout says the rest.
    pub(crate) fn finish(&mut self, place: usize) {
        if let Some(bar) = self.bars.get(place) {
            bar.drawn.finish_and_clear();
        }
    }

    /// Lets a line be printed between the bars.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.all.suspend(print)
    }
}

impl Bar {
    fn show(&mut self, task: &Task) {
        let progress = task.progress.as_ref().filter(|_| task.state == State::Executing);
        let template = match progress {
            None => WAITING,
            Some(progress) if progress.total.is_some() => MEASURED,
            Some(_) => UNMEASURED,
        };
        // What is shown is set before the style that shows it, so that nothing half set is drawn.
        if let Some(progress) = progress {
            if let Some(total) = progress.total {
                self.drawn.set_length(total);
            }
            self.drawn.set_position(progress.done.min(progress.total.unwrap_or(u64::MAX)));
        }
        let message = match progress {
            Some(progress) => {
                // The record knows the time that was really spent, over all attempts; the bar only what it saw.
                let left = remaining_text(task).map(|left| format!("{left} left ")).unwrap_or_default();
                format!("{left}{}", visible(progress.message.as_deref().unwrap_or("")))
            }
            None => match waits_for_later(task) {
                Some(why) => format!("{} {}", task.state, visible(&why)),
                None => task.state.to_string(),
            },
        };
        self.drawn.set_message(message);
        if self.template != template {
            self.template = template;
            // proof: the templates are constants; a wrong one would show as the plain style.
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
            self.drawn.set_style(style.progress_chars("##-"));
            self.drawn.set_prefix(format!("{} {}", task.unique_id, visible(&task.method)));
        }
    }
}

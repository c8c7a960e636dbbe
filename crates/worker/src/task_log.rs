//! The task log: catches what is said with `tracing` inside a running method, and keeps it with the task.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::task_lines::{Message, TaskLines};

/// A layer that keeps what running methods say with `tracing`, from level info on, in their tasks' logs.
///
/// Events in child spans and in spawned futures that carry the method's span (`.in_current_span()`) belong to the task,
/// too. Give each other layer a filter of its own: a filter on the whole subscriber hides from this layer what it hides.
///
/// ```
/// # use mission_worker as mission;
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::{fmt, prelude::*};
///
/// tracing_subscriber::registry()
///     .with(fmt::layer().with_filter(LevelFilter::WARN))
///     .with(mission::task_log())
///     .init();
/// ```
pub fn task_log<S>() -> impl Layer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    // The database driver repeats the parameters of a URL in its warnings, a password perhaps among them.
    let filter = Targets::new().with_default(LevelFilter::INFO).with_target("sqlx", LevelFilter::ERROR);
    TaskLog.with_filter(filter)
}

struct TaskLog;

thread_local! {
    /// The log of the attempt whose span is being made on this thread.
    static OPENING: RefCell<Option<Arc<TaskLines>>> = const { RefCell::new(None) };
}

/// Makes a span within which everything belongs to this log. Its fields stay free of the machine's own numbers.
pub(crate) fn opening(lines: &Arc<TaskLines>, span: impl FnOnce() -> Span) -> Span {
    OPENING.set(Some(Arc::clone(lines)));
    let span = span();
    OPENING.take();
    span
}

impl<S> Layer<S> for TaskLog
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_new_span(&self, _attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if let (Some(lines), Some(span)) = (OPENING.take(), ctx.span(id)) {
            span.extensions_mut().insert(lines);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let Some(mut scope) = ctx.event_scope(event) else { return };
        // The innermost wins: a method may run another's method, as tests do.
        let Some(lines) = scope.find_map(|span| span.extensions().get::<Arc<TaskLines>>().cloned()) else { return };
        let mut words = Words::default();
        event.record(&mut words);
        lines.add(level(event.metadata().level()), &words.message());
    }
}

fn level(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// An event as a line: its message, then its fields.
#[derive(Default)]
struct Words {
    message: Message,
    fields: Message,
}

impl Words {
    fn message(self) -> String {
        let (mut message, fields) = (self.message, self.fields.finish());
        let between = if message.is_empty() || fields.is_empty() { "" } else { " " };
        // What is too long ends the writing early: that is no fault.
        let _ = write!(message, "{between}{fields}");
        message.finish()
    }

    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // What stands beside a record of the crate `log` that was handed on says only where it came from.
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name if name.starts_with("log.") => return,
            name if self.fields.is_empty() => write!(self.fields, "{name}={value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.write(field, format_args!("{value}"));
        } else {
            self.write(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut causes = String::new();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(causes, ": {error}");
            cause = error.source();
        }
        self.write(field, format_args!("{value}{causes}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing::Instrument as _;
    use tracing_subscriber::prelude::*;

    use super::*;

    fn logged(lines: &TaskLines) -> Vec<String> {
        lines.unwritten(usize::MAX).into_iter().map(|line| format!("{} {}", line.level, line.message)).collect()
    }

    fn task(lines: &Arc<TaskLines>) -> Span {
        opening(lines, || tracing::error_span!("task"))
    }

    fn listen() -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(task_log()))
    }

    #[test]
    fn what_is_said_within_the_span_is_kept_and_nothing_else() {
        let _listening = listen();
        let (one, other) = (Arc::default(), Arc::default());
        let (first, second) = (task(&one), task(&other));
        tracing::info!("outside");
        first.in_scope(|| {
            tracing::info!(rows = 7, file = "a b.csv", "wrote {}", "rows");
            tracing::info_span!("step", n = 1).in_scope(|| tracing::warn!("within a step"));
            second.in_scope(|| tracing::error!(code = 5));
            tracing::debug!("below the level");
            tracing::info!(target: "sqlx::query", "of the driver");
        });
        assert_eq!(logged(&one), ["info wrote rows rows=7 file=\"a b.csv\"", "warn within a step"]);
        assert_eq!(logged(&other), ["error code=5"]);
        assert!(OPENING.take().is_none());
    }

    #[tokio::test]
    async fn a_spawned_future_that_carries_the_span_belongs_to_the_task() {
        let _listening = listen();
        let lines = Arc::default();
        let work = async {
            let inner = tokio::spawn(async { tracing::info!("spawned") }.in_current_span());
            inner.await.unwrap();
            tokio::spawn(async { tracing::info!("on its own") }).await.unwrap();
        };
        tokio::spawn(work.instrument(task(&lines))).await.unwrap();
        assert_eq!(logged(&lines), ["info spawned"]);
    }

    #[test]
    fn errors_are_told_with_their_causes_and_long_messages_keep_their_beginning() {
        let _listening = listen();
        let lines = Arc::default();
        let fault = mission_core::Error::invalid("no export").with_source(std::io::Error::other("disk full"));
        task(&lines).in_scope(|| {
            tracing::warn!(error = &fault as &dyn std::error::Error, "stopped");
            tracing::info!("{}", "x".repeat(1 << 20));
        });
        let logged = logged(&lines);
        assert_eq!(logged[0], "warn stopped error=no export: disk full");
        assert!(logged[1].len() <= 5 + mission_core::limits::LOG_MESSAGE_BYTES_MAX && logged[1].ends_with("x…"));
    }
}

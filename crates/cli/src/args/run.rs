//! The commands that run methods: work, execute, test, demo, bench.

use std::time::Duration;

use clap::Args;
use mission_bench::Part;

use super::ParamsArgs;
use super::values::{concurrency, count, count_or_none, lease, span, task_type};

/// Makes `work` the keeper of a worker on demand; for processes that Mission starts itself.
pub(crate) const ON_DEMAND: &str = "--on-demand";
/// Makes `work` the worker that a keeper keeps.
pub(crate) const KEPT: &str = "--kept";

#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM and Ctrl-C end it in order, with exit 0: it takes nothing more, what runs may end within the grace,
and what is left goes to another worker. A second signal ends it at once: what runs goes to another worker.")]
pub(crate) struct WorkArgs {
    /// Serve only tasks of these types.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = task_type)]
    pub(crate) types: Vec<String>,

    /// How many tasks run at once [default: twice the processors, at least four].
    #[arg(long, value_name = "N", value_parser = concurrency, allow_negative_numbers = true)]
    pub(crate) concurrency: Option<usize>,

    /// How long running methods may go on after a stop.
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    pub(crate) grace: Option<Duration>,

    /// How long others wait before they take over the tasks of this worker if it is gone.
    #[arg(long, value_name = "SPAN", value_parser = lease, allow_hyphen_values = true)]
    pub(crate) lease: Option<Duration>,

    /// Open no port for hints of other processes: what they push is found by looking, within a second.
    #[arg(long)]
    pub(crate) no_hints: bool,

    /// Stop once nothing is left to run.
    #[arg(long)]
    pub(crate) stop_when_empty: bool,

    /// Started by a push: leaves by itself.
    #[arg(long, hide = true)]
    pub(crate) on_demand: bool,

    /// The worker itself, where the process started by a push keeps it.
    #[arg(long, hide = true, requires = "on_demand")]
    pub(crate) kept: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Ctrl-C and SIGTERM end it in order, with exit 130 and 143: what runs may end within 30s, and what is left waits
again. A second signal ends it at once.")]
pub(crate) struct ExecuteArgs {
    /// Only this task: its unique_id, or the beginning of it.
    #[arg(value_name = "ID", conflicts_with = "limit")]
    pub(crate) id: Option<String>,

    /// No more than so many.
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The method.
    pub(crate) method: Option<String>,

    #[command(flatten)]
    pub(crate) params: ParamsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many rows to export.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    #[arg(value_parser = count_or_none, allow_negative_numbers = true)]
    pub(crate) rows: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Everything happens in databases of its own beside the one that --database names, else beside ./mission.db (SQLite: files,
MySQL: databases, PostgreSQL: schemas; other settings name none here), which are removed afterwards; nothing else is touched. Everything takes minutes, a part or a smaller --thousands, --rounds or
--history less; Ctrl-C ends it and leaves nothing behind. What counts are the ratios: figures of one machine
say little about another.")]
pub(crate) struct BenchArgs {
    /// What to measure: cycle, crowd, singles, pick-up, history, drain, reports, idle. Everything unless told otherwise.
    #[arg(value_name = "PART", value_parser = bench_part)]
    pub(crate) parts: Vec<Part>,

    /// Thousands of tasks in each round.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) thousands: u64,

    /// Tasks that a worker of `cycle` and `crowd` runs at once: many let it claim many at a time.
    #[arg(long, value_name = "N", default_value_t = mission_bench::CONCURRENCY as u64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) concurrency: u64,

    /// Rounds; the median counts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) rounds: u64,

    /// Millions of ended tasks beside the claims of `history`, and of waiting ones in `drain`; one takes a quarter to half a gigabyte
    /// for as long as it lasts.
    #[arg(long, value_name = "MILLIONS", default_value_t = 1.0, value_parser = millions)]
    pub(crate) history: f64,

    /// The server's process on this host, to count its processor time too.
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,

    /// A worker of the measuring, started by it.
    #[arg(long, hide = true)]
    pub(crate) serve: bool,
}

fn millions(word: &str) -> Result<f64, String> {
    let number = word.parse().ok().filter(|number| (0.001..=100.0).contains(number));
    number.ok_or_else(|| format!("{word} is no number of millions: use 0.001 to 100"))
}

fn bench_part(word: &str) -> Result<Part, String> {
    let names = Part::ALL.map(Part::name).join(", ");
    Part::ALL
        .into_iter()
        .find(|part| part.name() == word)
        .ok_or_else(|| format!("nothing is measured as {word}: use {names}"))
}

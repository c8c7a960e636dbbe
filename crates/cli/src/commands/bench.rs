//! `bench`: measures what tasks cost on this database, held against plain SQL or another case in the same run.

use mission_bench::{Ending, Figure, Measured, Part, Plan, Report, Series};
use mission_core::{Error, ErrorKind, Result};

use crate::app::App;
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::interrupt::{Signals, interruptible};
use crate::output::{Table, columns_max};

pub(crate) async fn run(app: &App, args: &BenchArgs) -> Result<Exit> {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if args.serve {
        let serve =
            async { mission_bench::serve(app.config.database.url(), size(args.concurrency)).await.map(|()| Exit::Ok) };
        return interruptible(serve).await;
    }
    let (mut signals, mut exit) = (Signals::listen()?, Exit::Ok);
    let program = std::env::current_exe().map_err(|fault| {
        Error::new(ErrorKind::Setup, format!("cannot find this program, to start workers: {fault}")).with_source(fault)
    })?;
    let mut words = app.program.leading.clone();
    words.extend(["bench", "--serve"].map(Into::into));
    let plan = Plan {
        url: app.config.database.url().to_owned(),
        worker: (program, words),
        parts: if args.parts.is_empty() { Part::ALL.to_vec() } else { args.parts.clone() },
        thousands: size(args.thousands),
        concurrency: size(args.concurrency),
        rounds: size(args.rounds),
        many: (args.history * 1_000_000.0) as usize,
        server_pid: args.server_pid,
    };
    app.note(format_args!("measuring beside the database {}", app.config.database.masked()));
    let told = async { exit = signals.next().await };
    let Measured { report, ending } =
        mission_bench::run(&plan, |part| app.note(format_args!("measuring {part} …")), told).await;
    // What is known is worth its time, also where the rest is not.
    let is_whole = ending.as_ref().is_ok_and(|ending| *ending == Ending::Whole);
    let known = report.filter(|report| is_whole || !report.figures.is_empty());
    let shown = known.map_or(Ok(()), |report| app.output.one(&report, &report.database, &for_people(&report)));
    if ending? == Ending::Interrupted {
        app.note("interrupted: what was made for the measuring is removed");
    }
    shown?;
    Ok(exit)
}

fn for_people(report: &Report) -> String {
    let mut table = Table::new(["what", "unit", "mission", "held against", "ratio", "its spread"]);
    report.figures.iter().for_each(|figure| table.row(row(figure)));
    let build = if report.is_release { "release build" } else { "DEBUG BUILD: of no use" };
    let missing = match report.missing.join(", ") {
        parts if parts.is_empty() => parts,
        parts => format!("not measured: {parts}\n"),
    };
    format!(
        "{}; {}\n{} processors; {build}; medians of {} rounds of {} tasks, {} at once in a worker\n{}\n{missing}",
        report.database,
        report.durability,
        report.processors,
        report.rounds,
        report.tasks,
        report.concurrency,
        table.draw(columns_max())
    )
}

fn row(figure: &Figure) -> Vec<String> {
    let median =
        |series: Option<Series>, text: fn(f64) -> String| series.map_or(String::new(), |series| text(series.median));
    let spread = figure.ratio.map_or(String::new(), |ratio| format!("{:.2}–{:.2}", ratio.min, ratio.max));
    vec![
        figure.name.clone(),
        figure.unit.name().to_owned(),
        number(figure.mission.median),
        median(figure.floor, number),
        median(figure.ratio, |ratio| format!("{ratio:.2}")),
        spread,
    ]
}

/// With as many places as say something.
fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_three_places() {
        assert_eq!([12_345.6, 45.67, 0.123].map(number), ["12346", "45.7", "0.12"]);
    }
}

//! `records`: lists the tasks, newest first.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use mission_core::{Filter, Result, Task};
use mission_engine::Mission;

use crate::app::App;
use crate::args::{OutputFormat, RecordsArgs};
use crate::exit::Exit;
use crate::output::{Listing, records_row, records_table};

/// Records read at once: contents may have a mebibyte each.
const PAGE: u64 = 200;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(crate) async fn run(app: &App, args: &RecordsArgs) -> Result<Exit> {
    let mission = app.open_existing().await?;
    if args.watch {
        return watch(app, args, mission).await;
    }
    let mut listing = Listing::begin(app.output, records_table());
    let limit = if args.all { u64::MAX } else { args.limit };
    each(mission, &args.filter.filter(), limit, |task| {
        listing.add(task, task.unique_id.as_str(), || records_row(task))
    })
    .await?;
    listing.end()?;
    Ok(Exit::Ok)
}

/// Goes through the records page by page.
pub(crate) async fn each(
    mission: &Mission,
    filter: &Filter,
    limit: u64,
    mut take: impl FnMut(&Task) -> Result<()>,
) -> Result<()> {
    let (mut left, mut before) = (limit, None);
    while left > 0 {
        let wanted = usize::try_from(left.min(PAGE)).unwrap_or(usize::MAX);
        let page = mission.page(filter, wanted, before).await?;
        page.tasks.iter().try_for_each(&mut take)?;
        left = left.saturating_sub(page.tasks.len() as u64);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(())
}

/// Shows the records anew until Ctrl-C: on a terminal in place, else each time something changed.
async fn watch(app: &App, args: &RecordsArgs, mission: &Mission) -> Result<Exit> {
    let mut shown = String::new();
    let mut known: HashMap<String, String> = HashMap::new();
    loop {
        let mut tasks = Vec::new();
        let filter = args.filter.filter();
        let read = each(mission, &filter, args.limit, |task| {
            tasks.push(task.clone());
            Ok(())
        });
        match read.await {
            Ok(()) if app.output.format == OutputFormat::Table => shown = redraw(app, &tasks, shown)?,
            Ok(()) => print_changed(app, &tasks, &mut known)?,
            Err(error) if error.is_unreachable() => app.note(format_args!("{error}; looking again")),
            Err(error) => return Err(error),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn redraw(app: &App, tasks: &[Task], shown: String) -> Result<String> {
    let mut table = records_table();
    tasks.iter().for_each(|task| table.row(records_row(task)));
    let text = table.draw(crate::output::columns_max());
    if text != shown {
        // Home, and clear what is below.
        let clear = if std::io::stdout().is_terminal() { "\u{1b}[H\u{1b}[J" } else { "" };
        app.output.text(&format!("{clear}{text}"))?;
    }
    Ok(text)
}

fn print_changed(app: &App, tasks: &[Task], known: &mut HashMap<String, String>) -> Result<()> {
    let mut now = HashMap::new();
    for task in tasks.iter().rev() {
        let id = task.unique_id.to_string();
        let seen = format!("{} {:?} {}", task.state, task.progress, task.modified_date);
        if known.get(&id) != Some(&seen) {
            app.output.one_line(task, &id)?;
        }
        now.insert(id, seen);
    }
    *known = now;
    Ok(())
}

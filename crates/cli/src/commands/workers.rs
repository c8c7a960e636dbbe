//! `workers`: lists the workers, live and dead.

use mission_core::Result;
use mission_engine::Worker;

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Listing, Table};

pub(crate) async fn run(app: &App) -> Result<Exit> {
    let workers = app.open_existing().await?.workers().await?;
    let head = ["id", "name", "standing", "concurrency", "types", "methods", "version", "started_date", "seen_date"];
    let mut listing = Listing::begin(app.output, Table::new(head).whole(2));
    workers.iter().try_for_each(|worker| listing.add(worker, &worker.id.0.to_string(), || row(worker)))?;
    listing.end()?;
    Ok(Exit::Ok)
}

fn row(worker: &Worker) -> Vec<String> {
    let standing = match (worker.is_live, worker.is_leaving) {
        (true, false) => "live",
        (true, true) => "leaving",
        (false, _) => "gone",
    };
    vec![
        worker.id.0.to_string(),
        worker.name.clone(),
        standing.to_owned(),
        worker.concurrency.to_string(),
        worker.types.as_ref().map_or("all".to_owned(), |types| types.join(", ")),
        worker.methods.join(", "),
        worker.version.clone(),
        worker.started_date.to_seconds_text(),
        worker.seen_date.to_seconds_text(),
    ]
}

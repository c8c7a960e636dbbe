//! `methods`: lists the methods that can be run, by this program or by a live worker.

use std::collections::BTreeMap;

use mission_core::Result;
use serde::Serialize;

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Listing, Table};

/// A method and who has it.
#[derive(Debug, Serialize)]
struct Known {
    method: String,
    /// How many live workers have it.
    workers: i64,
    /// Whether this program has it.
    #[serde(rename = "here")]
    is_here: bool,
}

pub(crate) async fn run(app: &App) -> Result<Exit> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for method in app.method_names() {
        known.insert(method.clone(), Known { method, workers: 0, is_here: true });
    }
    match app.open_existing().await {
        Ok(mission) => {
            for (method, workers) in mission.methods().await? {
                let is_here = known.contains_key(&method);
                known.insert(method.clone(), Known { method, workers, is_here });
            }
        }
        // What this program has can be said without any database.
        Err(error) if error.is_not_found() => app.note(error),
        Err(error) => return Err(error),
    }
    let mut listing = Listing::begin(app.output, Table::new(["method", "workers", "in this program"]));
    for known in known.values() {
        let here = if known.is_here { "yes" } else { "no" };
        listing.add(known, &known.method, || vec![known.method.clone(), known.workers.to_string(), here.to_owned()])?;
    }
    listing.end()?;
    Ok(Exit::Ok)
}

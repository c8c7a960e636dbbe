//! A long export that goes on where its last worker left it: stop it with Ctrl-C or kill it, start it again, and the file
//! is the same to the byte.
//!
//! `cargo run --release --example export`
//! `cargo run --release --example export -- 1000` (rows of your choice)

use mission::{Context, Failure, Mission};
use serde::{Deserialize, Serialize};
use std::io::Write;

#[derive(Serialize, Deserialize)]
struct Export {
    rows: u64,
}

/// Writes `rows` rows to a CSV file the user can download.
#[mission::method(retries = 3)]
async fn export(ctx: Context, params: Export) -> Result<String, Failure> {
    let mut file = ctx.artifact("export.csv").await?; // continues where the last checkpoint left it
    for n in ctx.resume_at()?.unwrap_or(0)..params.rows {
        writeln!(file, "{n}")?;
        ctx.checkpoint(&(n + 1), (n + 1, params.rows)).await?; // cursor, progress and file length: one fenced write, throttled
    }
    Ok(format!("exported {} rows", params.rows))
}

#[tokio::main]
async fn main() -> mission::Result<()> {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok()).unwrap_or(10_000_000);
    let mission = Mission::open("sqlite://mission.db").await?;
    // Started again, it goes on with the task that waits: a key is unique among active tasks.
    let task = mission.push(export::task(Export { rows }).creator("alice").key("all rows")).await?;
    println!("{}", task.unique_id());

    let told_to_stop = mission::stop_signal()?;
    let worker = mission.worker().start().await?;
    tokio::select! {
        ended = task.wait() => println!("{}", ended?.content.unwrap_or_default()),
        () = told_to_stop => {} // what runs is handed over by the stop
    }
    worker.stop().await;
    Ok(())
}

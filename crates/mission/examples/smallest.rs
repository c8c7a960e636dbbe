//! The smallest program: one method, one push, a worker in the same process, the answer.
//!
//! `cargo run --example smallest`

use mission::{Context, Failure, Mission};

/// Counts to a number and says so.
#[mission::method]
async fn count(ctx: Context, to: u64) -> Result<String, Failure> {
    for n in 1..=to {
        ctx.progress((n, to)).await?;
    }
    Ok(format!("counted to {to}"))
}

#[tokio::main]
async fn main() -> mission::Result<()> {
    let mission = Mission::open("sqlite://mission.db").await?;
    let worker = mission.worker().start().await?;

    let task = mission.push(count::task(1_000_000)).await?;
    println!("pushed {}", task.unique_id());
    let task = task.wait().await?;
    println!("{}: {}", task.state, task.content.unwrap_or_default());

    worker.stop().await;
    Ok(())
}

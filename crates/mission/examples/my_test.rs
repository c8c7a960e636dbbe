//! The original's `myTest`: a blocking method that sleeps and answers `my test`.
//!
//! `cargo run --example my_test`        (twenty seconds, as in the original)
//! `cargo run --example my_test -- 100` (milliseconds of your choice)

use std::time::Duration;

use mission::{Failure, Mission, blocking};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct MyTest {
    ms: u64,
}

/// Sleeps on a thread of its own; a cancel or a stop of the worker ends the sleep at once.
#[mission::method(name = "myTest")]
fn my_test(ctx: blocking::Context, params: MyTest) -> Result<String, Failure> {
    ctx.sleep(Duration::from_millis(params.ms))?;
    Ok("my test".to_owned())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let ms = std::env::args().nth(1).map_or(Ok(20_000), |ms| ms.parse())?;
    let mission = Mission::open("sqlite://mission.db").await?;
    let worker = mission.worker().start().await?;

    let task = mission.push(my_test::task(MyTest { ms })).await?.wait().await?;
    println!("{} {} {}", task.unique_id, task.state, task.content.unwrap_or_default());

    worker.stop().await;
    Ok(())
}

//! The part of a worker: a process with Mission's worker in it, and methods that put their lease token into all they write.

use std::sync::Arc;
use std::time::Duration;

use mission::{Context, Failure, Method, Mission, blocking};
use mission_verifier::{Effort, Outcome, Papers};

use crate::load::Order;
use crate::process::die_with_parent;

/// Reports of a method over its whole run.
const STEPS: u64 = 10;
/// What a blocking method takes longer than its order says, so that most are caught by a freeze.
const BLOCK_MS_MIN: u64 = 300;

/// Works until SIGTERM: `URL FOLDER CONCURRENCY LEASE_MS GRACE_MS`.
///
/// # Errors
/// The words make no sense, or the worker cannot start.
pub fn play(words: &[&str]) -> Outcome<()> {
    let [url, folder, concurrency, lease_ms, grace_ms] = words else {
        return Err("worker needs URL FOLDER CONCURRENCY LEASE_MS GRACE_MS".into());
    };
    die_with_parent()?;
    let milliseconds = |word: &str| word.parse().map(Duration::from_millis);
    let (concurrency, lease, grace) = (concurrency.parse()?, milliseconds(lease_ms)?, milliseconds(grace_ms)?);
    let papers = Papers::in_folder(*folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mission = Mission::open(url).await?;
        let worker = mission.worker().methods(methods(&papers)).concurrency(concurrency).lease(lease).grace(grace);
        worker.run().await.map_err(Into::into)
    })
}

fn methods(papers: &Papers) -> [Method; 3] {
    let shared = Arc::new(papers.clone());
    let (one, other, third) = (Arc::clone(&shared), Arc::clone(&shared), shared);
    [
        Method::from_fn("effect", move |ctx, order| effect(ctx, order, Arc::clone(&one))),
        Method::from_fn("steps", move |ctx, order| steps(ctx, order, Arc::clone(&other))),
        Method::from_blocking_fn("block", move |ctx, order| block(&ctx, &order, &third)),
    ]
}

/// Awaits, reports, and has its effect on the ledger: the common case.
async fn effect(ctx: Context, order: Order, papers: Arc<Papers>) -> Result<String, Failure> {
    let token = ctx.fence();
    note(&papers, Effort::Begin, ctx.unique_id(), token)?;
    for step in 1..=STEPS {
        tokio::time::sleep(Duration::from_millis(order.ms) / 10).await;
        ctx.progress((step, STEPS, format!("token={token}").as_str())).await?;
    }
    note(&papers, Effort::End, ctx.unique_id(), token)?;
    Ok(format!("token={token} n={}", order.n))
}

/// Ten times as long as others, with checkpoints: it goes on where the last one left it.
async fn steps(ctx: Context, order: Order, papers: Arc<Papers>) -> Result<String, Failure> {
    let token = ctx.fence();
    note(&papers, Effort::Begin, ctx.unique_id(), token)?;
    let at = ctx.resume_at::<String>()?.and_then(|cursor| cursor.rsplit("at=").next()?.parse().ok()).unwrap_or(0);
    let total = STEPS * STEPS;
    for step in at + 1..=total {
        tokio::time::sleep(Duration::from_millis(order.ms) / 10).await;
        let by = format!("token={token}");
        ctx.checkpoint(&format!("{by} at={step}"), (step, total, by.as_str())).await?;
    }
    note(&papers, Effort::End, ctx.unique_id(), token)?;
    Ok(format!("token={token} n={}", order.n))
}

/// Blocks its thread and never looks whether it is to end: after a freeze it tries to settle what it lost.
fn block(ctx: &blocking::Context, order: &Order, papers: &Papers) -> Result<String, Failure> {
    let token = ctx.fence();
    note(papers, Effort::Begin, ctx.unique_id(), token)?;
    for step in 1..=STEPS {
        std::thread::sleep(Duration::from_millis(BLOCK_MS_MIN + order.ms) / 10);
        let _ = ctx.progress((step, STEPS, format!("token={token}").as_str()));
    }
    note(papers, Effort::End, ctx.unique_id(), token)?;
    Ok(format!("token={token} n={}", order.n))
}

fn note(papers: &Papers, effort: Effort, unique_id: &str, token: i64) -> Result<(), Failure> {
    papers.note(effort, unique_id, token).map_err(|fault| Failure::new(format!("the ledger refuses: {fault}")))
}

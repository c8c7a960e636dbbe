//! The part of a worker: a process with Mission's worker in it, and methods that put their lease token into all they write.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mission::{Context, Failure, Method, Mission, blocking};
use mission_verifier::{EXPORT_ROWS, Effort, Outcome, Papers};

use crate::load::Order;
use crate::process::die_with_parent;
use crate::producer::Wave;
use crate::transfer::{Account, transfer};

/// Reports of a method over its whole run.
const STEPS: u64 = 10;
/// Rows between two rests of an export.
const EXPORT_PART: u64 = EXPORT_ROWS / 20;
/// What a blocking method takes longer than its order says, so that most are caught by a freeze.
const BLOCK_MS_MIN: u64 = 300;

/// Works until SIGTERM: `URL FOLDER CONCURRENCY LEASE_MS GRACE_MS [FROM COUNT MS_MAX METHODS SEED]`; with the last ones it pushes, too.
///
/// # Errors
/// The words make no sense, or the worker cannot start.
pub fn play(words: &[&str]) -> Outcome<()> {
    let [url, folder, concurrency, lease_ms, grace_ms, wave @ ..] = words else {
        return Err("worker needs URL FOLDER CONCURRENCY LEASE_MS GRACE_MS".into());
    };
    let wave = (!wave.is_empty()).then(|| Wave::parse(wave)).transpose()?;
    die_with_parent()?;
    let milliseconds = |word: &str| word.parse().map(Duration::from_millis);
    let (concurrency, lease, grace) = (concurrency.parse()?, milliseconds(lease_ms)?, milliseconds(grace_ms)?);
    let papers = Papers::in_folder(*folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mission = Mission::open(url).await?;
        let worker = mission.worker().methods(methods(url, &papers)?).concurrency(concurrency);
        let worker = worker.lease(lease).grace(grace).files_in(papers.files());
        let work = async { worker.run().await.map_err(Into::into) };
        let Some(wave) = wave else { return work.await };
        let push = async {
            wave.push_one_by_one(&mission, &papers).await?;
            std::future::pending().await
        };
        // A worker that was told to leave drops the push under way.
        tokio::select! { left = work => left, failed = push => failed }
    })
}

fn methods(url: &str, papers: &Papers) -> Outcome<[Method; 5]> {
    let account = Account::of(url)?;
    let shared = Arc::new(papers.clone());
    let (one, other, third) = (Arc::clone(&shared), Arc::clone(&shared), Arc::clone(&shared));
    let (fourth, fifth) = (Arc::clone(&shared), shared);
    Ok([
        Method::from_fn("export", move |ctx, order| export(ctx, order, Arc::clone(&fourth))),
        Method::from_fn("transfer", move |ctx, order| transfer(ctx, order, Arc::clone(&fifth), account.clone()))
            // A commit whose outcome is unknown, and was none, is a failed attempt.
            .retries(1_000),
        Method::from_fn("effect", move |ctx, order| effect(ctx, order, Arc::clone(&one))),
        Method::from_fn("steps", move |ctx, order| steps(ctx, order, Arc::clone(&other))),
        Method::from_blocking_fn("block", move |ctx, order| block(&ctx, &order, &third)),
    ])
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
    let at = place(&ctx)?;
    let total = STEPS * STEPS;
    for step in at + 1..=total {
        tokio::time::sleep(Duration::from_millis(order.ms) / 10).await;
        let by = format!("token={token}");
        ctx.checkpoint(&format!("{by} at={step}"), (step, total, by.as_str())).await?;
    }
    note(&papers, Effort::End, ctx.unique_id(), token)?;
    Ok(format!("token={token} n={}", order.n))
}

/// Writes a file whose every byte the verifier knows, and goes on with it where the last checkpoint left it.
async fn export(ctx: Context, order: Order, papers: Arc<Papers>) -> Result<String, Failure> {
    let token = ctx.fence();
    note(&papers, Effort::Begin, ctx.unique_id(), token)?;
    let at = place(&ctx)?;
    let mut file = ctx.artifact("rows.csv").await?;
    for row in at + 1..=EXPORT_ROWS {
        write!(file, "{}", mission_verifier::export_row(row, ctx.unique_id()))?;
        if row % EXPORT_PART == 0 {
            tokio::time::sleep(Duration::from_millis(order.ms)).await;
        }
        let by = format!("token={token}");
        ctx.checkpoint(&format!("{by} at={row}"), (row, EXPORT_ROWS, by.as_str())).await?;
    }
    note(&papers, Effort::End, ctx.unique_id(), token)?;
    Ok(format!("token={token} n={}", order.n))
}

/// The place in the last checkpoint's cursor; 0 where there is none.
fn place(ctx: &Context) -> Result<u64, Failure> {
    let cursor = ctx.resume_at::<String>()?;
    Ok(cursor.and_then(|cursor| cursor.rsplit("at=").next()?.parse().ok()).unwrap_or(0))
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

//! `helloWorld`: the original's example, ten million numbered rows as a CSV file, which goes on where it was interrupted.

use std::io::Write as _;
use std::time::SystemTime;

use mission_core::{Failure, Timestamp};
use mission_engine::blocking::Context;
use mission_engine::{ArtifactWriter, Method};
use serde::Deserialize;

use super::csv_rows::{CsvRows, HEADER};

/// Rows of the original's example.
const ROWS_DEFAULT: u64 = 10_000_000;
/// Bytes gathered before they go to the file; between two such blocks the place is kept and a cancel is noticed.
const BLOCK_BYTES: usize = 1 << 20;
/// Rows made before the block's size is looked at.
const ROWS_AT_ONCE: u64 = 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HelloWorld {
    /// How many rows.
    rows: Option<u64>,
    /// What stands in column two; the clock in UTC unless given.
    datetime: Option<String>,
}

pub(super) fn method() -> Method {
    Method::from_blocking_fn("helloWorld", |ctx, params| hello_world(&ctx, params))
}

fn hello_world(ctx: &Context, params: HelloWorld) -> Result<String, Failure> {
    let total = params.rows.unwrap_or(ROWS_DEFAULT);
    let mut file = ctx.artifact("helloWorld.csv")?;
    file.set_media_type("text/csv; charset=utf-8");
    write_rows(ctx, &params, total, &mut file)?;
    file.set_rows(total);
    Ok(format!("output target file dir: {}", file.finish()?.display()))
}

fn write_rows(ctx: &Context, params: &HelloWorld, total: u64, file: &mut ArtifactWriter) -> Result<(), Failure> {
    // The file was cut back to what it held at that row.
    let mut done: u64 = ctx.resume_at()?.unwrap_or(0);
    let mut shown = params.datetime.clone().unwrap_or_else(clock);
    let mut rows = CsvRows::after(done, &shown);
    file.check_room(rows.bytes_of(total).saturating_sub(file.bytes()))?;
    let mut block = Vec::with_capacity(BLOCK_BYTES + (BLOCK_BYTES >> 3));
    if done == 0 {
        block.extend_from_slice(HEADER);
    }
    while done < total {
        while done < total && block.len() < BLOCK_BYTES {
            let some = ROWS_AT_ONCE.min(total - done);
            rows.append(some, &mut block);
            done += some;
        }
        file.write_all(&block)?;
        block.clear();
        ctx.checkpoint(&done, (done, total))?;
        if params.datetime.is_none() {
            let now = clock();
            if now != shown {
                rows.set_column(&now);
                shown = now;
            }
        }
    }
    Ok(file.write_all(&block)?)
}

/// The time in UTC, as PHP's `date()` writes it in Laravel's default zone.
fn clock() -> String {
    Timestamp::from(SystemTime::now()).to_seconds_text()
}

//! `helloWorld`: the original's example, ten million numbered rows as a CSV file in the storage folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mission_core::{Failure, Timestamp};
use mission_engine::Method;
use mission_engine::blocking::Context;
use serde::Deserialize;

use super::csv_rows::{CsvRows, HEADER};
use super::part_file::PartFile;

/// Rows of the original's example.
const ROWS_DEFAULT: u64 = 10_000_000;
/// Bytes gathered before they go to the file; a cancel is noticed and progress is said between two such blocks.
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

pub(super) fn method(storage: PathBuf) -> Method {
    Method::from_blocking_fn("helloWorld", move |ctx, params| hello_world(&ctx, params, &storage))
}

fn hello_world(ctx: &Context, params: HelloWorld, storage: &Path) -> Result<String, Failure> {
    let id = ctx.unique_id();
    let began = clock().replace(['-', ':', ' '], "");
    let mut file = PartFile::create(storage, &format!("{began}-{id}.csv"), &format!("-{id}."), ctx.fence())?;
    write_rows(ctx, &params, &mut file)?;
    // A worker that lost the task leaves no file behind: another one writes it.
    ctx.check()?;
    Ok(format!("output target file dir: {}", file.finish()?.display()))
}

fn write_rows(ctx: &Context, params: &HelloWorld, file: &mut PartFile) -> Result<(), Failure> {
    let total = params.rows.unwrap_or(ROWS_DEFAULT);
    let mut shown = params.datetime.clone().unwrap_or_else(clock);
    let mut rows = CsvRows::after(0, &shown);
    check_room(file, rows.bytes_of(total))?;
    let mut block = Vec::with_capacity(BLOCK_BYTES + (BLOCK_BYTES >> 3));
    block.extend_from_slice(HEADER);
    let mut done = 0;
    while done < total {
        while done < total && block.len() < BLOCK_BYTES {
            let some = ROWS_AT_ONCE.min(total - done);
            rows.append(some, &mut block);
            done += some;
        }
        file.write(&block)?;
        block.clear();
        ctx.progress((done, total))?;
        if params.datetime.is_none() {
            let now = clock();
            if now != shown {
                rows.set_column(&now);
                shown = now;
            }
        }
    }
    file.write(&block)
}

/// Refuses at once what the disk cannot hold, before it is full for everybody else too.
fn check_room(file: &PartFile, bytes: u64) -> Result<(), Failure> {
    match file.room() {
        Some(room) if room < bytes => Err(Failure::new(format!(
            "the file would have {bytes} bytes and the disk has room for {room}: free some, or set another storage folder"
        ))),
        _ => Ok(()),
    }
}

/// The time in UTC, as PHP's `date()` writes it in Laravel's default zone.
fn clock() -> String {
    Timestamp::from(SystemTime::now()).to_seconds_text()
}

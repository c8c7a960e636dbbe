//! What SQLite's settings mean for the tasks.

use super::{Finding, Settings, version};

pub(super) fn judge(settings: &Settings) -> (String, Vec<Finding>) {
    let product = format!("SQLite {}", settings.raw("version"));
    let findings = vec![library(settings), journal(settings), synchronous(settings)];
    (product, findings)
}

fn library(settings: &Settings) -> Finding {
    let number = settings.raw("version");
    if version(number) >= (3, 51, 3) {
        let sentence = format!("{number}; other programs that write this file should bring 3.51.3 or later, too");
        return Finding::good("version", sentence);
    }
    let sentence =
        format!("{number}: versions before 3.51.3 can corrupt a database in WAL mode; build with a newer one");
    Finding::wrong("version", sentence)
}

fn journal(settings: &Settings) -> Finding {
    match settings.get("journal_mode").as_str() {
        "wal" => Finding::good("journal", "WAL: readers and the writer do not wait for each other"),
        "memory" | "off" => Finding::wrong("journal", "kept in memory only: a crash can corrupt the file; use WAL"),
        mode => Finding::note("journal", format!("{mode}: readers and writers wait for each other; WAL is faster")),
    }
}

fn synchronous(settings: &Settings) -> Finding {
    match settings.number("synchronous") {
        2.. => Finding::good("durability", "synchronous is FULL: what is committed survives a power loss"),
        1 => Finding::wrong("durability", "synchronous is NORMAL: the last commits may go with the power; use FULL"),
        _ => Finding::wrong("durability", "synchronous is OFF: a power loss can corrupt the file; use FULL"),
    }
}

//! What PostgreSQL's settings mean for the tasks.

use super::{Finding, Settings};

pub(super) fn judge(settings: &Settings) -> (String, Vec<Finding>) {
    let product = format!("PostgreSQL {}", settings.raw("server_version"));
    let mut findings = vec![server(settings), commit(settings)];
    if !settings.is_on("fsync") {
        let sentence = "fsync is off: a power loss can corrupt the whole database; turn it on";
        findings.push(Finding::wrong("durability", sentence));
    }
    if !settings.is_on("full_page_writes") {
        let sentence = "full_page_writes is off: a power loss can corrupt pages, unless the file system forbids that";
        findings.push(Finding::note("durability", sentence));
    }
    if settings.is_on("in_recovery") || settings.is_on("default_transaction_read_only") {
        findings.push(Finding::wrong("writing", "the server is read-only: use the primary's address"));
    }
    (product, findings)
}

fn server(settings: &Settings) -> Finding {
    let number = settings.raw("server_version");
    if settings.number("server_version_num") >= 140_000 {
        return Finding::good("version", format!("{number} is supported"));
    }
    Finding::wrong("version", format!("{number} is not supported: use PostgreSQL 14 or later"))
}

fn commit(settings: &Settings) -> Finding {
    match settings.get("synchronous_commit").as_str() {
        "off" => Finding::wrong(
            "durability",
            "synchronous_commit is off: the last half second of commits may be lost; turn it on",
        ),
        mode => {
            Finding::good("durability", format!("synchronous_commit is {mode}: what is committed survives a crash"))
        }
    }
}

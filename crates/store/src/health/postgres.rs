//! What PostgreSQL's settings mean for the tasks.

use super::{Finding, Settings};

pub(super) fn judge(settings: &Settings) -> (String, Vec<Finding>) {
    let product = format!("PostgreSQL {}", settings.raw("server_version"));
    let mut findings = vec![server(settings), commit(settings), nodes(settings), isolation(settings)];
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
        mode => Finding::good(
            "durability",
            format!("synchronous_commit is {mode}: what is committed survives a power loss"),
        ),
    }
}

/// On how many machines a commit is.
fn nodes(settings: &Settings) -> Finding {
    let about = "nodes";
    if settings.raw("synchronous_standby_names").is_empty() {
        let sentence = "on this server only: what is committed goes with its disk; a standby may lag behind";
        return Finding::good(about, sentence);
    }
    let mode = settings.get("synchronous_commit");
    if matches!(mode.as_str(), "off" | "local") {
        let sentence =
            format!("synchronous_commit is {mode}: commits do not wait for the synchronous standby; set it to on");
        return Finding::note(about, sentence);
    }
    match settings.number("standbys_in_step") {
        0 => Finding::note(
            about,
            "no synchronous standby is connected, or this user may not see it: without one every commit waits",
        ),
        count => {
            let sentence = format!("{count} synchronous standby: what is committed survives the loss of this server");
            Finding::good(about, sentence)
        }
    }
}

fn isolation(settings: &Settings) -> Finding {
    let level = settings.raw("default_transaction_isolation");
    Finding::good("isolation", format!("{level} is the server's default; Mission's own connections use read committed"))
}

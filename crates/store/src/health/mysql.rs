//! What the settings of MySQL and MariaDB mean for the tasks.

use mission_core::limits;

use super::{Finding, Settings, version};

/// A statement holds a batch as a JSON string, whose quotes are escaped on the way: room for twice its size.
const PACKET_MIN: usize = 2 * limits::BATCH_BYTES_MAX;

pub(super) fn judge(settings: &Settings) -> (String, Vec<Finding>) {
    let is_mariadb = settings.get("version").contains("mariadb");
    let product = format!("{} {}", if is_mariadb { "MariaDB" } else { "MySQL" }, settings.raw("version"));
    let mut findings =
        vec![server(settings, is_mariadb), flush(settings), isolation(settings), packet(settings), sql_mode(settings)];
    findings.extend(binlog(settings));
    if settings.is_on("read_only") || settings.is_on("super_read_only") {
        findings.push(Finding::wrong("writing", "the server is read-only: use the primary's address"));
    }
    findings.extend(nodes(settings));
    (product, findings)
}

fn server(settings: &Settings, is_mariadb: bool) -> Finding {
    let number = settings.raw("version");
    let (oldest, needed) = if is_mariadb { ((10, 6, 0), "MariaDB 10.6") } else { ((8, 0, 13), "MySQL 8.0.13") };
    if version(number) >= oldest {
        return Finding::good("version", format!("{number} is supported"));
    }
    Finding::wrong("version", format!("{number} is not supported: use {needed} or later"))
}

fn flush(settings: &Settings) -> Finding {
    let about = "durability";
    let lost = match settings.raw("innodb_flush_log_at_trx_commit") {
        "1" if settings.get("innodb_doublewrite") == "off" => {
            let sentence = "innodb_flush_log_at_trx_commit is 1, but innodb_doublewrite is off: a power loss can leave \
                            half-written pages; turn it on, unless the file system forbids that";
            return Finding::note(about, sentence);
        }
        "1" => {
            let sentence =
                "innodb_flush_log_at_trx_commit is 1: what is committed is on the disk and survives a power loss";
            return Finding::good(about, sentence);
        }
        "2" => {
            "innodb_flush_log_at_trx_commit is 2: what is committed survives a crash of the server, \
                but a power loss takes the last second of commits"
        }
        "0" => "innodb_flush_log_at_trx_commit is 0: a crash of the server takes the last second of commits",
        _ => "innodb_flush_log_at_trx_commit is not known: the last second of commits may be lost",
    };
    if settings.is_on("wsrep_on") {
        return Finding::note(about, format!("{lost}, unless another node outlives it; 1 is safe also without one"));
    }
    Finding::wrong(about, format!("{lost}; set it to 1"))
}

/// On how many machines a commit is.
fn nodes(settings: &Settings) -> Vec<Finding> {
    let about = "nodes";
    if !settings.is_on("wsrep_on") {
        let semi = ["rpl_semi_sync_master_enabled", "rpl_semi_sync_source_enabled"];
        return vec![if semi.into_iter().any(|name| settings.is_on(name)) {
            Finding::good(about, "a commit waits for a replica, for as long as one answers in time (semi-synchronous)")
        } else {
            Finding::good(about, "on this server only: what is committed goes with its disk; replicas may lag behind")
        }];
    }
    let size = settings.number("wsrep_cluster_size");
    let (status, state) = (settings.raw("wsrep_cluster_status"), settings.raw("wsrep_local_state_comment"));
    let mut findings = vec![if settings.get("wsrep_cluster_status") != "primary" {
        let sentence = format!(
            "this node is {status} ({state}): it is cut off from its cluster and refuses work; use another node"
        );
        Finding::wrong(about, sentence)
    } else if size >= 3 {
        let sentence =
            format!("a Galera cluster of {size}: what is committed is on every node; the loss of one loses nothing");
        Finding::good(about, sentence)
    } else if size == 2 {
        Finding::note(
            about,
            "a Galera cluster of 2: if one is lost the other stops, too; add a third, or an arbitrator",
        )
    } else {
        Finding::note(about, "a Galera cluster of one node: what is committed is on this server only")
    }];
    if settings.get("binlog_format") != "row" {
        let sentence = format!("binlog_format is {}: Galera needs ROW", settings.raw("binlog_format"));
        findings.push(Finding::wrong(about, sentence));
    }
    findings
}

fn binlog(settings: &Settings) -> Vec<Finding> {
    let about = "binary log";
    if !settings.is_on("log_bin") {
        return vec![Finding::good(about, "off")];
    }
    let mut findings = Vec::new();
    if settings.get("binlog_format") == "statement" {
        let sentence = "binlog_format is STATEMENT: InnoDB refuses to write at READ COMMITTED; set it to ROW or MIXED";
        findings.push(Finding::wrong(about, sentence));
    }
    findings.push(match settings.raw("sync_binlog") {
        "1" => Finding::good(about, "sync_binlog is 1: replicas miss no commit after a crash"),
        other => Finding::note(
            about,
            format!("sync_binlog is {other}: after a crash replicas and backups may miss the last commits; 1 is safe"),
        ),
    });
    findings
}

fn isolation(settings: &Settings) -> Finding {
    // MariaDB before 11.1 knows only the older name.
    let names = ["transaction_isolation", "tx_isolation"];
    let level = names.into_iter().map(|name| settings.raw(name)).find(|level| !level.is_empty()).unwrap_or("unknown");
    Finding::good("isolation", format!("{level} is the server's default; Mission's own connections use READ COMMITTED"))
}

fn packet(settings: &Settings) -> Finding {
    let bytes = settings.number("max_allowed_packet");
    if usize::try_from(bytes).unwrap_or(0) >= PACKET_MIN {
        return Finding::good("packets", format!("max_allowed_packet is {bytes}"));
    }
    Finding::wrong(
        "packets",
        format!("max_allowed_packet is {bytes}: large params are refused; set it to 16 MiB or more"),
    )
}

fn sql_mode(settings: &Settings) -> Finding {
    let mode = settings.get("sql_mode");
    if mode.contains("strict_trans_tables") || mode.contains("strict_all_tables") || mode.contains("traditional") {
        return Finding::good("sql_mode", "strict: values that do not fit are refused");
    }
    let sentence = "not strict: a plain INSERT with a name that is too long, or a wrong state, is cut silently; \
                    add STRICT_TRANS_TABLES (Mission's own connections have it)";
    Finding::note("sql_mode", sentence)
}

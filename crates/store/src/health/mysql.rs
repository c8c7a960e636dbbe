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
    if settings.is_on("wsrep_on") {
        let sentence = "a Galera cluster: let producers and workers use one node, or set wsrep_sync_wait to 1";
        findings.push(Finding::note("cluster", sentence));
    }
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
    match settings.raw("innodb_flush_log_at_trx_commit") {
        "1" => {
            Finding::good("durability", "innodb_flush_log_at_trx_commit is 1: what is committed survives a power loss")
        }
        other => Finding::wrong(
            "durability",
            format!("innodb_flush_log_at_trx_commit is {other}: the last second of commits may be lost; set it to 1"),
        ),
    }
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

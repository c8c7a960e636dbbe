//! A full table: rows by the ten thousand in front of a claim, written by the database itself within seconds.

use mission_testkit::Database;

use crate::texts::Raw;

/// A row-maker that every database understands: so many numbers from 0, put together of as many digits as they need.
fn numbers(count: usize) -> String {
    let digit = "(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4
        union all select 5 union all select 6 union all select 7 union all select 8 union all select 9)";
    let places = count.saturating_sub(1).max(1).ilog10() + 1;
    let number: Vec<String> = (0..places).map(|place| format!("{} * p{place}.d", 10_usize.pow(place))).collect();
    let digits: Vec<String> = (0..places).map(|place| format!("{digit} p{place}")).collect();
    let (number, digits) = (number.join(" + "), digits.join(" cross join "));
    format!("(select {number} as n from {digits}) numbers where n < {count}")
}

/// Rows alike but for their due time, which grows by a microsecond from `first_due`.
pub(crate) struct Rows {
    pub(crate) count: usize,
    pub(crate) state: &'static str,
    pub(crate) method: &'static str,
    pub(crate) task_type: String,
    pub(crate) priority: i64,
    pub(crate) first_due: i64,
}

/// Long ago.
pub(crate) const PAST: i64 = 1_000_000_000_000_000;
/// Far ahead: the year 2096.
pub(crate) const FUTURE: i64 = 4_000_000_000_000_000;

impl Rows {
    /// Due rows of the method `export`.
    pub(crate) fn due(count: usize, task_type: &str, priority: i64) -> Self {
        Self { count, state: "init", method: "export", task_type: task_type.to_owned(), priority, first_due: PAST }
    }

    pub(crate) async fn write(&self, raw: &mut Raw) {
        let Self { count, state, method, task_type, priority, first_due } = self;
        let worker = i64::from(*state == "executing");
        // An id of its own spares the default, which takes most of the time on MySQL.
        let id = format!("concat('{state}{first_due}{}{task_type}{priority}.', n)", &method[..2]);
        let fields = format!("{id}, '{method}', '{task_type}', {priority}, '{state}', {worker}, {first_due} + n");
        raw.script(&format!(
            "insert into mission_tasks (unique_id, method, type, priority, state, worker_id, run_at)
             select {fields} from {}",
            numbers(*count)
        ))
        .await;
    }
}

/// The type of the claim that is measured, and its priority.
pub(crate) const SERVED: (&str, i64) = ("served", 0);

/// A table with `front` rows of every hostile sort before the served line, and thirty types by five priorities beside it.
pub(crate) async fn fill(db: &Database, front: usize) -> Raw {
    let mut raw = Raw::open(db).await;
    if let Raw::MySql(_) = raw {
        raw.script("begin").await;
    }
    if let Raw::Postgres(_) = raw {
        // A table that was never analysed: no plan may depend on statistics.
        raw.script("alter table mission_tasks set (autovacuum_enabled = off)").await;
    }
    let fronts = [
        Rows { first_due: FUTURE, ..Rows::due(front, SERVED.0, 9) },
        Rows { first_due: FUTURE, ..Rows::due(front, SERVED.0, SERVED.1) },
        Rows::due(front, "paused", 9),
        Rows::due(front, "full", 9),
        Rows::due(front, "unserved", 9),
        Rows { method: "an_unknown_method", ..Rows::due(front, SERVED.0, 9) },
        Rows { state: "success", ..Rows::due(front, SERVED.0, SERVED.1) },
        Rows::due(1000, SERVED.0, SERVED.1),
    ];
    for rows in fronts {
        rows.write(&mut raw).await;
    }
    for number in 0..30 {
        for priority in -2..=2 {
            Rows::due(20, &format!("type_{number}"), priority).write(&mut raw).await;
        }
    }
    if let Raw::MySql(_) = raw {
        raw.script("commit").await;
    }
    raw
}

//! What a claim costs: a few tens of rows, whatever stands in front of it.

use mission_store::Line;
use mission_testkit::{Database, Kind, conformance};

use crate::crowd::{FUTURE, PAST, SERVED, fill};
use crate::stage::{WORKER, open};
use crate::texts::{Given, Raw, Text, text};

conformance![a_claim_of_ten_touches_a_few_tens_of_rows];

/// The size that the promise names; `cargo test -p mission-store --all-features full_size -- --ignored`.
mod full_size {
    use mission_testkit::{Kind, on};

    async fn claim(db: mission_testkit::Database) {
        super::claim_behind(&db, 100_000).await;
    }

    #[test]
    #[ignore = "half a million rows"]
    fn sqlite() {
        on(Kind::Sqlite, claim);
    }
    #[test]
    #[ignore = "half a million rows"]
    fn mariadb() {
        on(Kind::Mariadb, claim);
    }
    #[test]
    #[ignore = "half a million rows"]
    fn mysql() {
        on(Kind::Mysql, claim);
    }
    #[test]
    #[ignore = "half a million rows"]
    fn postgres() {
        on(Kind::Postgres, claim);
    }
}

async fn a_claim_of_ten_touches_a_few_tens_of_rows(db: Database) {
    claim_behind(&db, 20_000).await;
}

const LIMIT: i64 = 10;

async fn claim_behind(db: &Database, front: usize) {
    let store = open(db).await;
    let mut raw = fill(db, front).await;
    let (lines, now) = store.lines().await.unwrap();
    assert_eq!(lines.len(), 156, "thirty types by five priorities, five fronts and the served line");
    assert_eq!(store.lines().await.unwrap().0, lines, "by what the first look knew");
    let is_served =
        |line: &&Line| (line.method.as_str(), line.task_type.as_str(), line.priority) == ("export", SERVED.0, SERVED.1);
    let line = lines.iter().find(is_served).unwrap();
    assert!(line.head.0 == PAST && now.0 < FUTURE, "{line:?}");
    match db.kind() {
        Kind::Sqlite => assert_sqlite_plan(&mut raw, line).await,
        Kind::Postgres => assert_postgres_plan(&mut raw, line).await,
        Kind::Mariadb | Kind::Mysql => assert_innodb_locks(db, &mut raw, line).await,
    }
    let start = std::time::Instant::now();
    let claimed = store.claim(line, WORKER, 10).await.unwrap();
    println!("{}: claim of {} behind {front} rows of each sort: {:?}", db.kind(), claimed.len(), start.elapsed());
    assert_eq!(
        claimed.iter().map(|claimed| claimed.task.run_at.0).collect::<Vec<_>>(),
        (PAST..PAST + 10).collect::<Vec<_>>()
    );
}

fn given(line: &Line) -> Vec<(&'static str, Given)> {
    vec![
        ("method", line.method.as_str().into()),
        ("type", line.task_type.as_str().into()),
        ("priority", line.priority.into()),
        ("lane", line.lane.into()),
        ("head", line.head.0.into()),
        ("limit", LIMIT.into()),
        ("crashes_max", i64::MAX.into()),
        ("worker_id", WORKER.0.into()),
    ]
}

async fn assert_sqlite_plan(raw: &mut Raw, line: &Line) {
    let plan = raw.plan(&text(Kind::Sqlite, "claim", &[]), &given(line)).await;
    let range =
        "USING INDEX mission_tasks_claim (method=? AND type=? AND priority=? AND lane=? AND run_at>? AND run_at<?)";
    assert!(plan.contains(range) && !plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{plan}");
    let lines = raw.plan(&text(Kind::Sqlite, "lines", &[]), &[("limit", 10.into())]).await;
    let dives = lines.matches("INDEX mission_tasks_claim (").count();
    assert!(dives == 4 && !lines.contains("TEMP B-TREE"), "one dive per column: {lines}");
}

/// The plan of the very text, both as it is made for given values and as it is kept for any.
async fn assert_postgres_plan(raw: &mut Raw, line: &Line) {
    let claim = text(Kind::Postgres, "claim", &[]);
    let values: Vec<String> = raw_literals(&claim, line);
    raw.script(&format!("prepare claim as {}", claim.sql)).await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        raw.script(&format!("set plan_cache_mode = {mode}")).await;
        let rows = raw.rows(&format!("explain (costs off) execute claim ({})", values.join(", ")), vec![]).await;
        let plan = rows.concat().join("\n");
        let condition = plan.lines().find(|line| line.contains("Index Cond: ((")).unwrap_or_default();
        assert!(plan.contains("Index Scan using mission_tasks_claim"), "{mode}: {plan}");
        for column in ["method", "type", "priority", "lane"] {
            let equality = [format!("({column} = "), format!("(({column})::text = ")];
            assert!(equality.iter().any(|text| condition.contains(text)), "{mode}: {column}: {plan}");
        }
        assert!(condition.contains("run_at >= ") && condition.contains("run_at <= "), "{mode}: {plan}");
        assert!(plan.contains("Index Scan using mission_tasks_pkey"), "{mode}: {plan}");
        assert!(!["Seq Scan", "Sort", "Bitmap"].iter().any(|bad| plan.contains(bad)), "{mode}: {plan}");
        // Nothing is looked at and left but suspects, where they are to be; the state is looked at again once locked.
        let filters: Vec<&str> = plan.lines().filter(|line| line.contains("Filter: ")).collect();
        let [filter] = filters.as_slice() else { panic!("{mode}: {plan}") };
        assert!(filter.contains("((crashes <= ") && filter.ends_with(" AND ((state)::text = 'init'::text))"), "{plan}");
    }
    raw.script("set plan_cache_mode = auto").await;
    let lines = raw.plan(&text(Kind::Postgres, "lines", &[]), &[("limit", 10.into())]).await;
    assert_eq!(lines.matches("Index Only Scan using mission_tasks_claim").count(), 2, "{lines}");
    assert!(!lines.contains("Seq Scan") && !lines.contains("Sort"), "{lines}");
}

fn raw_literals(text: &Text, line: &Line) -> Vec<String> {
    let literal = |given: Given| match given {
        Given::Int(value) => value.to_string(),
        Given::Text(value) => format!("'{value}'"),
    };
    text.values(&given(line)).into_iter().map(literal).collect()
}

/// The claim's own statements in an open transaction; another session counts what they lock, and claims beside them.
async fn assert_innodb_locks(db: &Database, raw: &mut Raw, line: &Line) {
    let (claim, mark) = (text(db.kind(), "claim", &[]), text(db.kind(), "claim_mark", &[]));
    let mut other = Raw::open(db).await;
    for session in [&mut *raw, &mut other] {
        session.script("set session transaction isolation level read committed").await;
        session.script("begin").await;
    }
    let session = raw.rows("select connection_id()", vec![]).await[0][0].clone();
    let before = rows_read(raw).await;
    let behind = [("dive", 0.into()), ("ahead", 8.into())];
    let lines = raw.run(&text(db.kind(), "lines", &[]), &[&given(line)[..], &behind].concat()).await;
    let read = rows_read(raw).await - before;
    assert!(lines.len() == 8 && read < 10 * LIMIT, "{read} rows read by a dive");
    let before = rows_read(raw).await;
    let rows = raw.run(&claim, &given(line)).await;
    assert_eq!(rows.len(), 10);
    let batch = |rows: &[Vec<String>]| {
        let ids: Vec<_> = rows.iter().map(|row| format!("{{\"id\":{}}}", row[0])).collect();
        format!("[{}]", ids.join(","))
    };
    let marking = [("batch", batch(&rows).as_str().into()), ("worker_id", WORKER.0.into()), ("now_us", PAST.into())];
    raw.run(&mark, &marking).await;
    let read = rows_read(raw).await - before;
    let beside = other.run(&claim, &given(line)).await;
    let count =
        format!("select trx_rows_locked from information_schema.innodb_trx where trx_mysql_thread_id = {session};");
    let locked: i64 = db.sql(&count).await.unwrap().trim().parse().unwrap();
    println!("{}: {locked} rows locked and {read} read by a claim of {LIMIT}", db.kind());
    assert!((LIMIT..=4 * LIMIT).contains(&locked), "{locked} rows locked");
    assert!((LIMIT..=10 * LIMIT).contains(&read), "{read} rows read");
    let first = |rows: &[Vec<String>]| rows.iter().map(|row| row[0].parse::<i64>().unwrap()).collect::<Vec<_>>();
    let (mine, others) = (first(&rows), first(&beside));
    assert_eq!(others.len(), 10, "another claimer gets its full batch at once");
    assert!(mine.iter().all(|id| !others.contains(id)));
    // A row in front that was not taken is free for others.
    db.sql(
        "set innodb_lock_wait_timeout = 1; update mission_tasks set state = 'cancelled' where type = 'paused' limit 1;",
    )
    .await
    .unwrap();
    for session in [raw, &mut other] {
        session.script("rollback").await;
    }
}

/// How many rows the session has read through any handler so far.
pub(crate) async fn rows_read(raw: &mut Raw) -> i64 {
    let rows = raw.rows("show session status like 'Handler_read%'", vec![]).await;
    rows.iter().map(|row| row[1].parse::<i64>().unwrap()).sum()
}

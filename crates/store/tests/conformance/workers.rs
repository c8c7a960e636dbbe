//! The list of workers: leases by the database's clock, condemned ones, what they have published, and what they left.

use std::time::{Duration, Instant};

use mission_core::{Filter, NewTask, WorkerId};
use mission_store::{NewWorker, Outlook, Renewal, Store};
use mission_testkit::{Database, conformance, eventually};

use crate::stage::{WORKER, new_worker, open, push, push_many, running, succeed, task};

conformance![
    a_worker_is_listed_as_it_registered,
    a_worker_is_condemned_only_once_its_term_is_over,
    a_condemned_worker_cannot_renew,
    a_renewal_gives_another_term,
    a_worker_known_to_be_gone_is_condemned_at_once,
    methods_are_those_of_live_workers_that_stay,
    who_holds_tasks_without_being_listed_is_found,
    hints_go_to_those_that_claim_and_live,
    a_look_at_the_list_sees_whether_a_task_waits,
    what_was_seen_to_wait_is_no_news_and_all_else_is,
    a_task_whose_time_has_come_is_news_by_the_databases_clock,
    more_lines_than_a_look_compares_and_unclear_names_are_not_compared,
];

async fn a_worker_is_listed_as_it_registered(db: Database) {
    let store = open(&db).await;
    let new = NewWorker {
        name: "büro-1:77 'x'".to_owned(),
        types: Some(vec!["report".to_owned(), "汉字 \"q\"".to_owned()]),
        pid: i64::from(u32::MAX),
        methods: vec!["export".to_owned(), "abc".to_owned(), "export".to_owned()],
        ..new_worker(&[])
    };
    let id = store.register(&new).await.unwrap();
    let bare = store.register(&new_worker(&[])).await.unwrap();
    let workers = store.workers().await.unwrap();
    let worker = &workers[0];
    assert_eq!((worker.id, workers[1].id), (id, bare));
    assert_eq!((&worker.name, &worker.host, &worker.process), (&new.name, &new.host, &new.process));
    assert_eq!((worker.pid, worker.pid_started, worker.concurrency), (new.pid, new.pid_started, new.concurrency));
    assert_eq!((&worker.types, &workers[1].types), (&new.types, &None));
    assert_eq!(worker.methods, ["abc", "export"], "each once");
    assert!(worker.is_live && !worker.is_leaving && !worker.version.is_empty());
    let called = store.roll_call().await.unwrap().workers;
    assert_eq!((called.len(), called[0].id, called[0].methods.is_empty()), (2, id, true));
    assert_eq!(worker.lease_until.since(worker.started_date), new.lease);
    store.set_leaving(id, true).await.unwrap();
    assert!(store.workers().await.unwrap()[0].is_leaving);
    store.set_leaving(id, false).await.unwrap();
    assert!(!store.workers().await.unwrap()[0].is_leaving);
    store.remove_worker(id).await.unwrap();
    assert_eq!(store.workers().await.unwrap().iter().map(|worker| worker.id).collect::<Vec<_>>(), [bare]);
    assert_eq!(db.sql("select count(*) from mission_worker_methods;").await.unwrap().trim(), "0");
}

async fn register_for(store: &Store, lease: Duration) -> WorkerId {
    store.register(&NewWorker { lease, ..new_worker(&["export"]) }).await.unwrap()
}

async fn a_worker_is_condemned_only_once_its_term_is_over(db: Database) {
    let store = open(&db).await;
    let lasting = register_for(&store, Duration::from_secs(3600)).await;
    assert!(!store.condemn_expired(lasting).await.unwrap());
    let before = store.now().await.unwrap();
    let term = Duration::from_millis(400);
    let brief = register_for(&store, term).await;
    assert!(!store.condemn_expired(brief).await.unwrap());
    eventually("the term is over", async || store.condemn_expired(brief).await.unwrap()).await;
    let passed = store.now().await.unwrap().since(before);
    assert!(passed >= term, "{passed:?} by the database's clock");
    assert!(!store.condemn_expired(lasting).await.unwrap());
    let is_live: Vec<_> = store.workers().await.unwrap().iter().map(|worker| worker.is_live).collect();
    assert_eq!(is_live, [true, false]);
    assert!(!store.condemn_expired(WorkerId(999)).await.unwrap(), "nobody is nobody's");
}

async fn a_condemned_worker_cannot_renew(db: Database) {
    let store = open(&db).await;
    let lease = Duration::from_secs(3600);
    let worker = register_for(&store, lease).await;
    let mut heart = store.heart(worker, lease);
    // Its term passes unseen; as long as nobody has condemned it, it may still renew.
    let expire = "update mission_workers set lease_until = 1;";
    db.sql(expire).await.unwrap();
    assert_eq!(heart.beat().await.unwrap(), Renewal::Renewed);
    db.sql(expire).await.unwrap();
    assert!(store.condemn_expired(worker).await.unwrap());
    assert_eq!(heart.beat().await.unwrap(), Renewal::Lost);
    assert_eq!(store.heart(worker, lease).beat().await.unwrap(), Renewal::Lost, "nor by another heart");
    assert!(store.condemn_expired(worker).await.unwrap(), "who died in the middle of a rescue is rescued by the next");
    store.remove_worker(worker).await.unwrap();
    assert_eq!(heart.beat().await.unwrap(), Renewal::Lost);
}

async fn a_renewal_gives_another_term(db: Database) {
    let store = open(&db).await;
    let worker = register_for(&store, Duration::from_secs(10)).await;
    let registered = store.workers().await.unwrap().remove(0);
    let lease = Duration::from_secs(7200);
    assert_eq!(store.heart(worker, lease).beat().await.unwrap(), Renewal::Renewed);
    let renewed = store.workers().await.unwrap().remove(0);
    assert_eq!(renewed.lease_until.since(renewed.seen_date), lease);
    assert!(renewed.seen_date >= registered.seen_date && renewed.started_date == registered.started_date);
}

async fn a_worker_known_to_be_gone_is_condemned_at_once(db: Database) {
    let store = open(&db).await;
    let worker = register_for(&store, Duration::from_secs(3600)).await;
    assert!(store.condemn_gone(worker).await.unwrap());
    assert_eq!(store.heart(worker, Duration::from_secs(1)).beat().await.unwrap(), Renewal::Lost);
    store.remove_worker(worker).await.unwrap();
    assert!(!store.condemn_gone(worker).await.unwrap());
}

async fn methods_are_those_of_live_workers_that_stay(db: Database) {
    let store = open(&db).await;
    let methods = async || store.methods().await.unwrap();
    assert_eq!(methods().await, []);
    store.register(&new_worker(&["export", "import"])).await.unwrap();
    let other = store.register(&new_worker(&["export", "汉字"])).await.unwrap();
    let counted =
        |list: &[(&str, i64)]| list.iter().map(|(name, count)| (String::from(*name), *count)).collect::<Vec<_>>();
    assert_eq!(methods().await, counted(&[("export", 2), ("import", 1), ("汉字", 1)]));
    store.set_leaving(other, true).await.unwrap();
    assert_eq!(methods().await, counted(&[("export", 1), ("import", 1)]));
    store.set_leaving(other, false).await.unwrap();
    store.condemn_gone(other).await.unwrap();
    assert_eq!(methods().await, counted(&[("export", 1), ("import", 1)]));
}

async fn who_holds_tasks_without_being_listed_is_found(db: Database) {
    let store = open(&db).await;
    let listed = store.register(&new_worker(&["export"])).await.unwrap();
    push_many(&store, 6).await;
    let line = crate::stage::only_line(&store).await;
    store.claim(&line, listed, 2).await.unwrap();
    let stray = WorkerId(listed.0 + 100);
    store.claim(&line, stray, 2).await.unwrap();
    assert_eq!(store.orphan_holders().await.unwrap(), [stray]);
    for claimed in store.executing(stray).await.unwrap() {
        succeed(&store, &claimed).await;
    }
    assert_eq!(store.orphan_holders().await.unwrap(), []);
    store.remove_worker(listed).await.unwrap();
    assert_eq!(store.orphan_holders().await.unwrap(), [listed]);
    running(&store, task()).await;
    assert_eq!(store.orphan_holders().await.unwrap().len(), 2);
}

async fn hints_go_to_those_that_claim_and_live(db: Database) {
    let store = open(&db).await;
    let ear = |name: &str| NewWorker { hint_address: Some(name.to_owned()), ..new_worker(&["export"]) };
    store.register(&ear("claims")).await.unwrap();
    store.register(&new_worker(&["export"])).await.unwrap();
    let leaving = store.register(&ear("leaves")).await.unwrap();
    store.set_leaving(leaving, true).await.unwrap();
    let dead = store.register(&ear("is dead")).await.unwrap();
    store.condemn_gone(dead).await.unwrap();
    assert_eq!(store.hint_addresses().await.unwrap(), ["claims"]);
    assert!(store.address_towards().await.is_loopback(), "the database is on this host");
}

async fn a_look_at_the_list_sees_whether_a_task_waits(db: Database) {
    let store = open(&db).await;
    assert!(store.roll_call().await.unwrap().has_news, "without a worker nothing is said for certain");
    store.register(&new_worker(&["export"])).await.unwrap();
    assert!(!store.roll_call().await.unwrap().has_news);
    store.push(&task().after(Duration::from_secs(3600))).await.unwrap();
    assert!(store.roll_call().await.unwrap().has_news);
    let waiting = store.list(&Filter::all(), 1, None).await.unwrap().tasks.remove(0);
    store.claim_one(&waiting.unique_id, WORKER).await.unwrap().unwrap();
    assert!(!store.roll_call().await.unwrap().has_news);
}

/// Puts a row in place of what a push would refuse or take longer for.
async fn insert(db: &Database, method: &str, task_type: &str, run_at: i64) {
    let row = format!("('{method}', '{task_type}', 'null', {run_at})");
    db.sql(&format!("insert into mission_tasks (method, type, params, run_at) values {row};")).await.unwrap();
}

/// What a worker that serves all but what is elsewhere sees.
async fn outlook(store: &Store) -> Option<Outlook> {
    let (lines, now) = store.lines().await.unwrap();
    let (own, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.method != "elsewhere");
    store.outlook(&own, &others, now)
}

async fn what_was_seen_to_wait_is_no_news_and_all_else_is(db: Database) {
    let store = open(&db).await;
    let worker = store.register(&new_worker(&["export"])).await.unwrap();
    let other = store.register(&new_worker(&["export"])).await.unwrap();
    for (method, task_type) in [("b", "report"), ("d", "x y 0 0"), ("dé", "汉字 \"q\" 💾"), ("elsewhere", "t")] {
        insert(&db, method, task_type, 9_000_000_000_000_000).await;
        insert(&db, method, task_type, 9_000_000_000_000_001).await;
    }
    let set_due = |to: &str, of: &str| format!("update mission_tasks set run_at = {to} where {of};");
    let gone = |of: &str| format!("update mission_tasks set state = 'cancelled', active_key = null where {of};");
    const NEWS: bool = true;
    const NONE: bool = false;
    for (change, expected) in [
        ("insert into mission_tasks (method, params) values ('a', 'null');", NEWS),
        ("insert into mission_tasks (method, params) values ('c', 'null');", NEWS),
        ("insert into mission_tasks (method, params) values ('z', 'null');", NEWS),
        (&gone("method = 'c' or method = 'z'"), NONE),
        ("insert into mission_tasks (method, type, params, priority) values ('b', 'report', 'null', 1);", NEWS),
        (
            "insert into mission_tasks (method, type, params, run_at) values ('b', 'report', 'null', 8000000000000000);",
            NEWS,
        ),
        ("insert into mission_tasks (method, type, params) values ('elsewhere', 'new', 'null');", NEWS),
        (&set_due("8000000000000000", "method = 'dé' and run_at = 9000000000000000"), NEWS),
        (&set_due("1", "method = 'elsewhere'"), NONE),
        (&gone("method = 'elsewhere' and type = 't'"), NONE),
        (&gone("method = 'a'"), NONE),
        ("insert into mission_types (type, paused) values ('report', 1);", NEWS),
        ("update mission_types set paused = 0, running_limit = 3 where type = 'report';", NEWS),
        ("delete from mission_types;", NEWS),
        (&gone("method <> 'b'"), NONE),
        (&gone("state = 'init'"), NEWS),
    ] {
        let outlook = outlook(&store).await.unwrap();
        for asking in [worker, other] {
            let called = store.roll_call_beside(&outlook, asking).await.unwrap();
            assert_eq!(called.workers, store.roll_call().await.unwrap().workers);
            assert!(!called.has_news, "it is known, before {change}");
        }
        db.sql(change).await.unwrap();
        assert_eq!(store.roll_call_beside(&outlook, worker).await.unwrap().has_news, expected, "{change}");
    }
    assert!(outlook(&store).await.unwrap().is_empty());
}

async fn a_task_whose_time_has_come_is_news_by_the_databases_clock(db: Database) {
    let store = open(&db).await;
    let worker = store.register(&new_worker(&["export"])).await.unwrap();
    push(&store, task().after(Duration::from_millis(1500))).await;
    push(&store, NewTask::new("elsewhere").after(Duration::from_millis(500))).await;
    let outlook = outlook(&store).await.unwrap();
    let began = Instant::now();
    eventually("its time comes", async || store.roll_call_beside(&outlook, worker).await.unwrap().has_news).await;
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

async fn more_lines_than_a_look_compares_and_unclear_names_are_not_compared(db: Database) {
    let store = open(&db).await;
    let worker = store.register(&new_worker(&["export"])).await.unwrap();
    let most = if db.kind().is_mysql_like() { 8 } else { 64 };
    for number in 0..most {
        insert(&db, &format!("m{number:02}"), "default", 9_000_000_000_000_000).await;
    }
    let known = outlook(&store).await.expect("as many as it may be");
    assert!(!store.roll_call_beside(&known, worker).await.unwrap().has_news);
    for method in ["m00a", "z"] {
        insert(&db, method, "default", 9_000_000_000_000_000).await;
        assert_eq!(outlook(&store).await, None);
        assert!(store.roll_call_beside(&known, worker).await.unwrap().has_news, "{method}");
        db.sql(&format!("delete from mission_tasks where method = '{method}';")).await.unwrap();
    }
    db.sql("delete from mission_tasks;").await.unwrap();
    for (method, task_type) in [("m ", "t"), ("m", "t "), ("a|b", "t")] {
        insert(&db, method, task_type, 9_000_000_000_000_000).await;
        assert_eq!(outlook(&store).await, None, "MySQL would take {method:?} for another");
        db.sql("delete from mission_tasks;").await.unwrap();
    }
}

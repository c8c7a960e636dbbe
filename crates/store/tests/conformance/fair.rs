//! Fair types: a task's lane is its creator's where its type is fair when it is pushed, on every way in; else it is 0.

use std::sync::Arc;
use std::time::Duration;

use mission_core::{Effects, Importer, NewTask, OriginalRow, Pending, State, Task, Timestamp, ZoneOffset, fair_lane};
use mission_store::{Line, Store};
use mission_testkit::{Database, Kind, conformance};
use sqlx::{Connection, MySqlConnection, PgConnection, SqliteConnection};

use crate::push_in::{begin, connected};
use crate::stage::{WORKER, ending, get, number, open, push, running, succeed, task};

conformance![
    tasks_of_a_type_that_is_not_fair_share_one_line,
    in_a_fair_type_a_single_task_behind_a_hundred_has_a_line_of_its_own,
    every_way_to_push_knows_the_lane,
    a_task_without_a_creator_is_in_lane_0,
    what_waits_stays_in_its_lane_when_its_type_becomes_fair_and_when_it_is_so_no_more,
    a_plain_insert_is_in_lane_0_unless_it_names_one,
    a_push_in_a_transaction_that_stays_open_holds_up_no_claim_no_push_and_no_pause,
];

/// A task of a type that may be fair.
fn report(creator: &str) -> NewTask {
    task().task_type("report").creator(creator)
}

async fn lane(db: &Database, unique_id: impl AsRef<str>) -> i64 {
    number(db, &format!("select lane from mission_tasks where unique_id = '{}';", unique_id.as_ref())).await
}

fn lane_of(creator: &str) -> i64 {
    fair_lane(Some(creator)).unwrap()
}

async fn lanes(store: &Store) -> Vec<i64> {
    store.lines().await.unwrap().0.iter().map(|line| line.lane).collect()
}

async fn tasks_of_a_type_that_is_not_fair_share_one_line(db: Database) {
    let store = open(&db).await;
    store.set_fair("another", true).await.unwrap();
    store.pause("report").await.unwrap();
    store.push_all(&["alice", "bob", "张三"].map(report)).await.unwrap();
    assert_eq!(lanes(&store).await, [0]);
    assert_eq!(number(&db, "select count(*) from mission_tasks where lane = 0;").await, 3);
}

async fn in_a_fair_type_a_single_task_behind_a_hundred_has_a_line_of_its_own(db: Database) {
    let store = open(&db).await;
    store.set_fair("report", true).await.unwrap();
    let many: Vec<NewTask> = (0..100).map(|_| report("alice")).collect();
    store.push_all(&many).await.unwrap();
    let single = push(&store, report("bob")).await;
    let head = get(&store, &single).await.run_at;
    let urgent = push(&store, report("alice").priority(1)).await;
    let lines = store.lines().await.unwrap().0;
    assert_eq!(
        lines.iter().map(|line| (line.priority, line.lane)).collect::<Vec<_>>(),
        [(0, lane_of("bob")), (0, lane_of("alice")), (1, lane_of("alice"))],
        "priority stands before the lane"
    );
    assert_eq!(lines[0].head, head);
    let of_line = async |line: &Line| store.claim(line, WORKER, 200).await.unwrap();
    let claimed = of_line(&lines[0]).await;
    assert_eq!(claimed.iter().map(|claimed| &claimed.task.unique_id).collect::<Vec<_>>(), [&single]);
    assert_eq!(of_line(&lines[1]).await.len(), 100);
    assert_eq!(of_line(&lines[2]).await[0].task.unique_id, urgent);
}

async fn every_way_to_push_knows_the_lane(db: Database) {
    let store = open(&db).await;
    store.set_fair("report", true).await.unwrap();
    let creators = ["alice", "bob", "Ünal", "张三"];
    let mut pushed: Vec<(NewTask, &str)> = Vec::new();
    let mut way = |way: &'static str, creator: &str| {
        pushed.push((report(creator), way));
        pushed.last().unwrap().0.clone()
    };
    store.push(&way("alone", "alice")).await.unwrap();
    store.push(&way("with a key", "bob").key("nightly")).await.unwrap();
    store.push_all(&creators.map(|creator| way("many at once", creator))).await.unwrap();
    store.push_all(&["alice", "alice"].map(|creator| way("many of one creator", creator))).await.unwrap();
    let keyed = [way("with a key among many", "alice").key("a"), way("the same", "bob").key("b")];
    store.push_all(&keyed).await.unwrap();
    store.push_together(&Arc::new(way("together", "张三")), &crate::push_together::unheard()).await.unwrap();
    connected!(db, connection => {
        let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
        let tasks = [way("in a transaction", "alice"), way("in a transaction", "bob").key("c")];
        Store::push_in(&mut tx, &tasks).await.unwrap();
        tx.commit().await.unwrap();
    });
    let ran = running(&store, NewTask::new("first")).await;
    let effects = Effects { follow_ups: vec![way("after a success", "Ünal")], ..Effects::NONE };
    store.settle(&[mission_core::Settlement { effects, ..ending(&ran, State::Success, "") }]).await.unwrap();
    for (task, way) in &pushed {
        let creator = get(&store, task.unique_id()).await.creator.unwrap();
        assert_eq!(lane(&db, task.unique_id()).await, lane_of(&creator), "{way}: {creator}");
    }
    let once = NewTask::new("once").task_type("report").creator("bob").without_repeat_method();
    assert_eq!(lane(&db, push(&store, once).await).await, lane_of("bob"));

    let mut importer = Importer::new("admin_background_tasks", ZoneOffset::utc(), Pending::Take);
    let rows = ["alice", "undefined"].map(|creator| OriginalRow {
        id: 1,
        unique_id: format!("task_{creator}"),
        method: "export".to_owned(),
        task_type: "report".to_owned(),
        state: "init".to_owned(),
        creator: Some(creator.to_owned()),
        ..OriginalRow::default()
    });
    let imported: Vec<_> = rows.iter().filter_map(|row| importer.take(row, Timestamp(1))).collect();
    assert_eq!(store.import(&imported).await.unwrap(), 2);
    assert_eq!((lane(&db, "task_alice").await, lane(&db, "task_undefined").await), (lane_of("alice"), 0));
}

async fn a_task_without_a_creator_is_in_lane_0(db: Database) {
    let store = open(&db).await;
    store.set_fair("report", true).await.unwrap();
    let nobody = task().task_type("report");
    store.push_all(&[nobody.clone(), report("alice")]).await.unwrap();
    assert_eq!(lane(&db, nobody.unique_id()).await, 0);
    assert_eq!(lanes(&store).await, [0, lane_of("alice")]);
}

async fn what_waits_stays_in_its_lane_when_its_type_becomes_fair_and_when_it_is_so_no_more(db: Database) {
    let store = open(&db).await;
    let before = store.push_all(&["alice", "bob"].map(report)).await.unwrap();
    let read = async || -> Vec<Task> { store.list(&mission_core::Filter::all(), 10, None).await.unwrap().tasks };
    let unchanged = read().await;
    store.set_fair("report", true).await.unwrap();
    assert_eq!(read().await, unchanged);
    let during = push(&store, report("alice")).await;
    assert_eq!(lanes(&store).await, [0, lane_of("alice")], "those that waited take their turn as one");
    store.set_fair("report", false).await.unwrap();
    let after = push(&store, report("alice")).await;
    for (id, expected) in
        [(&before[0].unique_id, 0), (&before[1].unique_id, 0), (&during, lane_of("alice")), (&after, 0)]
    {
        assert_eq!(lane(&db, id).await, expected);
        succeed(&store, &store.claim_one(id, WORKER).await.unwrap().unwrap()).await;
    }
    // As if it had just been pushed, but for its lane.
    store.retry(&during).await.unwrap();
    assert_eq!(lane(&db, &during).await, lane_of("alice"));
}

async fn a_plain_insert_is_in_lane_0_unless_it_names_one(db: Database) {
    let store = open(&db).await;
    store.set_fair("report", true).await.unwrap();
    db.sql("insert into mission_tasks (method, type, creator) values ('export', 'report', 'alice');").await.unwrap();
    assert_eq!(lanes(&store).await, [0]);
    if db.kind().is_mysql_like() {
        let named = "insert into mission_tasks (method, type, creator, lane) values ('export', 'report', '张三', crc32('张三') % 63 + 1);";
        db.sql(named).await.unwrap();
    } else {
        let program = "
import zlib
insert = 'insert into mission_tasks (method, type, creator, lane) values (' + ', '.join([mark] * 4) + ')'
db.cursor().execute(insert, ('export', 'report', '张三', zlib.crc32('张三'.encode()) % 63 + 1))
db.commit()";
        db.python(program).await.unwrap();
    }
    push(&store, report("张三")).await;
    assert_eq!(lanes(&store).await, [0, lane_of("张三")], "the same as a push has");
}

async fn a_push_in_a_transaction_that_stays_open_holds_up_no_claim_no_push_and_no_pause(db: Database) {
    if db.kind() == Kind::Sqlite {
        return; // One writes at a time there.
    }
    let store = open(&db).await;
    store.set_running_limit("report", Some(5)).await.unwrap();
    store.set_fair("report", true).await.unwrap();
    store.set_running_limit("slow", Some(5)).await.unwrap();
    for (task_type, tasks) in [("report", 1), ("slow", 1)] {
        let of_type = |creator: &str| task().task_type(task_type).creator(creator);
        push(&store, of_type("alice")).await;
        connected!(db, connection => {
            let mut tx = connection.begin_with(begin(db.kind())).await.unwrap();
            Store::push_in(&mut tx, &[of_type("bob"), of_type("alice")]).await.unwrap();
            let others = async {
                let line = store.lines().await.unwrap().0.into_iter().find(|line| line.task_type == task_type).unwrap();
                assert_eq!(store.claim_limited(&line, WORKER, 10, 5).await.unwrap().len(), tasks);
                push(&store, of_type("bob")).await;
                store.pause(task_type).await.unwrap();
            };
            let in_time = tokio::time::timeout(Duration::from_secs(10), others).await;
            assert!(in_time.is_ok(), "they wait for the transaction: {task_type}");
            tx.commit().await.unwrap();
        });
    }
}

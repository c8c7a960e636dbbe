//! Where something stands in the way for a while: a row that somebody holds, a server without room, a statement under way.

use mission_core::State;
use mission_store::bench::Scratch;
use mission_store::{OnMissing, Store, Verdict};
use mission_testkit::{Database, Kind, conformance, eventually};

use crate::stage::{claim, ending, number, open, push_many};
use crate::texts::{Raw, refuse_at_first};

conformance![
    of_a_large_group_the_one_row_that_is_held_is_left_out_alone,
    outcomes_for_whose_statement_the_server_has_no_room_are_written_whole_later,
    a_database_for_measuring_is_removed_though_somebody_still_writes_in_it,
];

/// Rounds of a race between the locks of the first try and the second one.
const ROUNDS: usize = 5;

async fn of_a_large_group_the_one_row_that_is_held_is_left_out_alone(db: Database) {
    if db.kind() == Kind::Sqlite {
        // It has no locks of rows.
        return;
    }
    let store = open(&db).await;
    let brief = store.brief();
    let content = |place: usize| format!("{place}{}", "x".repeat(8000));
    for round in 0..ROUNDS {
        push_many(&store, 300).await;
        let claimed = claim(&store, 300).await;
        let mut stranger = Raw::open(&db).await;
        stranger.script("start transaction").await;
        let id = claimed[299].running.lease.id;
        stranger.script(&format!("select id from mission_tasks where id = {id} for update")).await;
        let group: Vec<_> =
            claimed.iter().enumerate().map(|(place, one)| ending(one, State::Success, &content(place))).collect();
        let verdicts = brief.settle(&group).await.unwrap();
        let held: Vec<_> = (0..300).filter(|place| verdicts[*place] == Verdict::Held).collect();
        assert_eq!(held, [299], "round {round}");
        stranger.script("rollback").await;
        assert_eq!(brief.settle_held(&group[299..]).await.unwrap(), [Verdict::Settled]);
    }
}

async fn outcomes_for_whose_statement_the_server_has_no_room_are_written_whole_later(db: Database) {
    if !db.kind().is_mysql_like() {
        // The others have no such limit.
        return;
    }
    let store = open(&db).await;
    push_many(&store, 5).await;
    let claimed = claim(&store, 5).await;
    let no_room = "sqlstate '42000' set mysql_errno = 1461, message_text = 'Can''t create more statements'";
    refuse_at_first(&db, "update", 3, no_room).await;
    let group: Vec<_> = claimed.iter().map(|claimed| ending(claimed, State::Success, "result")).collect();
    assert_eq!(store.settle(&group).await.unwrap(), [Verdict::Settled; 5]);
    assert_eq!(number(&db, "select count(*) from mission_tasks where content = 'result';").await, 5);
    assert!(number(&db, "select n from tried;").await >= 4, "it was refused before");
}

async fn a_database_for_measuring_is_removed_though_somebody_still_writes_in_it(db: Database) {
    if db.kind() != Kind::Postgres {
        // On MySQL it is the writer who is refused, and a file is removed whoever has it open.
        return;
    }
    let scratch = Scratch::beside(db.url()).await.unwrap();
    let name = scratch.name().to_owned();
    let store = Store::open(scratch.url(), OnMissing::Refuse).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let mut writer = Raw::open(&db).await;
    writer.script(&format!("set search_path to {name}; start transaction; select count(*) from mission_tasks")).await;
    let removed = tokio::spawn(scratch.remove());
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock';";
    eventually("the removal waits for the writer", async || number(&db, waiting).await == 1).await;
    // It holds the sequence of the table that the writer holds: one of the two is refused, and it is the one that waits already.
    writer.script("insert into mission_tasks (method) values ('export'); commit").await;
    removed.await.unwrap().unwrap();
    let left = format!("select count(*) from information_schema.schemata where schema_name = '{name}';");
    assert_eq!(number(&db, &left).await, 0);
}

//! Fair types: creators take turns, so that one with a single task waits for none of those that another pushed before.

use std::time::{Duration, Instant};

use mission_core::{Failure, NewTask};
use mission_testkit::{Database, conformance, eventually};
use mission_worker::{Method, WorkerSettings};

use crate::methods::Diary;
use crate::stage::{Stage, settings};

conformance![
    a_single_task_is_among_the_next_though_two_thousand_of_another_creator_wait,
    creators_take_turns_and_each_has_its_own_order,
    a_higher_priority_goes_before_any_turn,
    what_waited_when_a_type_became_fair_takes_its_turn_as_one,
];

/// The size that the promise names; `cargo test -p mission-worker --all-features full_size -- --ignored`.
mod full_size {
    use mission_testkit::{Kind, on};

    async fn single(db: mission_testkit::Database) {
        super::a_single_task_behind(db, 100_000).await;
    }

    #[test]
    #[ignore = "a hundred thousand tasks"]
    fn sqlite() {
        on(Kind::Sqlite, single);
    }
    #[test]
    #[ignore = "a hundred thousand tasks"]
    fn mariadb() {
        on(Kind::Mariadb, single);
    }
    #[test]
    #[ignore = "a hundred thousand tasks"]
    fn mysql() {
        on(Kind::Mysql, single);
    }
    #[test]
    #[ignore = "a hundred thousand tasks"]
    fn postgres() {
        on(Kind::Postgres, single);
    }
}

fn one_at_a_time() -> WorkerSettings {
    WorkerSettings { concurrency: 1, ..settings() }
}

/// Notes its params and takes a moment.
fn note(diary: &Diary) -> Method {
    let diary = diary.clone();
    Method::from_fn("note", move |_, text: String| {
        diary.write(&text);
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok::<_, Failure>(())
        }
    })
}

fn report(creator: &str, text: &str) -> NewTask {
    NewTask::new("note").task_type("report").creator(creator).params(&text)
}

async fn fair_stage(db: Database) -> Stage {
    let stage = Stage::set(db).await;
    stage.store.set_fair("report", true).await.unwrap();
    stage
}

async fn push_many(stage: &Stage, creator: &str, count: usize) {
    for begun in (0..count).step_by(1000) {
        let tasks: Vec<NewTask> = (begun..count.min(begun + 1000)).map(|_| report(creator, creator)).collect();
        stage.store.push_all(&tasks).await.unwrap();
    }
}

async fn a_single_task_is_among_the_next_though_two_thousand_of_another_creator_wait(db: Database) {
    a_single_task_behind(db, 2000).await;
}

async fn a_single_task_behind(db: Database, count: usize) {
    let stage = fair_stage(db).await;
    let diary = Diary::default();
    push_many(&stage, "alice", count).await;
    let worker = stage.worker_with(one_at_a_time(), [note(&diary)]).await;
    eventually("the worker is at it", async || diary.count("alice") > 5).await;
    // Alice pushes on.
    push_many(&stage, "alice", 10).await;
    let pushed = Instant::now();
    stage.push(report("bob", "bob")).await;
    let before = diary.read().len();
    eventually("it runs", async || diary.count("bob") == 1).await;
    let waited = pushed.elapsed();
    let place = diary.read().iter().position(|creator| creator == "bob").unwrap();
    println!(
        "{}: behind {count} tasks bob's was number {} after {waited:?}",
        stage.db.kind(),
        place + 1 - before.min(place)
    );
    // A slow look at the lines stands for half a second, which fifty tasks fill.
    assert!(place < before + 60, "{place} ran before, {before} of them before the push");
    worker.stop_now().await;
}

async fn creators_take_turns_and_each_has_its_own_order(db: Database) {
    let stage = fair_stage(db).await;
    let diary = Diary::default();
    let tasks =
        ["alice", "bob", "carol"].map(|creator| (0..4).map(move |n| report(creator, &format!("{creator} {n}"))));
    stage.store.push_all(&tasks.into_iter().flatten().collect::<Vec<_>>()).await.unwrap();
    let worker = stage.worker_with(one_at_a_time(), [note(&diary)]).await;
    stage.all_ended().await;
    let ran = diary.read();
    for (round, of_round) in ran.chunks(3).enumerate() {
        let mut of_round = of_round.to_vec();
        of_round.sort();
        assert_eq!(of_round, ["alice", "bob", "carol"].map(|creator| format!("{creator} {round}")), "{ran:?}");
    }
    worker.stop().await;
}

async fn a_higher_priority_goes_before_any_turn(db: Database) {
    let stage = fair_stage(db).await;
    let diary = Diary::default();
    stage.store.push(&report("bob", "bob")).await.unwrap();
    let urgent: Vec<NewTask> = (0..20).map(|_| report("alice", "alice").priority(1)).collect();
    stage.store.push_all(&urgent).await.unwrap();
    let worker = stage.worker_with(one_at_a_time(), [note(&diary)]).await;
    stage.all_ended().await;
    assert_eq!(diary.read().last().unwrap(), "bob");
    worker.stop().await;
}

async fn what_waited_when_a_type_became_fair_takes_its_turn_as_one(db: Database) {
    let stage = Stage::set(db).await;
    let diary = Diary::default();
    let waiting = (0..12).map(|n| report(["alice", "bob"][n % 2], "waited")).collect::<Vec<_>>();
    stage.store.push_all(&waiting).await.unwrap();
    stage.store.set_fair("report", true).await.unwrap();
    push_many(&stage, "alice", 4).await;
    push_many(&stage, "carol", 4).await;
    let worker = stage.worker_with(one_at_a_time(), [note(&diary)]).await;
    stage.all_ended().await;
    let ran = diary.read();
    assert_eq!(ran[..12].iter().filter(|text| *text == "waited").count(), 4, "{ran:?}");
    worker.stop().await;
}

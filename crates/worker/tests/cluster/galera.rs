//! Workers of one MariaDB Galera cluster, each on a node of its own: who claims, and what a lost node costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mission_core::{Chance, NewTask, Outcome, Policy, State, WorkerId, settle};
use mission_store::{Pushed, Store, Verdict};
use mission_testkit::{Database, GaleraCluster, Kind, eventually, eventually_within, on_galera};
use mission_worker::WorkerHandle;
use tokio::sync::Barrier;

use crate::scene::{Counts, assert_all_succeeded, open, open_tasks, push_numbers, settings, tasks, worker_at};

/// A fresh database on the cluster, and how each node sees it.
struct Stage {
    _db: Database,
    urls: Vec<String>,
    store: Store,
}

impl Stage {
    async fn set(cluster: &GaleraCluster) -> Self {
        let db = Database::on_server(Kind::Mariadb, &cluster.url(0)).await;
        let name = db.url().rsplit('/').next().unwrap().to_owned();
        let urls: Vec<String> = (0..cluster.size()).map(|node| format!("{}{name}", cluster.url(node))).collect();
        let store = open(db.url()).await;
        store.migrate().await.unwrap();
        for node in 0..cluster.size() {
            let statement = format!("set session wsrep_sync_wait = 7; select count(*) from {name}.mission_tasks");
            cluster.sql(node, &statement).unwrap();
        }
        Self { _db: db, urls, store }
    }

    /// A node has every task as it ended.
    async fn sees_all(&self, node: usize, count: u64) {
        let store = open(&self.urls[node]).await;
        let ended = async || {
            let counts = store.counts().await.unwrap();
            counts.iter().map(|(state, count)| if state.is_final() { count.count } else { 0 }).sum::<i64>()
        };
        assert_eq!(ended().await, i64::try_from(count).unwrap());
    }

    async fn a_worker_on_each_node(&self, counts: &Counts, takes: Duration) -> Vec<WorkerHandle> {
        let mut workers = Vec::new();
        for url in &self.urls {
            workers.push(worker_at(url, settings(8), [counts.method(takes)]).await);
        }
        workers
    }
}

/// How many transactions lost against another node's, over all nodes.
fn conflicts(cluster: &GaleraCluster) -> u64 {
    let of = |node: usize, name: &str| {
        let answer = cluster.sql(node, &format!("show status like '{name}'")).unwrap();
        answer.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    (0..cluster.size()).map(|node| of(node, "wsrep_local_cert_failures") + of(node, "wsrep_local_bf_aborts")).sum()
}

#[test]
fn three_workers_on_three_nodes_run_each_task_once() {
    const TASKS: u64 = 2_000;
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        let pushed = push_numbers(&stage.store, TASKS).await;
        let counts = Counts::default();
        let (before, began) = (conflicts(cluster), Instant::now());
        let workers = stage.a_worker_on_each_node(&counts, Duration::from_millis(5)).await;
        eventually_within(Duration::from_secs(60), "all have ended", async || {
            open_tasks(&stage.store).await == Some(0)
        })
        .await;
        println!("galera: {TASKS} tasks in {:?}, {} conflicts", began.elapsed(), conflicts(cluster) - before);
        let tasks = tasks(&stage.store, &pushed).await;
        assert_all_succeeded(&tasks);
        assert!(tasks.iter().all(|task| task.counts.attempt == 1));
        assert_eq!((counts.distinct() as u64, counts.again()), (TASKS, 0));
        for worker in workers {
            worker.stop().await;
        }
    });
}

#[test]
fn claims_from_three_nodes_seldom_conflict() {
    const TASKS: u64 = 3_000;
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        push_numbers(&stage.store, TASKS).await;
        let line = stage.store.lines().await.unwrap().0.remove(0);
        let before = conflicts(cluster);
        let mut claimers = Vec::new();
        for (number, url) in (1..).zip(&stage.urls) {
            let (store, line) = (open(url).await, line.clone());
            claimers.push(tokio::spawn(async move {
                let mut ids = Vec::new();
                let mut claims = 0_u64;
                // The end, where all reach for the last few, is not what is measured.
                while ids.len() < usize::try_from(TASKS / 4).unwrap() {
                    claims += 1;
                    ids.extend(store.claim(&line, WorkerId(number), 10).await.unwrap().iter().map(|one| one.task.id));
                }
                (ids, claims)
            }));
        }
        let (mut ids, mut claims) = (Vec::new(), 0);
        for claimer in claimers {
            let (some, count) = claimer.await.unwrap();
            ids.extend(some);
            claims += count;
        }
        let conflicts = conflicts(cluster) - before;
        println!("galera: {conflicts} conflicts in {claims} claims");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "no task was claimed twice");
        assert!(conflicts * 10 <= claims, "{conflicts} conflicts in {claims} claims");
    });
}

#[test]
fn a_running_limit_is_exact_over_all_nodes() {
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        push_numbers(&stage.store, 200).await;
        let line = stage.store.lines().await.unwrap().0.remove(0);
        let begin = Arc::new(Barrier::new(stage.urls.len()));
        let mut claimers = Vec::new();
        for (number, url) in (1..).zip(&stage.urls) {
            let (store, line, begin) = (open(url).await, line.clone(), Arc::clone(&begin));
            claimers.push(tokio::spawn(async move {
                let mut counts = Vec::new();
                for limit in (5..=50).step_by(5) {
                    begin.wait().await;
                    // Each round there is room for five more, and each node wants them all.
                    store.set_running_limit("system", Some(limit)).await.unwrap();
                    counts.push(store.claim_limited(&line, WorkerId(number), 5, limit).await.unwrap().len());
                }
                counts.iter().sum::<usize>()
            }));
        }
        let mut claimed = 0;
        for claimer in claimers {
            claimed += claimer.await.unwrap();
        }
        assert_eq!(claimed, 50);
    });
}

#[test]
fn pushes_without_repeat_from_all_nodes_store_one_task() {
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        let mut pushers = Vec::new();
        for round in 0..24 {
            let store = open(&stage.urls[round % stage.urls.len()]).await;
            let task = NewTask::new("nightly").params(&round).without_repeat_method();
            pushers.push(tokio::spawn(async move { store.push(&task).await.unwrap() }));
        }
        let mut stored = 0;
        for pusher in pushers {
            stored += usize::from(!pusher.await.unwrap().is_existing);
        }
        assert_eq!((stored, open_tasks(&stage.store).await), (1, Some(1)));
    });
}

#[test]
fn a_node_that_is_killed_under_load_costs_no_result() {
    const TASKS: u64 = 1_500;
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        let pushed = push_numbers(&stage.store, TASKS).await;
        let counts = Counts::default();
        let workers = stage.a_worker_on_each_node(&counts, Duration::from_millis(40)).await;
        eventually("a part has begun", async || counts.distinct() > 400).await;
        cluster.kill(2);
        let (killed, begun) = (Instant::now(), counts.distinct());
        let others_go_on = async || counts.distinct() > begun + 100;
        eventually_within(Duration::from_secs(15), "the others go on", others_go_on).await;
        println!("galera: work went on {:?} after a node was killed", killed.elapsed());
        // Its worker holds tasks that the others take over once its lease is over.
        ended_once(&stage, &pushed, &counts).await;
        cluster.start_again(2).unwrap();
        stage.sees_all(2, TASKS).await;
        for worker in workers {
            worker.stop_now().await;
        }
    });
}

#[test]
fn a_node_that_is_isolated_neither_claims_nor_settles() {
    const TASKS: u64 = 600;
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        let pushed = push_numbers(&stage.store, TASKS).await;
        let counts = Counts::default();
        let workers = stage.a_worker_on_each_node(&counts, Duration::from_millis(40)).await;
        eventually("a part has begun", async || counts.distinct() > 200).await;
        cluster.isolate(2).unwrap();
        // What the isolated worker runs ends without being accepted, and the others run it again.
        ended_once(&stage, &pushed, &counts).await;
        cluster.rejoin(2).unwrap();
        stage.sees_all(2, TASKS).await;
        let more = stage.store.push(&NewTask::new("count").params(&TASKS)).await.unwrap();
        eventually("a task that is pushed then ends", async || {
            stage.store.get(&more.unique_id).await.unwrap().is_some_and(|task| task.state.is_final())
        })
        .await;
        for worker in workers {
            worker.stop_now().await;
        }
    });
}

#[test]
fn a_cluster_that_is_killed_whole_comes_back_with_every_task() {
    const TASKS: u64 = 900;
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        let pushed = push_numbers(&stage.store, TASKS).await;
        let counts = Counts::default();
        let workers = stage.a_worker_on_each_node(&counts, Duration::from_millis(40)).await;
        eventually("a part has begun", async || counts.distinct() > 300).await;
        (0..cluster.size()).for_each(|node| cluster.kill(node));
        eventually("what was claimed has begun", async || workers.iter().all(|worker| worker.running() == 0)).await;
        let begun = counts.distinct();
        cluster.bootstrap().unwrap();
        eventually_within(Duration::from_secs(5), "work goes on", async || counts.distinct() > begun).await;
        ended_once(&stage, &pushed, &counts).await;
        for worker in workers {
            worker.stop_now().await;
        }
    });
}

/// Waits until all tasks have ended, and looks whether each ended well, once, however often it began.
async fn ended_once(stage: &Stage, pushed: &[Pushed], counts: &Counts) {
    let all = async || open_tasks(&stage.store).await == Some(0);
    eventually_within(Duration::from_secs(60), "all have ended", all).await;
    for (n, task) in tasks(&stage.store, pushed).await.iter().enumerate() {
        assert_eq!((task.state, task.content.as_deref()), (State::Success, Some(n.to_string().as_str())), "{task:?}");
    }
    println!("galera: {} of {} tasks began a second time", counts.again(), pushed.len());
}

#[test]
fn what_one_node_committed_the_next_one_sees() {
    on_galera(async |cluster| {
        let stage = Stage::set(cluster).await;
        let (one, other) = (open(&stage.urls[0]).await, open(&stage.urls[1]).await);
        for round in 0..100 {
            let pushed = one.push(&NewTask::new("count").params(&round)).await.unwrap();
            let claimed = one.claim_one(&pushed.unique_id, WorkerId(1)).await.unwrap().expect("it waits");
            let settlement =
                settle(&claimed.running, &Policy::default(), Outcome::Success("done".to_owned()), Chance::fixed(0.5));
            let verdicts = other.settle(&[settlement]).await.unwrap();
            assert_eq!(verdicts, [Verdict::Settled], "in round {round}");
        }
    });
}

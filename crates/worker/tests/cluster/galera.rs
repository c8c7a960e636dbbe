//! Workers of one MariaDB Galera cluster, each on a node of its own: who claims, and what a lost node costs.

use std::time::{Duration, Instant};

use mission_core::WorkerId;
use mission_store::Store;
use mission_testkit::{Database, GaleraCluster, Kind, eventually, eventually_within, on_galera};
use mission_worker::{WorkerHandle, WorkerSettings};

use crate::scene::{Counts, assert_all_succeeded, open, open_tasks, push_numbers, settings, tasks, worker_at};

/// A fresh database on the cluster, and how each node sees it.
struct Stage {
    db: Database,
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
        Self { db, urls, store }
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
        assert!(conflicts * 4 <= claims, "{conflicts} conflicts in {claims} claims");
    });
}

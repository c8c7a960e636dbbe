//! PostgreSQL with a synchronous standby that takes over behind the same port: the primary is killed under load, or hands over.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mission_core::{NewTask, State};
use mission_testkit::{Database, Kind, StandbyPair, eventually, eventually_within, on_standby_pair};

use crate::scene::{Counts, assert_all_succeeded, open, open_tasks, push_numbers, settings, tasks, worker_at};

/// A port that stays, as a load balancer's or a service's does, and leads to whoever is the primary.
struct StablePort {
    address: String,
    target: Arc<Mutex<String>>,
}

impl StablePort {
    fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let target = Arc::new(Mutex::new(address_of(target)));
        let leads_to = Arc::clone(&target);
        // Both ends with the process: a test's process is short.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = leads_to.lock().unwrap().clone();
                if let Ok(server) = TcpStream::connect(target) {
                    carry(client.try_clone().unwrap(), server.try_clone().unwrap());
                    carry(server, client);
                }
            }
        });
        Self { address, target }
    }

    fn lead_to(&self, url: &str) {
        *self.target.lock().unwrap() = address_of(url);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    to.set_nodelay(true).unwrap();
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

fn address_of(url: &str) -> String {
    url.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned()
}

#[test]
fn a_failover_loses_nothing_that_was_accepted() {
    const TASKS: u64 = 600;
    on_standby_pair(async |mut pair: StandbyPair| {
        let db = Database::on_server(Kind::Postgres, pair.primary_url()).await;
        let port = StablePort::before(pair.primary_url());
        let url = db.url().replacen(&address_of(db.url()), &port.address, 1);
        let store = open(&url).await;
        store.migrate().await.unwrap();
        let counts = Counts::default();
        let mut workers = Vec::new();
        for _ in 0..2 {
            workers.push(worker_at(&url, settings(8), [counts.method(Duration::from_millis(20))]).await);
        }
        let pusher = open(&url).await;
        let pushing = tokio::spawn(async move {
            let mut pushed = Vec::new();
            for n in 0..TASKS {
                // Meets the outage like any caller: the push is tried again until it is known to be stored.
                pushed.push(pusher.push(&NewTask::new("count").params(&n)).await.unwrap());
            }
            pushed
        });
        eventually("a part has begun", async || counts.distinct() > 200).await;
        let accepted = db.sql("select id, lease_token from mission_tasks where state = 'success';").await.unwrap();
        let (killed, begun) = (Instant::now(), counts.distinct());
        pair.fail_over().unwrap();
        port.lead_to(pair.standby_url());
        let back = Instant::now();
        let goes_on = async || counts.distinct() > begun + 20;
        eventually_within(Duration::from_secs(5), "work goes on", goes_on).await;
        println!(
            "postgres: the standby took over after {:?}, work went on {:?} later",
            back.duration_since(killed),
            back.elapsed()
        );
        let pushed = pushing.await.unwrap();
        eventually("all have ended", async || open_tasks(&store).await == Some(0)).await;
        let tasks = tasks(&store, &pushed).await;
        assert_all_succeeded(&tasks);
        assert!(tasks.iter().all(|task| task.counts.attempt == 1), "a failover counts nothing");
        assert_eq!((tasks.len() as u64, counts.distinct() as u64, counts.again()), (TASKS, TASKS, 0));
        assert!(accepted.lines().count() > 50, "results were accepted before");
        for line in accepted.lines() {
            let (id, token) = line.split_once('\t').unwrap();
            let task = tasks.iter().find(|task| task.id.to_string() == id).expect("it outlived the primary");
            assert_eq!((task.state, task.lease_token.0.to_string().as_str()), (State::Success, token));
        }
        for worker in workers {
            worker.stop().await;
        }
    });
}

#[test]
fn a_primary_that_hands_over_is_left_though_it_keeps_its_connections() {
    const TASKS: u64 = 300;
    on_standby_pair(async |pair: StandbyPair| {
        let db = Database::on_server(Kind::Postgres, pair.primary_url()).await;
        let port = StablePort::before(pair.primary_url());
        let url = db.url().replacen(&address_of(db.url()), &port.address, 1);
        let store = open(&url).await;
        store.migrate().await.unwrap();
        let counts = Counts::default();
        let worker = worker_at(&url, settings(8), [counts.method(Duration::from_millis(20))]).await;
        let pushed = push_numbers(&store, TASKS).await;
        eventually("a part has begun", async || counts.distinct() > 100).await;
        pair.hand_over().unwrap();
        port.lead_to(pair.standby_url());
        let (back, begun) = (Instant::now(), counts.distinct());
        let goes_on = async || counts.distinct() > begun + 20;
        eventually_within(Duration::from_secs(5), "work goes on", goes_on).await;
        println!("postgres: work went on {:?} after the address led to the new primary", back.elapsed());
        // One that only reads hears no refusal and stays where it is.
        let store = open(&url).await;
        eventually("all have ended", async || open_tasks(&store).await == Some(0)).await;
        let tasks = tasks(&store, &pushed).await;
        assert_all_succeeded(&tasks);
        assert!(tasks.iter().all(|task| task.counts.attempt == 1), "a hand-over counts nothing");
        assert_eq!((counts.distinct() as u64, counts.again()), (TASKS, 0));
        worker.stop().await;
    });
}

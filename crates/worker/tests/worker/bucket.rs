//! Result files of workers on several hosts: one bucket, and a folder for each host.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mission_core::{Failure, NewTask, Reason, State};
use mission_files::BucketSettings;
use mission_testkit::s3::{ACCESS_KEY, S3Server, SECRET_KEY};
use mission_testkit::{Database, Kind, eventually, eventually_within, folder, on};
use mission_worker::{FilesSettings, Method, Registry, States, Wake, Worker, WorkerSettings, run_until_signalled};
use tokio::sync::Notify;

use crate::stage::{Stage, open, settings};

const CHILD: [&str; 3] = ["MISSION_TEST_BUCKET_URL", "MISSION_TEST_BUCKET_ADDRESS", "MISSION_TEST_BUCKET_FOLDER"];
const ROWS: u64 = 3000;

fn host(folder: &Path, address: &str) -> WorkerSettings {
    let bucket = BucketSettings::new(address).keys(ACCESS_KEY, SECRET_KEY);
    let files = FilesSettings { folder: Some(folder.to_owned()), bucket: Some(bucket), ..FilesSettings::default() };
    WorkerSettings { files, lease: Some(Duration::from_secs(2)), ..settings() }
}

/// Writes numbered rows, slowly, with a checkpoint at each.
fn export() -> Method {
    Method::from_fn("export", |ctx, rows: u64| async move {
        let mut file = ctx.artifact("rows.csv").await?;
        for n in ctx.resume_at()?.unwrap_or(0)..rows {
            writeln!(file, "{n}")?;
            ctx.checkpoint(&(n + 1), (n + 1, rows)).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok::<_, Failure>(format!("{rows} rows"))
    })
}

/// A worker that is a process, and so a host, of its own; it goes with the value.
struct Host(Child);

impl Host {
    fn start(values: [&str; 3]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["bucket::host_of_its_own", "--exact", "--nocapture"]).envs(CHILD.into_iter().zip(values));
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of anything: what [`Host`] starts.
#[test]
fn host_of_its_own() {
    let [Ok(url), Ok(address), Ok(folder)] = CHILD.map(std::env::var) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let registry = Registry::of([export()]).unwrap();
        let settings = host(Path::new(&folder), &address);
        run_until_signalled(Worker::new(open(&url).await, registry, States::new(), Wake::new(), settings))
            .await
            .unwrap();
    });
}

#[test]
fn an_export_goes_on_at_another_host_when_its_own_is_gone() {
    let place = folder();
    let Some(server) = S3Server::start(&place.path().join("server")) else { return };
    on(Kind::Sqlite, |db: Database| async {
        let stage = Stage::set(db).await;
        let address = server.address("exports");
        let id = stage.push(NewTask::new("export").params(&ROWS)).await;
        let first = place.path().join("one");
        for _ in 0..3 {
            let before = stage.task(&id).await.checkpoint_done.unwrap_or(0);
            let process = Host::start([stage.db.url(), &address, first.to_str().unwrap()]);
            eventually("it gets on", async || stage.task(&id).await.checkpoint_done.unwrap_or(0) > before).await;
            drop(process);
            // The host is gone, and its disk with it.
            std::fs::remove_dir_all(&first).unwrap();
        }
        let worker = stage.worker_with(host(&place.path().join("two"), &address), [export()]).await;
        let task = stage.reaches_within(Duration::from_secs(60), &id, State::Success).await;
        assert!(task.resumed >= 1, "{task:?}");
        let artifact = stage.store.artifact(&id, "rows.csv").await.unwrap().expect("the file is a result");
        assert_eq!(artifact.storage, address);
        let bytes = std::fs::read(server.objects("exports").join(&artifact.location)).unwrap();
        assert_eq!(bytes, (0..ROWS).flat_map(|n| format!("{n}\n").into_bytes()).collect::<Vec<_>>());
        let staging = format!(".staging-{}", stage.store.database_id().await.unwrap());
        eventually("its segments go", async || is_empty(&server.objects("exports").join(&staging))).await;
        // Where its time is over, any worker with the bucket removes a file.
        let brief = stage.push(NewTask::new("export").params(&3).keep_files(Duration::ZERO)).await;
        stage.reaches(&brief, State::Success).await;
        worker.stop().await;
        let location = stage.store.artifact(&brief, "rows.csv").await.unwrap().unwrap().location;
        assert!(server.objects("exports").join(&location).exists());
        let worker = stage.worker_with(host(&place.path().join("three"), &address), [export()]).await;
        eventually("the file is gone", async || !server.objects("exports").join(&location).exists()).await;
        assert!(server.objects("exports").join(&artifact.location).exists());
        worker.stop().await;
    });
}

fn is_empty(folder: &Path) -> bool {
    let Ok(desks) = std::fs::read_dir(folder) else { return true };
    desks.flatten().all(|desk| std::fs::read_dir(desk.path()).map_or(0, Iterator::count) == 0)
}

#[test]
fn a_task_goes_on_while_the_bucket_is_away() {
    let place = folder();
    let Some(mut server) = S3Server::start(&place.path().join("server")) else { return };
    on(Kind::Sqlite, |db: Database| async {
        let stage = Stage::set(db).await;
        let worker = stage.worker_with(host(&place.path().join("one"), &server.address("exports")), [export()]).await;
        let id = stage.push(NewTask::new("export").params(&ROWS)).await;
        eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.is_some()).await;
        server.stop();
        // Longer than one checkpoint waits.
        tokio::time::sleep(Duration::from_secs(13)).await;
        assert_eq!(stage.task(&id).await.state, State::Executing);
        server.start_again();
        let task = stage.reaches_within(Duration::from_secs(60), &id, State::Success).await;
        assert_eq!((task.counts.attempt, task.resumed), (1, 0), "{task:?}");
        let artifact = stage.store.artifact(&id, "rows.csv").await.unwrap().expect("the file is a result");
        let bytes = std::fs::read(server.objects("exports").join(&artifact.location)).unwrap();
        assert_eq!(bytes, (0..ROWS).flat_map(|n| format!("{n}\n").into_bytes()).collect::<Vec<_>>());
        worker.stop().await;
    });
}

#[test]
fn a_worker_with_wrong_keys_does_not_start() {
    let place = folder();
    let Some(server) = S3Server::start(&place.path().join("server")) else { return };
    on(Kind::Sqlite, |db: Database| async {
        let stage = Stage::set(db).await;
        let mut settings = host(&place.path().join("one"), &server.address("exports"));
        settings.files.bucket = Some(BucketSettings::new(server.address("exports")).keys(ACCESS_KEY, "sesame"));
        let registry = Registry::of([export()]).unwrap();
        let worker = Worker::new(open(stage.db.url()).await, registry, States::new(), Wake::new(), settings);
        let said = worker.start().await.err().expect("it does not start").to_string();
        assert!(said.contains("check AWS_ACCESS_KEY_ID") && !said.contains("sesame"), "{said}");
        assert_eq!(stage.store.workers().await.unwrap().len(), 0);
    });
}

/// Makes a file and answers once it is told to.
fn answering(gate: &Arc<Notify>) -> Method {
    let gate = Arc::clone(gate);
    Method::from_fn("answering", move |ctx, (): ()| {
        let gate = Arc::clone(&gate);
        async move {
            writeln!(ctx.artifact("a.csv").await?, "a row")?;
            ctx.progress(1).await?;
            gate.notified().await;
            Ok::<_, Failure>("the answer")
        }
    })
}

#[test]
fn a_stop_while_the_bucket_is_away_hands_an_answer_over_and_counts_nothing() {
    let place = folder();
    let Some(mut server) = S3Server::start(&place.path().join("server")) else { return };
    on(Kind::Sqlite, |db: Database| async {
        let stage = Stage::set(db).await;
        let gate = Arc::new(Notify::new());
        let brief = WorkerSettings {
            grace: Duration::from_secs(1),
            lease: None,
            ..host(&place.path().join("one"), &server.address("exports"))
        };
        let worker = stage.worker_with(brief, [answering(&gate)]).await;
        let id = stage.push(NewTask::new("answering")).await;
        stage.begins(&id).await;
        server.stop();
        gate.notify_one();
        worker.stop().await;
        let task = stage.task(&id).await;
        assert_eq!((task.state, task.reason), (State::Init, Some(Reason::HandedOver)), "{task:?}");
        assert_eq!((task.counts.attempt, task.counts.crashes), (0, 0), "{task:?}");
    });
}

#[test]
fn a_bucket_that_is_away_holds_up_no_other_task_and_no_timeout() {
    let place = folder();
    let Some(mut server) = S3Server::start(&place.path().join("server")) else { return };
    on(Kind::Sqlite, |db: Database| async {
        let stage = Stage::set(db).await;
        let settings = WorkerSettings { lease: None, ..host(&place.path().join("one"), &server.address("exports")) };
        let noop = Method::from_fn("noop", |_, (): ()| async { Ok::<_, Failure>(()) });
        let worker = stage.worker_with(settings, [export(), noop]).await;
        let id = stage.push(NewTask::new("export").params(&1_000_000).timeout(Duration::from_secs(2)).retries(1)).await;
        stage.begins(&id).await;
        server.stop();
        let limit = Duration::from_secs(6);
        eventually_within(limit, "its time is over", async || stage.task(&id).await.counts.failures == 1).await;
        let id = stage.push(NewTask::new("noop")).await;
        stage.reaches_within(Duration::from_secs(3), &id, State::Success).await;
        worker.stop().await;
    });
}

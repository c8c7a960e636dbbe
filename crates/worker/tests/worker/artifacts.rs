//! Result files: visible with the success and only then, whole whatever happened on the way, and gone when their time is over.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mission_core::{Failure, NewTask, Reason, State, UniqueId};
use mission_testkit::{Database, Kind, conformance, eventually, folder};
use mission_worker::{FilesSettings, Method, WorkerSettings};
use tokio::sync::Notify;

use crate::methods::Enough;
use crate::stage::{Stage, settings};

conformance![
    a_file_becomes_visible_with_the_success,
    a_file_is_whole_after_ten_deaths,
    a_file_of_a_failed_task_is_removed,
    a_file_of_a_task_that_was_cancelled_in_place_of_waiting_again_is_swept,
    a_file_that_only_an_earlier_attempt_wrote_is_published_too,
    a_file_whose_time_is_over_is_removed_and_its_row_says_so,
    a_file_that_is_gone_is_said_to_be,
    a_zombie_publishes_nothing,
    a_method_that_starts_over_begins_its_file_anew,
    a_quota_names_both_figures,
    a_name_that_is_a_path_is_refused,
    a_success_that_had_to_become_a_failure_leaves_no_file,
];

fn settings_in(folder: &Path) -> WorkerSettings {
    let files = FilesSettings { folder: Some(folder.to_owned()), ..FilesSettings::default() };
    WorkerSettings { files, lease: Some(Duration::from_secs(2)), ..settings() }
}

/// Writes so many numbered rows, with a checkpoint at each.
fn export() -> Method {
    export_until(&Enough::default())
}

/// The same, but no more than a test has wanted to see.
fn export_until(enough: &Enough) -> Method {
    let enough = enough.clone();
    Method::from_fn("export", move |ctx, rows: u64| {
        let enough = enough.clone();
        async move {
            let mut file = ctx.artifact("rows.csv").await?;
            file.set_media_type("text/csv");
            let mut n = ctx.resume_at()?.unwrap_or(0);
            while n < rows && !enough.is_said() {
                writeln!(file, "{n}")?;
                n += 1;
                ctx.checkpoint(&n, (n, rows)).await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            file.set_rows(n);
            Ok::<_, Failure>(n)
        }
    })
}

fn numbers(rows: u64) -> String {
    (0..rows).map(|n| format!("{n}\n")).collect()
}

/// The names of the published files, and of those in the making.
fn listing(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let all = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).map_or(Vec::new(), |entries| entries.map(|entry| entry.unwrap().path()).collect())
    };
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with('.');
    let (hidden, published): (Vec<_>, Vec<_>) = all(folder).into_iter().partition(is_hidden);
    let staging = hidden.iter().filter(|path| path.is_dir()).flat_map(|path| all(path)).collect();
    (published, staging)
}

async fn content(stage: &Stage, folder: &Path, id: &UniqueId, name: &str) -> String {
    let artifact = stage.store.artifact(id, name).await.unwrap().expect("the file is a result");
    let bytes = std::fs::read(folder.join(&artifact.location)).unwrap();
    assert_eq!(artifact.bytes, bytes.len() as u64);
    String::from_utf8(bytes).unwrap()
}

async fn a_file_becomes_visible_with_the_success(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let method = Method::from_fn("report", move |ctx, (): ()| {
        let gate = Arc::clone(&opened);
        async move {
            let mut file = ctx.artifact("report.txt").await?;
            write!(file, "all is well")?;
            file.set_media_type("text/plain");
            ctx.checkpoint_now(&1, 1).await?;
            gate.notified().await;
            Ok::<_, Failure>(())
        }
    });
    let worker = stage.worker_with(settings_in(place.path()), [method]).await;
    let id = stage.push(NewTask::new("report")).await;
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint.is_some()).await;
    assert_eq!(stage.store.artifacts(&id).await.unwrap(), []);
    assert!(matches!(&listing(place.path()), (published, staging) if published.is_empty() && staging.len() == 1));
    gate.notify_one();
    stage.reaches(&id, State::Success).await;
    assert_eq!(content(&stage, place.path(), &id, "report.txt").await, "all is well");
    let artifact = stage.store.artifact(&id, "report.txt").await.unwrap().unwrap();
    assert_eq!((artifact.media_type.as_str(), artifact.is_expired), ("text/plain", false));
    let week = artifact.expires_date.unwrap().since(artifact.created_date);
    assert_eq!(week.as_secs() / 3600, 7 * 24, "{week:?}");
    eventually("nothing is in the making", async || listing(place.path()).1.is_empty()).await;
    worker.stop().await;
}

async fn a_file_is_whole_after_ten_deaths(db: Database) {
    let enough = Enough::default();
    let (stage, place) = (Stage::set(db).await, folder());
    // Only the deaths of this test interrupt it, however busy the machine is.
    let calm = WorkerSettings { lease: Some(Duration::from_secs(3)), concurrency: 1, ..settings_in(place.path()) };
    let workers = [
        stage.worker_with(calm.clone(), [export_until(&enough)]).await,
        stage.worker_with(calm, [export_until(&enough)]).await,
    ];
    let id = stage.push(NewTask::new("export").params(&u64::MAX)).await;
    let mut kept = 0;
    for _ in 0..10 {
        eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.unwrap_or(0) > kept).await;
        let task = stage.task(&id).await;
        let worker = workers.iter().find(|worker| Some(worker.id()) == task.worker_id).unwrap();
        stage.dies(worker).await;
        kept = stage.task(&id).await.checkpoint_done.unwrap();
    }
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint_done.unwrap() > kept).await;
    enough.say();
    let task = stage.reaches(&id, State::Success).await;
    let rows: u64 = task.content.as_deref().unwrap().parse().unwrap();
    // One that was taken for dead may claim it once more before it notices.
    assert!(task.resumed >= 10 && task.counts.crashes == 0 && task.counts.attempt > task.resumed, "{task:?}");
    assert_eq!(content(&stage, place.path(), &id, "rows.csv").await, numbers(rows));
    let artifact = stage.store.artifact(&id, "rows.csv").await.unwrap().unwrap();
    assert_eq!((artifact.media_type.as_str(), artifact.row_count), ("text/csv", Some(rows)));
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(listing(place.path()).0.len(), 1, "one file and no other");
}

async fn a_file_of_a_failed_task_is_removed(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let method = Method::from_fn("fails", |ctx, (): ()| async move {
        writeln!(ctx.artifact("a.txt").await?, "half")?;
        ctx.checkpoint_now(&1, 1).await?;
        writeln!(ctx.artifact("b.txt").await?, "more")?;
        Err::<(), _>(Failure::new("no paper left"))
    });
    let worker = stage.worker_with(settings_in(place.path()), [method]).await;
    let id = stage.push(NewTask::new("fails")).await;
    stage.reaches(&id, State::Fail).await;
    eventually("its files are gone", async || listing(place.path()) == (vec![], vec![])).await;
    assert_eq!(stage.store.artifacts(&id).await.unwrap(), []);
    worker.stop().await;
}

async fn a_file_of_a_task_that_was_cancelled_in_place_of_waiting_again_is_swept(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let worker = stage.worker_with(settings_in(place.path()), [export()]).await;
    let id = stage.push(NewTask::new("export").params(&100_000)).await;
    stage.begins(&id).await;
    stage.store.cancel(&id).await.unwrap();
    worker.stop().await;
    assert_eq!(stage.task(&id).await.state, State::Cancelled);
    // Whoever sweeps next.
    let next = stage.worker_with(settings_in(place.path()), [export()]).await;
    eventually("its file is gone", async || listing(place.path()) == (vec![], vec![])).await;
    next.stop().await;
}

async fn a_file_that_only_an_earlier_attempt_wrote_is_published_too(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let method = Method::from_fn("two", |ctx, (): ()| async move {
        if ctx.resume_at::<String>()?.is_none() {
            let mut first = ctx.artifact("first.txt").await?;
            write!(first, "first")?;
            ctx.checkpoint_now(&"first done", 1).await?;
            write!(first, " and what no checkpoint keeps")?;
            return Err(Failure::new("once more").retry_after(Duration::ZERO));
        }
        write!(ctx.artifact("second.txt").await?, "second")?;
        ctx.checkpoint_now(&"second done", 2).await?;
        Ok(())
    });
    let worker = stage.worker_with(settings_in(place.path()), [method]).await;
    let id = stage.push(NewTask::new("two").retries(1)).await;
    stage.reaches(&id, State::Success).await;
    assert_eq!(content(&stage, place.path(), &id, "first.txt").await, "first");
    assert_eq!(content(&stage, place.path(), &id, "second.txt").await, "second");
    worker.stop().await;
}

async fn a_file_whose_time_is_over_is_removed_and_its_row_says_so(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let worker = stage.worker_with(settings_in(place.path()), [export()]).await;
    let brief = stage.push(NewTask::new("export").params(&3).keep_files(Duration::ZERO)).await;
    let kept = stage.push(NewTask::new("export").params(&4)).await;
    stage.reaches(&brief, State::Success).await;
    stage.reaches(&kept, State::Success).await;
    assert!(stage.store.artifact(&brief, "rows.csv").await.unwrap().unwrap().is_expired, "by the clock");
    worker.stop().await;
    // A worker sweeps when it starts.
    let worker = stage.worker_with(settings_in(place.path()), [export()]).await;
    eventually("the file is gone", async || listing(place.path()).0.len() == 1).await;
    assert_eq!(content(&stage, place.path(), &kept, "rows.csv").await, numbers(4));
    worker.stop().await;
}

async fn a_file_that_is_gone_is_said_to_be(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let worker = stage.worker_with(settings_in(place.path()), [export()]).await;
    let ids =
        [stage.push(NewTask::new("export").params(&3)).await, stage.push(NewTask::new("export").params(&4)).await];
    for id in &ids {
        stage.reaches(id, State::Success).await;
    }
    worker.stop().await;
    let lost = stage.store.artifact(&ids[0], "rows.csv").await.unwrap().unwrap();
    std::fs::remove_file(place.path().join(&lost.location)).unwrap();
    // The other one's task goes, its file does not yet.
    assert!(stage.store.delete(&ids[1]).await.is_ok());
    let worker = stage.worker_with(settings_in(place.path()), [export()]).await;
    eventually("the row says so", async || {
        stage.store.artifact(&ids[0], "rows.csv").await.unwrap().unwrap().is_expired
    })
    .await;
    eventually("the other file is gone, too", async || listing(place.path()).0.is_empty()).await;
    worker.stop().await;
}

async fn a_zombie_publishes_nothing(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let (gate, attempts) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let (opened, counted) = (Arc::clone(&gate), Arc::clone(&attempts));
    // It never looks whether it is to end, and so outlives its lease.
    let method = Method::from_blocking_fn("deaf", move |ctx, (): ()| {
        let mut file = ctx.artifact("result.txt")?;
        if counted.fetch_add(1, Ordering::Relaxed) > 0 {
            write!(file, " by the other")?;
            return Ok::<_, Failure>("by the other");
        }
        write!(file, "begun")?;
        ctx.checkpoint_now(&1, 1)?;
        tokio::runtime::Builder::new_current_thread().build()?.block_on(opened.notified());
        // Some of it is written before the loss is noticed, and some after; none of it may matter.
        let _ = write!(file, " by a zombie");
        Ok("by a zombie")
    });
    let zombie = stage.worker_with(settings_in(place.path()), [method.clone()]).await;
    let id = stage.push(NewTask::new("deaf")).await;
    eventually("it keeps a checkpoint", async || stage.task(&id).await.checkpoint.is_some()).await;
    stage.dies(&zombie).await;
    let other = stage.worker_with(settings_in(place.path()), [method]).await;
    let task = stage.reaches(&id, State::Success).await;
    assert_eq!(task.content.as_deref(), Some("by the other"));
    gate.notify_one();
    stage.worker_is_idle(&zombie).await;
    assert_eq!(content(&stage, place.path(), &id, "result.txt").await, "begun by the other");
    zombie.stop().await;
    other.stop().await;
    assert_eq!(listing(place.path()).0.len(), 1, "{:?} {:?}", listing(place.path()), stage.store.artifacts(&id).await);
    assert_eq!(stage.task(&id).await, task);
}

async fn a_method_that_starts_over_begins_its_file_anew(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let method = Method::from_fn("again", |ctx, (): ()| async move {
        let is_second = ctx.resume_at::<u64>()?.is_some();
        if is_second {
            ctx.start_over().await?;
        }
        let mut file = ctx.artifact("a.txt").await?;
        write!(file, "{}", if is_second { "anew" } else { "old" })?;
        ctx.checkpoint_now(&1, 1).await?;
        if is_second { Ok(()) } else { Err(Failure::new("once more").retry_after(Duration::ZERO)) }
    });
    let worker = stage.worker_with(settings_in(place.path()), [method]).await;
    let id = stage.push(NewTask::new("again").retries(1)).await;
    stage.reaches(&id, State::Success).await;
    assert_eq!(content(&stage, place.path(), &id, "a.txt").await, "anew");
    eventually("the old one is gone", async || listing(place.path()).1.is_empty()).await;
    worker.stop().await;
}

async fn a_quota_names_both_figures(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let mut settings = settings_in(place.path());
    settings.files.task_bytes_max = Some(1_000);
    let worker = stage.worker_with(settings, [export()]).await;
    let id = stage.push(NewTask::new("export").params(&1_000)).await;
    let task = stage.reaches(&id, State::Fail).await;
    let content = task.content.unwrap();
    assert!(content.contains("1000"), "{content}");
    assert_eq!(task.reason, Some(Reason::Error));
    worker.stop().await;
}

async fn a_name_that_is_a_path_is_refused(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let method = Method::from_fn("named", |ctx, name: String| async move {
        write!(ctx.artifact(name).await?, "x")?;
        Ok::<_, Failure>(())
    });
    let worker = stage.worker_with(settings_in(&place.path().join("files")), [method]).await;
    for name in ["../x", "/etc/passwd", "a\nb", "-rf", "", &"x".repeat(256)] {
        let id = stage.push(NewTask::new("named").params(&name)).await;
        let task = stage.reaches(&id, State::Fail).await;
        assert!(task.content.as_ref().is_some_and(|content| content.contains("name")), "{name:?}: {task:?}");
    }
    let fine = stage.push(NewTask::new("named").params(&"Bücher \"2026\".csv")).await;
    stage.reaches(&fine, State::Success).await;
    assert_eq!(content(&stage, &place.path().join("files"), &fine, "Bücher \"2026\".csv").await, "x");
    worker.stop().await;
}

async fn a_success_that_had_to_become_a_failure_leaves_no_file(db: Database) {
    let (stage, place) = (Stage::set(db).await, folder());
    let statement = match stage.db.kind() {
        Kind::Sqlite => {
            "create trigger no_rows before insert on mission_artifacts when new.name = 'rows.csv'
             begin select raise(abort, 'no_rows'); end;"
        }
        _ => "alter table mission_artifacts add constraint no_rows check (name <> 'rows.csv');",
    };
    stage.db.sql(statement).await.unwrap();
    let worker = stage.worker_with(settings_in(place.path()), [export()]).await;
    let id = stage.push(NewTask::new("export").params(&5)).await;
    let task = stage.reaches(&id, State::Fail).await;
    assert!(task.content.as_ref().is_some_and(|content| content.contains("no_rows")), "{task:?}");
    assert_eq!(stage.store.artifacts(&id).await.unwrap(), []);
    eventually("its file goes", async || matches!(&listing(place.path()), (a, b) if a.is_empty() && b.is_empty()))
        .await;
    worker.stop().await;
}

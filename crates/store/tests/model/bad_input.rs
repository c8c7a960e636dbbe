//! What running tasks report, however odd: each is recorded whole or refused by name, on every kind of database alike.

use mission_core::{Checkpoint, CommittedFile, NewTask, Progress, Task, WorkerId, limits};
use mission_store::{Claimed, OnMissing, Report, Reported, Store};
use mission_testkit::{Database, conformance};

conformance![
    progress_of_any_figures_is_recorded_and_the_tables_integers_bound_it,
    a_cursor_of_any_spelling_comes_back_to_the_byte,
    files_of_any_name_come_back_with_the_checkpoint,
    a_message_of_any_length_and_letters_is_recorded_and_so_are_the_reports_beside_it,
];

async fn open(db: &Database) -> Store {
    let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn running(store: &Store) -> Claimed {
    let id = store.push(&NewTask::new("export")).await.unwrap().unique_id;
    store.claim_one(&id, WorkerId(1)).await.unwrap().unwrap()
}

fn report(claimed: &Claimed) -> Report {
    let lease = claimed.running.lease;
    Report { lease, progress: None, checkpoint: None, resumed: 0, redone: 0, active_ms: 0 }
}

async fn get(store: &Store, claimed: &Claimed) -> Task {
    store.get(&claimed.task.unique_id).await.unwrap().unwrap()
}

async fn progress_of_any_figures_is_recorded_and_the_tables_integers_bound_it(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store).await;
    let largest = i64::MAX as u64;
    // Beyond the total, backwards, of nothing, and larger than the tables hold.
    let figures = [(7, Some(5)), (3, Some(5)), (0, Some(0)), (1, None), (u64::MAX, Some(1)), (0, Some(u64::MAX))];
    for (done, total) in figures {
        let said = Report { progress: Some(Progress { done, total, message: None }), ..report(&claimed) };
        let checkpoint = Checkpoint::at(&done, done, Vec::new()).unwrap();
        let said = Report { checkpoint: Some(checkpoint), redone: i64::MAX, active_ms: i64::MAX, ..said };
        assert_eq!(store.report(&[said]).await.unwrap(), [Reported::Written]);
        let stored = get(&store, &claimed).await;
        let progress = stored.progress.clone().unwrap();
        let expected = (done.min(largest), total.map(|total| total.min(largest)));
        assert_eq!((progress.done, progress.total), expected);
        assert!(stored.rate().is_none_or(f64::is_finite));
        assert!(stored.remaining().is_none_or(|left| left.as_secs() < u64::MAX));
        assert_eq!((stored.checkpoint, stored.checkpoint_done), (Some(done.to_string()), Some(done.min(largest))));
    }
}

/// JSON that an application may spell so, and texts that are no JSON but were told to be a cursor.
fn cursors() -> Vec<String> {
    let mut cursors: Vec<String> = [
        "0",
        "null",
        " { \"a\" : 1.0e+2 , \"a\" : 18446744073709551616 } ",
        "\"\\u0000\\ud800 \\udfff \\/ \\u001b[31m\"",
        "\"\u{7f}\u{85}\u{202e}\u{feff}😀界'\\\\ ; drop table mission_tasks --\"",
        "[\"$[*]\",\"{now} :id ? $1 %s\"]",
        "no JSON",
        "\u{1b}[31m",
        " ",
    ]
    .map(str::to_owned)
    .to_vec();
    cursors.push(format!("\"{}\"", "\\\\".repeat(limits::CURSOR_BYTES_MAX / 2 - 1)));
    cursors.push("[".repeat(1000) + &"]".repeat(1000));
    cursors
}

async fn a_cursor_of_any_spelling_comes_back_to_the_byte(db: Database) {
    let store = open(&db).await;
    for cursor in cursors() {
        let claimed = running(&store).await;
        let checkpoint = Checkpoint { cursor: cursor.clone(), done: 1, files: Vec::new() };
        let said = Report { checkpoint: Some(checkpoint), ..report(&claimed) };
        assert_eq!(store.report(&[said]).await.unwrap(), [Reported::Written], "{cursor:.60}");
        assert!(get(&store, &claimed).await.checkpoint.as_ref() == Some(&cursor), "{cursor:.60}");
        let held = store.executing(WorkerId(1)).await.unwrap();
        let held = held.iter().find(|held| held.task.id == claimed.task.id).unwrap();
        assert!(held.task.checkpoint.as_ref() == Some(&cursor), "{cursor:.60}");
    }
}

async fn files_of_any_name_come_back_with_the_checkpoint(db: Database) {
    let store = open(&db).await;
    let claimed = running(&store).await;
    let names = ["../x", "/etc/passwd", "a\0b", "it's \"q\" \\", "-rf", "a\nb", "\u{1b}[31m", "😀\u{202e}", "", "."];
    let mut names: Vec<String> = names.map(str::to_owned).to_vec();
    names.push("x".repeat(1 << 16));
    let files: Vec<CommittedFile> = names
        .into_iter()
        .map(|name| CommittedFile {
            staging: name.clone(),
            name,
            media_type: "text/csv".to_owned(),
            bytes: u64::MAX,
            rows: Some(u64::MAX),
            hash: "00".to_owned(),
            is_finished: true,
            keep_ms: Some(i64::MIN),
            segments: vec![(i64::MIN, u64::MAX, u64::MAX).into()],
        })
        .collect();
    let checkpoint = Checkpoint { cursor: "1".to_owned(), done: 1, files: files.clone() };
    let said = Report { checkpoint: Some(checkpoint), ..report(&claimed) };
    assert_eq!(store.report(&[said]).await.unwrap(), [Reported::Written]);
    assert!(get(&store, &claimed).await.checkpoint_files == files);
}

/// `Progress::message` cleans what it is given; a message that was put into the field directly may hold anything.
async fn a_message_of_any_length_and_letters_is_recorded_and_so_are_the_reports_beside_it(db: Database) {
    let store = open(&db).await;
    let (odd, plain) = (running(&store).await, running(&store).await);
    let progress = |message: &str| Some(Progress { done: 1, total: None, message: Some(message.to_owned()) });
    let reports = [
        Report { progress: progress("a\0b"), ..report(&odd) },
        Report { progress: progress("a\u{1b}[31mb"), ..report(&plain) },
    ];
    let long = Report { progress: progress(&"界".repeat(1 << 18)), ..report(&odd) };
    assert_eq!(store.report(&[long]).await.unwrap(), [Reported::Written]);
    let message = get(&store, &odd).await.progress.unwrap().message.unwrap();
    assert!(message.len() > 990 && message.len() <= limits::PROGRESS_MESSAGE_BYTES_MAX);
    let reported = store.report(&reports).await.unwrap();
    assert_eq!(reported, [Reported::Written; 2]);
    assert_eq!(get(&store, &odd).await.progress, Some(Progress::from(1).message("a\0b")));
    assert_eq!(get(&store, &plain).await.progress, reports[1].progress);
}

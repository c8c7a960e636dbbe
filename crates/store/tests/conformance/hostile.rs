//! Hostile texts: whatever bytes a name, params, a message or a content holds, they come back as they were given.

use mission_core::{Content, Failure, NewTask, Policy, Progress, Reason, State, UniqueId};
use mission_store::{Store, Verdict};
use mission_testkit::{Database, Kind, conformance, on};

use crate::stage::{WORKER, ending, get, open, progress_report, running, task};

conformance![
    every_text_comes_back_as_content,
    a_failure_is_recorded_whatever_its_message_holds,
    every_text_comes_back_in_params_and_progress,
    names_may_be_of_any_script_and_hold_any_sign,
    a_line_is_told_apart_by_every_letter_and_its_case,
];

/// SQLite keeps the bytes of a client that writes Latin-1; servers refuse them.
#[test]
fn bytes_that_are_no_text_do_not_hold_up_the_tasks_beside_them() {
    on(Kind::Sqlite, |db| async move {
        let store = open(&db).await;
        let latin = "cast(x'7b2261223a22e9227d' as text)";
        for column in ["params", "creator"] {
            db.sql(&format!("insert into mission_tasks (method, {column}) values ('export', {latin});")).await.unwrap();
        }
        for column in ["type", "unique_id"] {
            db.sql(&format!("insert into mission_tasks (method, {column}) values ('other', {latin});")).await.unwrap();
        }
        store.push(&NewTask::new("export").task_type("system")).await.unwrap();
        let (lines, _) = store.lines().await.unwrap();
        let line = lines.iter().find(|line| line.method == "export").unwrap();
        let claimed = store.claim(line, WORKER, 10).await.unwrap();
        assert_eq!(claimed.len(), 3);
        assert_eq!(claimed[0].task.params.as_deref(), Some("{\"a\":\"\u{fffd}\"}"));
        for claimed in &claimed {
            let verdicts = store.settle(&[ending(claimed, State::Success, "done")]).await.unwrap();
            assert_eq!(verdicts, [Verdict::Settled]);
        }
        assert_eq!(store.list(&mission_core::Filter::all(), 10, None).await.unwrap().tasks.len(), 5);
    });
}

/// Texts that broke something somewhere once.
pub(crate) fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "null",
        "NULL",
        "true",
        "007",
        "9223372036854775808",
        "1e999",
        "漢字 ünïcode עִבְרִית ไทย",
        "😀👩‍👩‍👧‍👦🇩🇪",
        "it's \"quoted\" `so` and ''so''",
        "back\\slash \\\\ \\' \\\" \\n \\u0041 \\ud83d \\x00 \\",
        "line\nfeed\r\ntab\tbell\u{7} escape\u{1b}[31m",
        "%s %_ ? :id $1 {now} {batch: id int} -- /* */ ; drop table mission_tasks;",
        "{\"a\":[1,{\"b\":null}]}",
        "[\"$[*]\",\"$.content\"]",
        "\u{feff}bom \u{200b}zero \u{202e}right-to-left \u{ffff}\u{fffe} \u{10ffff}",
        "a\u{301} á e\u{0}f",
        "\u{80}\u{85}\u{a0}\u{ad}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push((1..=127).filter_map(char::from_u32).collect());
    texts.push("界\"\\\u{1}".repeat(174_762));
    texts
}

/// What a text is once NUL, which PostgreSQL refuses, has been replaced.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

async fn every_text_comes_back_as_content(db: Database) {
    let store = open(&db).await;
    let texts = texts();
    let mut claimed = Vec::new();
    for _ in &texts {
        claimed.push(running(&store, task()).await);
    }
    let group: Vec<_> =
        claimed.iter().zip(&texts).map(|(claimed, text)| ending(claimed, State::Success, text)).collect();
    assert_eq!(store.settle(&group).await.unwrap(), vec![Verdict::Settled; texts.len()]);
    for (claimed, text) in claimed.iter().zip(&texts) {
        let stored = get(&store, &claimed.task.unique_id).await;
        assert_eq!((stored.content.unwrap(), stored.content_cut), (without_nul(text), false));
    }
}

async fn a_failure_is_recorded_whatever_its_message_holds(db: Database) {
    let store = open(&db).await;
    let mut messages: Vec<String> = texts();
    messages.push(String::from_utf8_lossy(&[0x66, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0x00, 0xc3]).into_owned());
    messages.push("\u{1}".repeat(2 << 20));
    for message in messages {
        let claimed = running(&store, task()).await;
        let outcome = mission_core::Outcome::Failed(Failure::new(&message).fatal());
        let chance = mission_core::Chance::fixed(0.0);
        let settlement = mission_core::settle(&claimed.running, &Policy::default(), outcome, chance);
        assert_eq!(store.settle(&[settlement]).await.unwrap(), [Verdict::Settled]);
        let stored = get(&store, &claimed.task.unique_id).await;
        let expected = Content::new(&message);
        assert_eq!((stored.state, stored.reason), (State::Fail, Some(Reason::Error)));
        assert!(stored.content == Some(expected.text) && stored.content_cut == expected.is_cut);
    }
}

async fn every_text_comes_back_in_params_and_progress(db: Database) {
    let store = open(&db).await;
    // Written as JSON, the largest text is larger than params may be.
    for text in texts().into_iter().filter(|text| text.len() < 100_000) {
        let claimed = running(&store, task().params(&[&text])).await;
        let json = serde_json_array(&text);
        assert_eq!(claimed.task.params.as_deref(), Some(json.as_str()));
        let progress = Progress::of(1, 2).message(&text);
        store.report(&[progress_report(claimed.running.lease, progress.clone())]).await.unwrap();
        let stored = get(&store, &claimed.task.unique_id).await;
        assert_eq!((stored.progress, stored.params), (Some(progress), Some(json)));
    }
    // JSON that is spelled otherwise stays as it was spelled.
    for json in ["\"\\u0000 \\ud800 \\/\"", "{ \"a\" : 1.0e+2 , \"a\" : 18446744073709551616 }"] {
        let claimed = running(&store, task().params_json(json)).await;
        assert_eq!(get(&store, &claimed.task.unique_id).await.params.as_deref(), Some(json));
    }
}

fn serde_json_array(text: &str) -> String {
    mission_core::Params::of(&[text]).unwrap().as_json().unwrap().to_owned()
}

/// The texts that may be names, and one of the greatest length in four-byte letters.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        ["a", "A", "á", "a\u{301}", "ß", "ss", "漢字", "😀", "it's \"so\" \\", "%", "_", "{now} :id ?"]
            .map(str::to_owned)
            .to_vec();
    names.push("😀".repeat(64));
    names
}

/// A task that has one name wherever a name stands.
fn named(name: &str) -> NewTask {
    let long = name.repeat(if name.chars().count() == 64 { 2 } else { 1 });
    NewTask::new(&long).task_type(name).creator(&long).key(&long)
}

async fn names_may_be_of_any_script_and_hold_any_sign(db: Database) {
    let store = open(&db).await;
    for name in names() {
        let claimed = running(&store, named(&name)).await;
        let stored = get(&store, &claimed.task.unique_id).await;
        let long = named(&name).method().to_owned();
        assert_eq!((&stored.method, &stored.task_type), (&long, &name));
        assert_eq!((stored.creator.as_ref(), stored.task_key.as_ref()), (Some(&long), Some(&long)));
        let filter = mission_core::Filter::all().method(&long).task_type(&name).creator(&long);
        assert_eq!(store.list(&filter, 10, None).await.unwrap().tasks, [stored]);
        store.pause(&name).await.unwrap();
    }
    assert_eq!(store.type_rules().await.unwrap().len(), names().len());
}

async fn a_line_is_told_apart_by_every_letter_and_its_case(db: Database) {
    let store = open(&db).await;
    let mut pushed: Vec<UniqueId> = Vec::new();
    for name in names() {
        pushed.push(push_named(&store, &name).await);
    }
    let (lines, _) = store.lines().await.unwrap();
    assert_eq!(lines.len(), names().len(), "no two names are taken for one");
    let mut claimed = Vec::new();
    for line in &lines {
        let of_line = store.claim(line, WORKER, 10).await.unwrap();
        assert_eq!((&of_line[0].task.method, &of_line[0].task.task_type), (&line.method, &line.task_type));
        claimed.extend(of_line.into_iter().map(|claimed| claimed.task.unique_id));
    }
    claimed.sort();
    pushed.sort();
    assert_eq!(claimed, pushed);
}

async fn push_named(store: &Store, name: &str) -> UniqueId {
    let pushed = store.push(&named(name)).await.unwrap();
    assert!(!pushed.is_existing, "{name:?} is a key of its own");
    pushed.unique_id
}

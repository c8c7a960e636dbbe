//! Each oddity of the original's table, and what becomes of it.

use super::*;

const NOW: Timestamp = Timestamp(1_795_341_296_000_000);

fn row(state: &str) -> OriginalRow {
    OriginalRow {
        id: 7,
        unique_id: "nauaxnrfnuflwcqn".into(),
        method: "myTest".into(),
        params: "[]".into(),
        task_type: "system".into(),
        state: state.into(),
        content: Some("my test".into()),
        creator: Some("admin".into()),
        created_date: Some("2018-11-17 15:14:38".into()),
        modified_date: Some("2018-11-17 15:14:58".into()),
    }
}

fn importer() -> Importer {
    Importer::new("admin_background_tasks", ZoneOffset::utc(), Pending::Leave)
}

fn taken(row: OriginalRow) -> ImportedTask {
    importer().take(&row, NOW).unwrap()
}

#[test]
fn a_finished_row_becomes_history_with_its_id_and_dates() {
    let task = taken(row("success"));
    assert_eq!((task.unique_id.as_str(), task.method.as_str()), ("nauaxnrfnuflwcqn", "myTest"));
    assert_eq!((task.state, task.reason, task.params), (State::Success, None, None));
    assert_eq!((task.content.as_deref(), task.creator.as_deref()), (Some("my test"), Some("admin")));
    assert_eq!(task.created_date.to_string(), "2018-11-17T15:14:38Z");
    assert_eq!(task.modified_date.to_string(), "2018-11-17T15:14:58Z");
    assert_eq!(taken(row("fail")).reason, Some(Reason::Error));
}

#[test]
fn an_executing_row_fails_and_says_so() {
    let mut importer = importer();
    let task = importer.take(&OriginalRow { content: Some(String::new()), ..row("executing") }, NOW).unwrap();
    assert_eq!((task.state, task.reason), (State::Fail, Some(Reason::Imported)));
    assert!(task.content.unwrap().contains("while it was executing"));
    assert_eq!(importer.counts().executing, 1);
}

#[test]
fn a_waiting_row_stays_unless_it_is_asked_for() {
    let mut staying = importer();
    assert_eq!(staying.take(&row("init"), NOW), None);
    assert_eq!(staying.counts().left_waiting, 1);
    let mut taking = Importer::new("t", ZoneOffset::parse("-11:00").unwrap(), Pending::Take);
    let ahead = OriginalRow { created_date: Some("2026-11-22 12:00:00".into()), ..row("init") };
    let task = taking.take(&ahead, NOW).unwrap();
    assert_eq!((task.state, taking.counts().waiting), (State::Init, 1));
    assert!(task.created_date > NOW && task.run_at == NOW, "a wrong zone does not keep it waiting");
}

#[test]
fn an_unknown_state_is_kept_as_a_failure() {
    let mut importer = importer();
    let task = importer.take(&OriginalRow { content: None, ..row("") }, NOW).unwrap();
    assert_eq!((task.state, task.reason), (State::Fail, Some(Reason::Imported)));
    assert_eq!(importer.counts().strange_state, 1);
}

#[test]
fn empty_unfit_and_used_ids_are_replaced_by_the_same_ones_each_time() {
    let rows = [
        row("success"),
        OriginalRow { id: 8, ..row("success") },
        OriginalRow { id: 9, unique_id: String::new(), ..row("success") },
        OriginalRow { id: 10, unique_id: "a b".into(), ..row("success") },
        OriginalRow { id: 11, unique_id: "task_5bf0a1b2c3d4e".into(), ..row("success") },
    ];
    let run = || {
        let mut importer = importer();
        let ids: Vec<String> = rows.iter().map(|row| importer.take(row, NOW).unwrap().unique_id.to_string()).collect();
        (ids, importer.counts().fresh_ids)
    };
    let (ids, fresh) = run();
    assert_eq!((ids[0].as_str(), ids[4].as_str(), fresh), ("nauaxnrfnuflwcqn", "task_5bf0a1b2c3d4e", 3));
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 5, "{ids:?}");
    assert!(ids[1].len() == 16 && ids[1].bytes().all(|b| b.is_ascii_lowercase()));
    assert_eq!(run().0, ids);
}

#[test]
fn older_shapes_and_odd_values_have_their_place() {
    let old = OriginalRow {
        method: String::new(),
        params: "{\"a\":\"cut off".into(),
        task_type: String::new(),
        content: None,
        creator: None,
        created_date: Some("0000-00-00 00:00:00".into()),
        ..row("success")
    };
    let mut importer = importer();
    let task = importer.take(&old, NOW).unwrap();
    assert_eq!((task.method.as_str(), task.task_type.as_str()), ("unknown", "system"));
    assert_eq!((task.params.as_deref(), task.content, task.creator), (Some("{\"a\":\"cut off"), None, None));
    assert_eq!(task.created_date, task.modified_date, "the one date that is there serves for both");
    assert_eq!(importer.counts().params_as_text, 1);
    let dateless = OriginalRow { modified_date: None, creator: Some("undefined".into()), ..old };
    let task = importer.take(&dateless, NOW).unwrap();
    assert_eq!((task.created_date, task.creator), (NOW, None));
    assert_eq!(importer.counts().without_date, 1);
}

#[test]
fn dates_are_read_in_the_zone_that_is_named() {
    let mut importer = Importer::new("t", ZoneOffset::parse("+08:00").unwrap(), Pending::Leave);
    let task = importer.take(&row("success"), NOW).unwrap();
    assert_eq!(task.created_date.to_string(), "2018-11-17T07:14:38Z");
    for bad in ["", "8", "Asia/Shanghai", "+25:99", "now"] {
        assert!(ZoneOffset::parse(bad).unwrap_err().to_string().contains("+08:00"), "{bad:?}");
    }
}

#[test]
fn a_task_is_written_with_the_columns_names_and_numbers() {
    let json = serde_json::to_value(taken(row("success"))).unwrap();
    assert_eq!(json["type"], "system");
    assert_eq!(json["created_date"], 1_542_467_678_000_000_i64);
    assert_eq!((&json["content_cut"], &json["reason"]), (&0.into(), &serde_json::Value::Null));
}

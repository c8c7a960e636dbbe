//! The attribute in a program that forbids unsafe code and undocumented items: what it makes, and what is registered.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]
#![deny(missing_docs, warnings)]

use mission::{Context, Failure, Method, State, blocking};
use serde::{Deserialize, Serialize};

/// What an export needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Export {
    /// How many rows.
    pub rows: u64,
}

/// A database, for all a method knows.
#[derive(Debug)]
pub struct Database {
    name: &'static str,
}

/// Writes `rows` rows.
#[mission::method(task_type = "report", retries = 3, timeout = "5m", stall_timeout = "30s", on_crash = "fail")]
pub async fn export(ctx: Context, params: Export) -> Result<String, Failure> {
    for n in 0..params.rows {
        ctx.progress((n + 1, params.rows)).await?;
    }
    Ok(format!("exported {} rows", params.rows))
}

/// Answers JSON, with anyhow's errors.
#[mission::method(name = "weekly report")]
pub async fn report(
    State(database): State<Database>,
    weeks: Option<u64>,
    ctx: Context,
) -> anyhow::Result<(u64, String)> {
    let name = database.name.to_owned();
    ctx.progress((1, 1, "done")).await?;
    Ok((weeks.unwrap_or(1), name))
}

#[mission::method]
fn hash(ctx: blocking::Context, words: Vec<String>) -> Result<usize, std::num::ParseIntError> {
    let _ = ctx.progress((1, 1));
    words.iter().map(|word| word.parse::<usize>()).sum()
}

#[mission::method]
async fn noop() {}

#[mission::method]
fn r#type(database: State<Database>) {
    assert_eq!(database.name, "main");
}

#[mission::method]
#[cfg(any())]
async fn left_out(params: NoSuchType) {}

mod inner {
    #[mission::method]
    pub(crate) fn of_a_module(
        mut ctx: mission::blocking::Context,
        (a, b): (u64, u64),
    ) -> Result<u64, mission::Interrupted> {
        ctx = ctx.clone();
        ctx.check().map(|()| a + b)
    }
}

fn pushed(task: mission::NewTask) -> (String, Option<String>, String) {
    let task = task.check().unwrap();
    (task.method.to_owned(), task.params.map(str::to_owned), task.task_type.to_owned())
}

#[test]
fn a_method_refuses_params_without_being_run() {
    let refused = export::method().check_params(Some("{\"rows\":\"many\"}")).unwrap_err();
    assert!(refused.is_invalid() && refused.to_string().contains("do not fit at rows"), "{refused}");
    assert!(export::method().check_params(Some("{\"rows\":3}")).is_ok());
    assert!(report::method().check_params(None).is_ok());
    assert!(noop::method().check_params(Some("[3]")).is_ok(), "it takes none, and any are passed over");
}

#[test]
fn a_task_carries_the_method_s_name_its_params_and_its_type() {
    let expected = ("export".to_owned(), Some("{\"rows\":3}".to_owned()), "report".to_owned());
    assert_eq!(pushed(export::task(Export { rows: 3 })), expected);
    assert_eq!(pushed(noop::task()), ("noop".to_owned(), None, "system".to_owned()));
    assert_eq!(pushed(report::task(None)), ("weekly report".to_owned(), None, "system".to_owned()));
    assert_eq!(pushed(inner::of_a_module::task((1, 2))).1.unwrap(), "[1,2]");
    assert_eq!((report::NAME, r#type::NAME), ("weekly report", "type"));
}

#[test]
fn every_method_registers_itself_once() {
    let given = [export::method(), noop::method()];
    let registry = mission_worker::Registry::collect(given).unwrap();
    let names: Vec<_> = registry.names().collect();
    assert_eq!(names, ["export", "hash", "noop", "of_a_module", "type", "weekly report"]);
}

#[test]
fn a_second_method_of_a_registered_name_is_refused_with_both_places() {
    let other = Method::from_fn("export", |_, _: u64| async {});
    let error = mission_worker::Registry::collect([other]).unwrap_err().to_string();
    assert!(error.matches("method.rs:").count() == 2, "{error}");
}

#[test]
fn state_that_a_method_asks_for_is_missed_at_the_start() {
    let registry = mission_worker::Registry::collect([]).unwrap();
    let mut states = mission_worker::States::new();
    let error = registry.check_states(&states).unwrap_err().to_string();
    assert!(error.contains("asks for State<method::Database>"), "{error}");
    states.insert(Database { name: "main" });
    registry.check_states(&states).unwrap();
}

#[test]
fn the_rules_of_the_attribute_are_the_method_s() {
    let method = format!("{:?}", export::method());
    for rule in ["retries: 3", "on_crash: Fail", "timeout: Some(300s)", "stall_timeout: Some(30s)"] {
        assert!(method.contains(rule), "{method}");
    }
    let method = format!("{:?}", noop::method());
    for rule in ["retries: 0", "on_crash: RunAgain", "timeout: None", "stall_timeout: None"] {
        assert!(method.contains(rule), "{method}");
    }
}

#[tokio::test]
async fn the_functions_stay_what_they_are() {
    noop().await;
    r#type(State(Database { name: "main" }.into()));
}

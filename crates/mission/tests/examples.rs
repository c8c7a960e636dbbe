//! The examples run as they stand in the documentation, on the databases they speak of.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mission_testkit::{Database, conformance, eventually, folder};

conformance![an_order_and_its_mail_are_pushed_in_one_transaction];

/// The compiled example. `cargo test` builds all of them beside the tests; with `--test examples` alone, run
/// `cargo build --examples --all-features` first.
fn example(name: &str, folder: &Path, args: &[&str]) -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let mut command = Command::new(path.join("examples").join(name));
    command.args(args).current_dir(folder).env_remove("DATABASE_URL").env_remove("MISSION_DATABASE");
    command
}

fn output_of(name: &str, folder: &Path, args: &[&str]) -> String {
    let output = example(name, folder, args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn the_smallest_program_counts_to_a_million() {
    let folder = folder();
    assert!(output_of("smallest", folder.path(), &[]).contains("success: counted to 1000000"));
}

#[test]
fn my_test_sleeps_and_answers() {
    let folder = folder();
    assert!(output_of("my_test", folder.path(), &["50"]).contains("success my test"));
}

async fn an_order_and_its_mail_are_pushed_in_one_transaction(db: Database) {
    let folder = folder();
    let url = if db.url().starts_with("sqlite") { format!("{}?mode=rwc", db.url()) } else { db.url().to_owned() };
    assert!(output_of("transaction", folder.path(), &[&url]).contains("success: sent to ada@example.org"));
    assert_eq!(db.sql("select item from shop_orders;").await.unwrap().trim(), "lamp");
}

/// Starts the export and answers its process, the task's id, and what it says after that.
fn exporting(folder: &Path, rows: &str) -> (Child, String, impl BufRead + use<>) {
    let mut child = example("export", folder, &[rows]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    (child, line.trim().to_owned(), said)
}

#[tokio::test]
async fn an_export_that_is_killed_and_stopped_goes_on_to_the_same_file() {
    const ROWS: u64 = 400_000;
    let folder = folder();
    let (mut killed, id, _) = exporting(folder.path(), &ROWS.to_string());
    let url = format!("sqlite://{}", folder.path().join("mission.db").display());
    let mission = mission::Mission::open_existing(&url).await.unwrap();
    let kept = async || mission.get(&id).await.unwrap().unwrap().checkpoint_done.unwrap_or(0);
    eventually("it keeps a checkpoint", async || kept().await > 0).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = kept().await;
    let (mut stopped, again, _) = exporting(folder.path(), &ROWS.to_string());
    assert_eq!(again, id, "it is the same task");
    eventually("it goes on", async || kept().await > left).await;
    Command::new("kill").args(["-TERM", &stopped.id().to_string()]).status().unwrap();
    assert!(stopped.wait().unwrap().success());
    let (mut last, _, mut said) = exporting(folder.path(), &ROWS.to_string());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "exported 400000 rows\n");
    assert!(last.wait().unwrap().success());
    let task = mission.wait(&id).await.unwrap();
    assert_eq!((task.state, task.counts.failures), (mission::TaskState::Success, 0), "{task:?}");
    assert!(task.resumed >= 1, "{task:?}");
    let files: Vec<_> = std::fs::read_dir(folder.path().join("mission-files")).unwrap().flatten().collect();
    let csv = files.iter().find(|file| file.file_name().to_str().unwrap().ends_with(".csv")).unwrap();
    let rows: String = (0..ROWS).map(|n| format!("{n}\n")).collect();
    assert!(std::fs::read_to_string(csv.path()).unwrap() == rows, "byte for byte");
}

#[test]
fn an_application_shows_the_commands_as_its_own() {
    let folder = folder();
    let added = output_of("mounted", folder.path(), &["mission", "add", "greet", "name=Ada", "--wait", "-o", "json"]);
    assert!(added.contains("hello Ada"), "{added}");
    let records = output_of("mounted", folder.path(), &["mission", "records"]);
    assert!(records.contains("greet") && records.contains("success"), "{records}");
    // It has not the demo's method, and waits for nobody who has.
    let demo = example("mounted", folder.path(), &["mission", "demo"]).output().unwrap();
    let said = String::from_utf8_lossy(&demo.stderr).into_owned();
    assert!(!demo.status.success() && said.contains("does not have the demo's method"), "{said}");
}

/// A started web application; killed if the test ends before it does.
struct WebApplication {
    child: Child,
    address: String,
}

impl WebApplication {
    fn start(folder: &Path) -> Self {
        let mut child = example("axum_app", folder, &["127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self { child, address }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for WebApplication {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_web_application_pushes_watches_and_ends_on_sigterm() {
    let folder = folder();
    let mut application = WebApplication::start(folder.path());
    let pushed = application.ask("POST /exports/1000");
    assert!(pushed.starts_with("HTTP/1.1 202"), "{pushed}");
    let id = pushed.trim().rsplit("\r\n").next().unwrap().trim().to_owned();
    eventually("the export is done", async || {
        application.ask(&format!("GET /tasks/{id}")).contains("exported 1000 rows")
    })
    .await;
    assert!(application.ask("GET /tasks/nosuchtask").starts_with("HTTP/1.1 404"));
    assert!(application.ask("GET /tasks/bad;id").starts_with("HTTP/1.1 400"));

    Command::new("kill").args(["-TERM", &application.child.id().to_string()]).status().unwrap();
    let status = application.child.wait().unwrap();
    assert!(status.success(), "SIGTERM ends it in order: {status}");
}

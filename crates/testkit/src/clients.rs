//! Other people's clients: the tables are a public contract, so tests look at them from outside, too.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::database::Database;
use crate::kind::Kind;

impl Database {
    /// Runs statements with the system's own client (`sqlite3`, `mariadb` or `psql`) and answers its rows:
    /// fields separated by tabs, one line each, no header.
    ///
    /// # Errors
    /// What the client complained of.
    pub async fn sql(&self, statements: &str) -> Result<String, String> {
        run(self.client(), statements.to_owned()).await
    }

    /// Runs a Python program that finds an open connection in `db` (DB-API 2; `mark` is the placeholder).
    ///
    /// # Errors
    /// What Python complained of.
    pub async fn python(&self, program: &str) -> Result<String, String> {
        let mut command = Command::new(python());
        command.args(["-c", &format!("{}\n{program}", self.python_connection())]);
        run(command, String::new()).await
    }

    /// Host and port, as they stand in the URL.
    pub(crate) fn server_address(&self) -> Option<String> {
        let Address { host, port, .. } = Address::of(self.url());
        (self.kind() != Kind::Sqlite).then(|| format!("{host}:{port}"))
    }

    fn client(&self) -> Command {
        let address = Address::of(self.url());
        match self.kind() {
            Kind::Sqlite => {
                let mut command = Command::new("sqlite3");
                command.args(["-batch", "-bail", "-noheader", "-tabs", "-cmd", ".timeout 5000"]);
                command.arg(self.folder().join("mission.db"));
                command
            }
            Kind::Mariadb | Kind::Mysql => {
                let mut command = Command::new("mariadb");
                command.args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]);
                command.args(["--host", &address.host, "--port", &address.port, "--user", &address.user]);
                command.arg(address.database);
                command
            }
            Kind::Postgres => {
                let mut command = Command::new("psql");
                command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=\t"]);
                command.args(["--set=ON_ERROR_STOP=1", self.url()]);
                command
            }
        }
    }

    fn python_connection(&self) -> String {
        let Address { user, host, port, database } = Address::of(self.url());
        match self.kind() {
            Kind::Sqlite => {
                let file = self.folder().join("mission.db");
                format!("import sqlite3\ndb = sqlite3.connect({:?})\nmark = '?'", file.display().to_string())
            }
            Kind::Mariadb | Kind::Mysql => format!(
                "import pymysql\nmark = '%s'\n\
                 db = pymysql.connect(host={host:?}, port={port}, user={user:?}, database={database:?}, charset='utf8mb4')"
            ),
            Kind::Postgres => {
                format!("import psycopg2\nmark = '%s'\ndb = psycopg2.connect({:?})", self.url())
            }
        }
    }
}

/// The system's Python is the one that has the system's database modules.
fn python() -> &'static str {
    let system = "/usr/bin/python3";
    if std::path::Path::new(system).exists() { system } else { "python3" }
}

async fn run(mut command: Command, input: String) -> Result<String, String> {
    let work = move || {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {name}: {error}; `cargo xtask test` installs it"))?;
        // A client that refuses to read on says why on its stderr.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().map_err(|error| format!("{name} was lost: {error}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))
        }
    };
    tokio::task::spawn_blocking(work).await.expect("a client's thread does not panic")
}

/// The parts of a server's URL as command lines want them.
struct Address {
    user: String,
    host: String,
    port: String,
    database: String,
}

impl Address {
    fn of(url: &str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split('?').next().unwrap_or_default();
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = authority.split_once('@').unwrap_or(("", authority));
        let (host, port) = place.split_once(':').unwrap_or((place, "3306"));
        Self { user: user.to_owned(), host: host.to_owned(), port: port.to_owned(), database: database.to_owned() }
    }
}

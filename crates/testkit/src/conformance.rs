//! The conformance suite's frame: one sentence, four tests.

use std::fs::File;
use std::io::Write;

use mission_servers::{Durability, PrivateServer, StandbyPair};

use crate::database::Database;
use crate::kind::{Kind, is_skipped};

/// Makes of each `async fn sentence(db: Database)` named a test per kind of database:
/// `sentence::sqlite`, `sentence::mariadb`, `sentence::mysql` and `sentence::postgres`.
///
/// A function that is left out of the list is dead code, and the compiler says so.
#[macro_export]
macro_rules! conformance {
    ($($sentence:ident),+ $(,)?) => {$(
        mod $sentence {
            #[test]
            fn sqlite() {
                $crate::on($crate::Kind::Sqlite, super::$sentence);
            }
            #[test]
            fn mariadb() {
                $crate::on($crate::Kind::Mariadb, super::$sentence);
            }
            #[test]
            fn mysql() {
                $crate::on($crate::Kind::Mysql, super::$sentence);
            }
            #[test]
            fn postgres() {
                $crate::on($crate::Kind::Postgres, super::$sentence);
            }
        }
    )+};
}

/// Runs a test on a fresh database of one kind, on a runtime with two worker threads.
///
/// # Panics
/// If the test does, and if the kind's server is missing without leave (see [`Kind`]).
pub fn on<T>(kind: Kind, test: impl FnOnce(Database) -> T)
where
    T: Future<Output = ()>,
{
    if is_to_run(kind) {
        run(async { test(Database::fresh(kind).await).await });
    }
}

/// Runs a test on a durable server of its own, which it may kill and start again.
///
/// # Panics
/// If the test does, and if the server does not start, unless `MISSION_TEST_SKIP` names its kind.
pub fn on_private<T>(kind: Kind, test: impl FnOnce(PrivateServer) -> T)
where
    T: Future<Output = ()>,
{
    if is_to_run(kind) {
        let brand = kind.brand().expect("SQLite has no server to kill");
        let server = PrivateServer::start(brand, Durability::Durable).unwrap_or_else(|message| panic!("{message}"));
        run(test(server));
    }
}

/// Runs a test on a PostgreSQL primary with a synchronous standby.
///
/// # Panics
/// If the test does, and if the servers do not start, unless `MISSION_TEST_SKIP` names `postgres`.
pub fn on_standby_pair<T>(test: impl FnOnce(StandbyPair) -> T)
where
    T: Future<Output = ()>,
{
    if is_to_run(Kind::Postgres) {
        run(test(StandbyPair::start().unwrap_or_else(|message| panic!("{message}"))));
    }
}

fn is_to_run(kind: Kind) -> bool {
    is_named_to_run(kind.name())
}

/// Whether a kind, or a cluster, is not named in `MISSION_TEST_SKIP`; said and counted either way.
pub(crate) fn is_named_to_run(name: &str) -> bool {
    let is_skipped = is_skipped(name);
    if is_skipped {
        println!("NOT TESTED: {name}");
    }
    tally(name, if is_skipped { "skipped" } else { "tested" });
    !is_skipped
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(test);
    // A blocking method that a test left running must not hold the suite up.
    runtime.shutdown_background();
}

/// Tells the test command what really ran, so that its closing line counts a skipped test as skipped.
fn tally(name: &str, what: &str) {
    if let Some(path) = std::env::var_os("MISSION_TEST_TALLY") {
        let mut file = File::options().create(true).append(true).open(path).expect("the tally can be opened");
        file.write_all(format!("{name} {what}\n").as_bytes()).expect("the tally can be written");
    }
}

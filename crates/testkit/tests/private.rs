//! A server of a test's own: killed, it comes back on the same port with what was committed, and it goes with its owner.

use std::net::TcpStream;
use std::process::Command;

use mission_testkit::{Brand, Database, Durability, Kind, PrivateServer, eventually, on_private};

macro_rules! servers {
    ($($sentence:ident),+ $(,)?) => {$(
        mod $sentence {
            use mission_testkit::{Kind, on_private};

            #[test]
            fn mariadb() {
                on_private(Kind::Mariadb, |server| super::$sentence(Kind::Mariadb, server));
            }
            #[test]
            fn mysql() {
                on_private(Kind::Mysql, |server| super::$sentence(Kind::Mysql, server));
            }
            #[test]
            fn postgres() {
                on_private(Kind::Postgres, |server| super::$sentence(Kind::Postgres, server));
            }
        }
    )+};
}

servers![what_was_committed_survives_a_kill];

async fn what_was_committed_survives_a_kill(kind: Kind, mut server: PrivateServer) {
    let db = Database::on_server(kind, server.url()).await;
    db.sql("create table t (n integer);").await.unwrap();
    for n in 1..=3 {
        db.sql(&format!("insert into t values ({n});")).await.unwrap();
        let (url, pid) = (server.url().to_owned(), server.pid());
        server.kill();
        assert!(db.sql("select n from t;").await.is_err(), "a killed server answers nobody");
        server.start_again().unwrap();
        assert_eq!(server.url(), url);
        assert_ne!(server.pid(), pid);
        assert_eq!(db.sql("select max(n) from t;").await.unwrap(), format!("{n}\n"));
    }
}

/// What the two tests below see of a server.
struct Trace {
    address: String,
    folder: std::path::PathBuf,
}

impl Trace {
    fn of(server: &PrivateServer) -> Self {
        let address = server.url().split(['@', '/']).nth(3).unwrap().to_owned();
        assert!(TcpStream::connect(&address).is_ok(), "{address} answers");
        Self { address, folder: server.folder().to_owned() }
    }

    fn is_there(&self) -> bool {
        TcpStream::connect(&self.address).is_ok() || self.folder.exists()
    }
}

#[test]
fn a_dropped_server_leaves_nothing_behind() {
    on_private(Kind::Mariadb, async |server| {
        let trace = Trace::of(&server);
        drop(server);
        assert!(!trace.is_there());
    });
}

/// Run by the test below in a process of its own, which is killed.
#[test]
fn a_server_is_kept_until_its_process_is_killed() {
    let Some(file) = std::env::var_os("MISSION_TEST_KEEP") else { return };
    let server = PrivateServer::start(Brand::Mariadb, Durability::Fast).unwrap();
    let trace = Trace::of(&server);
    let words = format!("{}\n{}", trace.address, trace.folder.display());
    std::fs::write(file.clone().into_string().unwrap() + ".new", words).unwrap();
    std::fs::rename(file.clone().into_string().unwrap() + ".new", file).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_server_goes_with_a_process_that_is_killed() {
    on_private(Kind::Mariadb, async |_| {
        let folder = mission_testkit::folder();
        let file = folder.path().join("address");
        let mut keeper = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_server_is_kept_until_its_process_is_killed"])
            .env("MISSION_TEST_KEEP", &file)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        eventually("the server is kept", async || file.exists()).await;
        let words = std::fs::read_to_string(&file).unwrap();
        let (address, folder) = words.split_once('\n').unwrap();
        let trace = Trace { address: address.to_owned(), folder: folder.into() };
        assert!(trace.is_there());
        keeper.kill().unwrap();
        keeper.wait().unwrap();
        eventually("server and folder go", async || !trace.is_there()).await;
    });
}

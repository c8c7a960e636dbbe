//! A server that is not the one to write to any more: its connections are replaced, because their address may lead elsewhere.

use mission_store::{OnMissing, Store};
use mission_testkit::{Brand, Database, Kind, PrivateServer, on, on_private};

use crate::stage::{open, running, succeed, task};

/// Sessions opened while it is on stay read-only, like those on a server that was a primary.
async fn set_read_only(db: &Database, is_on: &str) {
    let sql = match db.kind() {
        Kind::Sqlite => unreachable!("a file is no server"),
        Kind::Mariadb => format!("set global tx_read_only = {is_on};"),
        Kind::Mysql => format!("set global transaction_read_only = {is_on};"),
        Kind::Postgres => {
            let (_, name) = db.url().rsplit_once('/').unwrap();
            let own = "set default_transaction_read_only = off;";
            format!("{own} alter database {name} set default_transaction_read_only = {is_on};")
        }
    };
    db.sql(&sql).await.unwrap();
}

async fn read_only_connections_are_replaced(db: Database) {
    let claimed = running(&open(&db).await, task()).await;
    set_read_only(&db, "on").await;
    let store = Store::open(db.url(), OnMissing::Refuse).await.unwrap();
    let (now, counts) = tokio::join!(store.now(), store.counts());
    assert!(now.is_ok() && counts.is_ok(), "reading goes on");
    set_read_only(&db, "off").await;
    succeed(&store, &claimed).await;
    store.push(&task()).await.expect("another connection may write");
}

async fn read_only_connections_to_a_server_are_replaced(server: PrivateServer) {
    let kind = if server.brand() == Brand::Mysql { Kind::Mysql } else { Kind::Mariadb };
    read_only_connections_are_replaced(Database::on_server(kind, server.url()).await).await;
}

#[test]
fn read_only_connections_to_mariadb_are_replaced() {
    on_private(Kind::Mariadb, read_only_connections_to_a_server_are_replaced);
}

#[test]
fn read_only_connections_to_mysql_are_replaced() {
    on_private(Kind::Mysql, read_only_connections_to_a_server_are_replaced);
}

#[test]
fn read_only_connections_to_postgres_are_replaced() {
    on(Kind::Postgres, read_only_connections_are_replaced);
}

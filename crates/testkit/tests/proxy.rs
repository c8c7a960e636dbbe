//! The way to a server can be cut, frozen and opened again.

use std::time::Duration;

use mission_testkit::{Database, Kind, Proxy, conformance, eventually};
use sqlx::{Connection, MySqlConnection, PgConnection};

conformance![
    a_cut_way_refuses_until_it_is_restored,
    a_frozen_way_carries_nothing_until_it_is_restored,
    a_deaf_way_does_what_is_asked_and_loses_the_reply,
];

async fn a_cut_way_refuses_until_it_is_restored(db: Database) {
    let Some(proxy) = Proxy::before(&db).await else { return };
    let mut client = Client::connect(db.kind(), proxy.url()).await.unwrap();
    client.ask().await.unwrap();
    proxy.cut();
    assert!(client.ask().await.is_err());
    assert!(Client::connect(db.kind(), proxy.url()).await.is_err());
    proxy.restore();
    Client::connect(db.kind(), proxy.url()).await.unwrap().ask().await.unwrap();
    assert_eq!(proxy.accepted(), 3);
}

async fn a_frozen_way_carries_nothing_until_it_is_restored(db: Database) {
    let Some(proxy) = Proxy::before(&db).await else { return };
    let mut client = Client::connect(db.kind(), proxy.url()).await.unwrap();
    proxy.freeze();
    let answer = client.ask();
    tokio::pin!(answer);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut answer).await.is_err());
    proxy.restore();
    answer.await.unwrap();
}

async fn a_deaf_way_does_what_is_asked_and_loses_the_reply(db: Database) {
    let Some(proxy) = Proxy::before(&db).await else { return };
    db.sql("create table t (n integer);").await.unwrap();
    let mut client = Client::connect(db.kind(), proxy.url()).await.unwrap();
    client.ask().await.unwrap();
    proxy.swallow_replies();
    let insert = client.run("insert into t values (7)");
    tokio::pin!(insert);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut insert).await.is_err());
    eventually("the row is there", async || db.sql("select n from t;").await.unwrap() == "7\n").await;
    assert!(proxy.swallowed() > 0);
    proxy.cut();
    assert!(insert.await.is_err());
}

enum Client {
    MySql(MySqlConnection),
    Postgres(PgConnection),
}

impl Client {
    async fn connect(kind: Kind, url: &str) -> sqlx::Result<Self> {
        if kind == Kind::Postgres {
            PgConnection::connect(url).await.map(Self::Postgres)
        } else {
            MySqlConnection::connect(url).await.map(Self::MySql)
        }
    }

    async fn run(&mut self, sql: &'static str) -> sqlx::Result<()> {
        match self {
            Self::MySql(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
        }
    }

    async fn ask(&mut self) -> sqlx::Result<()> {
        match self {
            Self::MySql(connection) => connection.ping().await,
            Self::Postgres(connection) => connection.ping().await,
        }
    }
}

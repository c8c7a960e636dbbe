//! The way to a server can be cut, frozen and opened again.

use std::time::Duration;

use mission_testkit::{Database, Kind, Proxy, conformance};
use sqlx::{Connection, MySqlConnection, PgConnection};

conformance![a_cut_way_refuses_until_it_is_restored, a_frozen_way_carries_nothing_until_it_is_restored];

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

    async fn ask(&mut self) -> sqlx::Result<()> {
        match self {
            Self::MySql(connection) => connection.ping().await,
            Self::Postgres(connection) => connection.ping().await,
        }
    }
}

//! A way to a server that can be cut: the database goes away and comes back, and nobody is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database::Database;

/// What happens to bytes on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections end, new ones are closed at once: a server that is gone.
    Cut,
    /// Connections stay and carry nothing: a network that swallows.
    Frozen,
    /// Requests arrive and are done, replies are lost: nobody learns whether the commit was.
    Deaf,
}

/// A loopback port in front of a database server.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    way: watch::Sender<Way>,
    accepted: Arc<AtomicU64>,
    swallowed: Arc<AtomicU64>,
    forgotten: Arc<AtomicU64>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// Stands before the database's server; SQLite has none, so there is nothing to cut.
    pub async fn before(db: &Database) -> Option<Self> {
        let server = db.server_address()?;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound port has an address").to_string();
        let url = db.url().replacen(&server, &address, 1);
        let (way, seen) = watch::channel(Way::Open);
        let accepted = Arc::new(AtomicU64::new(0));
        let swallowed = Arc::new(AtomicU64::new(0));
        let forgotten = Arc::new(AtomicU64::new(0));
        let (count, lost, gone) = (Arc::clone(&accepted), Arc::clone(&swallowed), Arc::clone(&forgotten));
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let fate = Fate { number, forgotten: Arc::clone(&gone), lost: Arc::clone(&lost) };
                tokio::spawn(carry(client, server.clone(), seen.clone(), fate));
            }
        });
        Some(Self { url, way, accepted, swallowed, forgotten, listener })
    }

    /// The database's URL by way of this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many connections were tried so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many pieces of replies were lost so far.
    pub fn swallowed(&self) -> u64 {
        self.swallowed.load(Ordering::Relaxed)
    }

    /// Lets requests through and loses the replies, also of what runs now; [`cut`](Self::cut) the connections afterwards:
    /// a dialogue that misses a reply makes no sense any more.
    pub fn swallow_replies(&self) {
        self.way.send_replace(Way::Deaf);
    }

    /// Carries nothing more on the connections that there are, and tells nobody, as a firewall does that forgets idle ones; new ones work.
    pub fn forget(&self) {
        self.forgotten.store(self.accepted(), Ordering::Relaxed);
    }

    /// Ends all connections and refuses new ones.
    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Lets connections stand and carries nothing.
    pub fn freeze(&self) {
        self.way.send_replace(Way::Frozen);
    }

    /// Lets everything through again; what was frozen goes on, what was cut is gone.
    pub fn restore(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.way.send_replace(Way::Cut);
    }
}

/// What becomes of one connection.
struct Fate {
    number: u64,
    /// The last connection that was forgotten.
    forgotten: Arc<AtomicU64>,
    /// Counts replies that were lost.
    lost: Arc<AtomicU64>,
}

/// One connection, until either side or the proxy ends it.
async fn carry(client: TcpStream, server: String, mut way: watch::Receiver<Way>, fate: Fate) {
    if *way.borrow_and_update() == Way::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    // The small packets of a dialogue must not wait for each other.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let forth = pump(&client, &server, way.clone(), &fate, None);
    let back = pump(&server, &client, way.clone(), &fate, Some(&fate.lost));
    tokio::select! {
        () = forth => {}
        () = back => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

/// Carries one direction; `lost` counts what a way that is deaf swallows of it.
async fn pump(from: &TcpStream, to: &TcpStream, mut way: watch::Receiver<Way>, fate: &Fate, lost: Option<&AtomicU64>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let Ok(length) = read(from, &mut bytes).await else { return };
        if fate.number <= fate.forgotten.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let Ok(now) = way.wait_for(|way| matches!(way, Way::Open | Way::Deaf)).await.map(|way| *way) else { return };
        if let (Way::Deaf, Some(lost)) = (now, lost) {
            lost.fetch_add(1, Ordering::Relaxed);
            if length == 0 {
                return;
            }
            continue;
        }
        if length == 0 || write(to, &bytes[..length]).await.is_err() {
            return;
        }
    }
}

async fn read(from: &TcpStream, bytes: &mut [u8]) -> std::io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
    }
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
            Ok(length) => bytes = &bytes[length..],
        }
    }
    Ok(())
}

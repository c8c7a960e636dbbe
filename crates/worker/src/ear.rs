//! The ear: hears from other processes that a task waits, so that this worker looks for it at once.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mission_core::UniqueId;
use mission_store::Store;
use tokio::net::UdpSocket;

use crate::base::{Base, Phase, pause};
use crate::{limits, log};

/// A socket for hints. A hint that is lost is none: the next look finds the task.
pub(crate) struct Ear {
    socket: UdpSocket,
    address: EarAddress,
}

/// The letters of a secret.
const SECRET_BYTES: usize = 16;

/// Where hints go, as it stands in the list of workers: `ADDRESS/SECRET`. Who cannot read the list cannot rouse a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarAddress {
    pub(crate) at: SocketAddr,
    pub(crate) secret: String,
}

impl EarAddress {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (at, secret) = text.split_once('/')?;
        // As they are made below. Whoever writes to the list may name a place, but not what is sent there.
        let is_secret = secret.len() == SECRET_BYTES && secret.bytes().all(|byte| byte.is_ascii_lowercase());
        is_secret.then_some(Self { at: at.parse().ok()?, secret: secret.to_owned() })
    }

    /// Whether these bytes came from one who has read the list.
    fn is_meant_by(&self, heard: &[u8]) -> bool {
        heard == self.secret.as_bytes()
    }
}

impl std::fmt::Display for EarAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.at, self.secret)
    }
}

impl Ear {
    /// An ear on the address of this host that is turned towards the database: there the other processes are, too.
    pub(crate) async fn open(store: &Store) -> Option<Self> {
        match bind(store.address_towards().await).await {
            Ok(ear) => Some(ear),
            Err(fault) => {
                log::no_ear(&fault);
                None
            }
        }
    }

    /// Where hints go.
    pub(crate) fn address(&self) -> &EarAddress {
        &self.address
    }

    /// Rouses the worker at each hint, until it stops. However many come, it looks no more often than is good.
    pub(crate) async fn listen(self, base: Arc<Base>) {
        base.wake.add_ear(self.address.secret.clone());
        self.rouse(&base).await;
        base.wake.remove_ear(&self.address.secret);
    }

    async fn rouse(&self, base: &Base) {
        let mut phase = base.phase();
        let mut room = [0; limits::HINT_BYTES_MAX];
        loop {
            tokio::select! {
                heard = self.socket.recv_from(&mut room) => match heard {
                    Ok((length, _)) if self.address.is_meant_by(&room[..length]) => base.wake.wake(),
                    // A flood of others costs no more than one of ours: a hint that it drowns is none.
                    Ok(_) => {}
                    Err(fault) => tracing::debug!(%fault, "a hint was not heard"),
                },
                _ = phase.wait_for(|phase| *phase >= Phase::Draining) => return,
            }
            if !pause(limits::HINT_EVERY, &mut phase, Phase::Draining).await {
                return;
            }
        }
    }
}

async fn bind(towards_database: IpAddr) -> io::Result<Ear> {
    let socket = UdpSocket::bind((towards_database, 0)).await?;
    let address = EarAddress { at: socket.local_addr()?, secret: UniqueId::random().as_str().to_owned() };
    Ok(Ear { socket, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_the_secret_and_nothing_else() {
        let ear = EarAddress::parse("10.0.0.7:4711/abcdefghijklmnop").unwrap();
        assert!(ear.is_meant_by(b"abcdefghijklmnop"));
        for other in ["", "abcdefghijklmno", "abcdefghijklmnop ", "Abcdefghijklmnop", "\0"] {
            assert!(!ear.is_meant_by(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn what_is_on_the_list_is_read_again_and_anything_else_is_no_address() {
        for at in ["10.0.0.7:4711", "[::1]:4711"] {
            let address = EarAddress { at: at.parse().unwrap(), secret: "abcdefghijklmnop".to_owned() };
            assert_eq!(EarAddress::parse(&address.to_string()), Some(address));
        }
        for hostile in [
            "",
            "/",
            "10.0.0.7:4711",
            "10.0.0.7:4711/",
            "10.0.0.7:4711/abcdefghijklmno",
            "10.0.0.7:4711/abcdefghijklmnopq",
            "10.0.0.7:4711/GET / HTTP/1.1\r\n",
            "10.0.0.7:4711/abcdefghijklmnoé",
            "host:1/abcdefghijklmnop",
            "10.0.0.7/abcdefghijklmnop",
            "10.0.0.7:70000/abcdefghijklmnop",
        ] {
            assert_eq!(EarAddress::parse(hostile), None, "{hostile:?}");
        }
    }
}

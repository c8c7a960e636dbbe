//! What a process tells the system that started it as a service: ready, alive, stopping (systemd's `Type=notify`).

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::log;

/// The service as which this process was started; silent where it was started otherwise.
pub(crate) struct Service {
    socket: Option<UnixDatagram>,
    watched: Option<Duration>,
}

impl Service {
    /// As the environment says. A socket that cannot be reached is logged: the work goes on without it.
    pub(crate) fn of_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let socket = variable("NOTIFY_SOCKET").and_then(|address| {
            connect(address.as_bytes()).inspect_err(|fault| log::notify_failed("reach", fault)).ok()
        });
        let number = |name: &str| variable(name).and_then(|value| value.to_str()?.parse::<u64>().ok());
        let is_own = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watched = number("WATCHDOG_USEC").filter(|us| is_own && *us > 0).map(Duration::from_micros);
        Self { socket, watched }
    }

    /// Its work has begun.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// It was told to end, and does.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says twice in the time asked for that this runtime has turns to give, for as long as it is polled.
    pub(crate) async fn stay_alive(&self) {
        let Some(watched) = self.watched.filter(|_| self.socket.is_some()) else {
            return std::future::pending().await;
        };
        let mut beat = interval((watched / 2).max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        // The next word may get through; a service manager that hears none does as its unit says.
        let told = self.socket.as_ref().map_or(Ok(0), |socket| socket.send(state.as_bytes()));
        if let Err(fault) = told {
            log::notify_failed(state, &fault);
        }
    }
}

fn connect(address: &[u8]) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // Nothing in this program is to wait for the one who listens.
    socket.set_nonblocking(true)?;
    socket.connect_addr(&parsed(address)?)?;
    Ok(socket)
}

/// A path, or a name without a file, which begins with `@`.
fn parsed(address: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = address.strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut room = [0; 64];
        let length = socket.recv(&mut room).unwrap();
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn it_reaches_sockets_with_a_file_and_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@mission-test-{}", std::process::id());
        for address in [path.as_os_str().as_bytes(), name.as_bytes()] {
            let listener = UnixDatagram::bind_addr(&parsed(address).unwrap()).unwrap();
            let service = Service { socket: Some(connect(address).unwrap()), watched: None };
            service.ready();
            service.stopping();
            assert_eq!((heard(&listener), heard(&listener)), ("READY=1".to_owned(), "STOPPING=1".to_owned()));
        }
        assert!(connect(b"/no/such/socket").is_err());
    }
}

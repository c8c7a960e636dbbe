//! A server of a test's own, which it may kill and start again on the same port and data.

use std::fmt;
use std::path::Path;

use crate::launch::{Plan, Server};
use crate::nest::{Nest, launch};
use crate::{Outcome, mariadb, mysql, postgres};

/// A port can be taken between choosing and using it, so a first start is tried again.
const STARTS_MAX: u32 = 3;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Brand {
    /// MariaDB, from the system's packages.
    Mariadb,
    /// MySQL 9, from its unpacked copy.
    Mysql,
    /// PostgreSQL, from the system's packages.
    Postgres,
}

/// What a server's settings keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing outlives the process: the quickest, for data that is thrown away.
    Fast,
    /// What is committed is on the disk: as in production.
    Durable,
}

/// A running server in a temporary folder of its own, which ends with this value, and with this process.
pub struct PrivateServer {
    brand: Brand,
    server: Server,
    // Behind the server: it is dropped after it.
    nest: Nest,
}

impl Brand {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mariadb, Self::Mysql, Self::Postgres];

    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    /// Makes the data folder and says how to start the server on it.
    ///
    /// # Errors
    /// The programs are not on this machine.
    pub fn plan(self, folder: &Path, durability: Durability) -> Outcome<Plan> {
        match self {
            Self::Mariadb => mariadb::plan(folder, durability),
            Self::Mysql => mysql::plan(folder, durability),
            Self::Postgres => postgres::plan(folder, durability),
        }
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl PrivateServer {
    /// Lays a server out, starts it and waits until it answers: a second or three.
    ///
    /// # Errors
    /// The programs are not on this machine, or the server does not start; the message has its last words.
    pub fn start(brand: Brand, durability: Durability) -> Outcome<Self> {
        Self::start_with(brand, durability, &[])
    }

    /// As [`start`](Self::start), with options of the server's command line behind the fixture's own.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(brand: Brand, durability: Durability, options: &[&str]) -> Outcome<Self> {
        let nest = Nest::make()?;
        let mut tries = 1;
        loop {
            let mut plan = brand.plan(&nest.folder(&format!("{brand}-{tries}"))?, durability)?;
            plan.argv.extend(options.iter().map(|&option| option.to_owned()));
            match launch(move || Server::start(plan)).and_then(Server::ready) {
                Ok(server) => return Ok(Self { brand, server, nest }),
                Err(_) if tries < STARTS_MAX => tries += 1,
                Err(message) => return Err(message),
            }
        }
    }

    /// Whose it is.
    pub const fn brand(&self) -> Brand {
        self.brand
    }

    /// Its administrator's URL; it stays the same over all starts.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The server's process; another one after each start.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The folder that holds its data and its log.
    pub fn folder(&self) -> &Path {
        self.nest.path()
    }

    /// Kills it as `kill -9` does, with all its processes, and waits until they are gone.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed or stopped server again, on the same port and data, and waits until it answers.
    ///
    /// # Errors
    /// It does not start; the message has its last words.
    pub fn start_again(&mut self) -> Outcome<()> {
        self.server.start_again()
    }

    /// Ends it in order, as its administrator would; a server that is down already stays so.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(&mut self) -> Outcome<()> {
        if !self.server.is_running() {
            return Ok(());
        }
        self.server.ask_to_stop()?;
        self.server.wait_stopped()
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

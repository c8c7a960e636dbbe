//! A PostgreSQL primary with one synchronous standby, which takes over when the primary is killed.

use std::process::{Command, Stdio};

use crate::launch::{Server, User, free_port, prepare};
use crate::nest::{Nest, launch};
use crate::postgres::{lay_out, own, program, server, settings};
use crate::{Durability, Outcome};

/// A primary whose commits wait for its standby, in one temporary folder; both end with this value and this process.
pub struct StandbyPair {
    primary: Server,
    standby: Server,
    // Behind the servers: it is dropped after them.
    _nest: Nest,
}

impl StandbyPair {
    /// Starts both and waits until the standby follows: a few seconds.
    ///
    /// # Errors
    /// The programs are not on this machine, or a server does not start; the message has its last words.
    pub fn start() -> Outcome<Self> {
        let nest = Nest::make()?;
        let (first, second) = (nest.folder("primary")?, nest.folder("standby")?);
        let user: Option<User> = own(&first)?;
        own(&second)?;
        lay_out(&first, user)?;
        let port = free_port()?;
        let mut rules = settings(Durability::Durable);
        rules.push("synchronous_standby_names=standby".to_owned());
        let plan = server(&first, user, port, &rules)?;
        let primary = launch(move || Server::start(plan))?.ready()?;

        let copy =
            ["--host=127.0.0.1", &format!("--port={port}"), "--username=mission", "--checkpoint=fast", "--no-sync"];
        let mut argv = vec![program("pg_basebackup")?];
        argv.extend(copy.map(str::to_owned));
        argv.extend(["--write-recovery-conf".to_owned(), format!("--pgdata={}/data", second.display())]);
        prepare(&argv, user, &second)?;
        let mut rules = settings(Durability::Durable);
        // The name by which the primary waits for it.
        rules.push("cluster_name=standby".to_owned());
        let plan = server(&second, user, free_port()?, &rules)?;
        let standby = launch(move || Server::start(plan))?.ready()?;
        let pair = Self { primary, standby, _nest: nest };
        pair.wait_for("select sync_state from pg_stat_replication", pair.primary.url(), "sync")?;
        Ok(pair)
    }

    /// The primary's URL for its administrator.
    pub fn primary_url(&self) -> &str {
        self.primary.url()
    }

    /// The standby's, which is read-only until it takes over.
    pub fn standby_url(&self) -> &str {
        self.standby.url()
    }

    /// Kills the primary as `kill -9` does, and makes the standby the primary.
    ///
    /// # Errors
    /// It does not take over.
    pub fn fail_over(&mut self) -> Outcome<()> {
        self.primary.kill();
        psql(self.standby.url(), "select pg_promote()")?;
        self.wait_for("select not pg_is_in_recovery()", self.standby.url(), "t")
    }

    /// Makes the primary read-only, which keeps its connections, and the standby the primary.
    ///
    /// # Errors
    /// It does not take over.
    pub fn hand_over(&self) -> Outcome<()> {
        psql(self.primary.url(), "alter system set default_transaction_read_only = on")?;
        psql(self.primary.url(), "select pg_reload_conf()")?;
        self.wait_for("show default_transaction_read_only", self.primary.url(), "on")?;
        psql(self.standby.url(), "select pg_promote()")?;
        self.wait_for("select not pg_is_in_recovery()", self.standby.url(), "t")
    }

    fn wait_for(&self, question: &str, url: &str, answer: &str) -> Outcome<()> {
        let mut last = String::new();
        for _ in 0..600 {
            last = psql(url, question)?;
            if last.trim() == answer {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err(format!("{question} answers {last:?} for half a minute, not {answer}"))
    }
}

impl Drop for StandbyPair {
    fn drop(&mut self) {
        for server in [&mut self.standby, &mut self.primary] {
            let _ = server.ask_to_stop().and_then(|()| server.wait_stopped());
        }
    }
}

fn psql(url: &str, statement: &str) -> Outcome<String> {
    let output = Command::new(program("psql")?)
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--command", statement, url])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run psql: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

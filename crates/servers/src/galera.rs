//! A MariaDB Galera cluster of three nodes on loopback, whose nodes can be killed, isolated and brought back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::launch::{Plan, Server, User, free_port, give, prepare, with_user, words_of};
use crate::mariadb::{FIRST_STATEMENTS, lay_out, shared_options};
use crate::nest::{Nest, launch};
use crate::process::signal;
use crate::programs::find_program;
use crate::{Durability, Outcome};

const NODES: usize = 3;
const PROVIDERS: [&str; 2] = ["/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"];

/// What a single server may have and a node must not.
const NOT_SHARED: [&str; 3] = ["--skip-log-bin", "--user=root", "--init-file"];
const INIT: &str = "init.sql";

/// How a node begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It makes the data that all begin with.
    Seed,
    /// It is the cluster, and others join it.
    First,
    Joiner,
}

/// One node: its place, and its server if it was ever started.
struct Node {
    folder: PathBuf,
    sql_port: u16,
    group_port: u16,
    ist_port: u16,
    sst_port: u16,
    server: Option<Server>,
}

/// Three running nodes in one temporary folder, which end with this value, and with this process.
pub struct GaleraCluster {
    nodes: Vec<Node>,
    program: String,
    provider: &'static str,
    user: Option<User>,
    durability: Durability,
    // Behind the nodes: it is dropped after them.
    _nest: Nest,
}

/// What this machine lacks for a Galera cluster, as a package to install.
pub fn missing_for_galera() -> Option<&'static str> {
    if provider().is_none() {
        return Some("galera-4");
    }
    // The script that carries a node's state over asks for both.
    if find_program("rsync").is_none() {
        return Some("rsync");
    }
    find_program("wsrep_sst_rsync").is_none().then_some("mariadb-server")
}

fn provider() -> Option<&'static str> {
    PROVIDERS.into_iter().find(|path| Path::new(path).exists())
}

impl GaleraCluster {
    /// Lays three nodes out, starts them and waits until all are in step: ten to twenty seconds.
    ///
    /// # Errors
    /// The programs are not on this machine, or a node does not start; the message has its last words.
    pub fn start(durability: Durability) -> Outcome<Self> {
        if let Some(package) = missing_for_galera() {
            return Err(format!("no Galera on this machine: install {package}"));
        }
        let nest = Nest::make()?;
        // The scripts of a state transfer do not run as root.
        let user = User::unprivileged()?;
        let mut nodes = Vec::new();
        for number in 1..=NODES {
            let folder = nest.folder(&format!("node-{number}"))?;
            give(&folder, user)?;
            let ports = [free_port()?, free_port()?, free_port()?, free_port()?];
            let [sql_port, group_port, ist_port, sst_port] = ports;
            nodes.push(Node { folder, sql_port, group_port, ist_port, sst_port, server: None });
        }
        let program = lay_out(&nodes[0].folder, user)?;
        let provider = provider().ok_or("no Galera on this machine: install galera-4")?;
        let mut cluster = Self { nodes, program, provider, user, durability, _nest: nest };
        cluster.seed()?;
        cluster.begin(0, Role::First)?;
        cluster.wait_in_step(0)?;
        cluster.join_all()?;
        Ok(cluster)
    }

    /// How many nodes there are.
    pub const fn size(&self) -> usize {
        NODES
    }

    /// A node's URL for its administrator.
    pub fn url(&self, node: usize) -> String {
        format!("mysql://mission@127.0.0.1:{}/", self.nodes[node].sql_port)
    }

    /// Runs a statement on a node with the system's client.
    ///
    /// # Errors
    /// What the client complained of.
    pub fn sql(&self, node: usize, statement: &str) -> Outcome<String> {
        sql(self.nodes[node].sql_port, statement)
    }

    /// Kills a node as `kill -9` does.
    pub fn kill(&mut self, node: usize) {
        if let Some(server) = &mut self.nodes[node].server {
            server.kill();
        }
    }

    /// Starts a killed node again and waits until it is in step with the others.
    ///
    /// # Errors
    /// It does not come back; the message has its last words.
    pub fn start_again(&mut self, node: usize) -> Outcome<()> {
        self.begin(node, Role::Joiner)?;
        self.wait_in_step(node)
    }

    /// Cuts a node off from the others; clients still reach it.
    ///
    /// # Errors
    /// It does not answer.
    pub fn isolate(&self, node: usize) -> Outcome<()> {
        self.sql(node, "set global wsrep_provider_options = 'gmcast.isolate=1'").map(|_| ())
    }

    /// Joins a node that was cut off to the others, and waits until it is in step.
    ///
    /// # Errors
    /// It does not come back; the message has its last words.
    pub fn rejoin(&mut self, node: usize) -> Outcome<()> {
        self.sql(node, "set global wsrep_provider_options = 'gmcast.isolate=0'")?;
        self.wait_in_step(node)
    }

    /// After all nodes were killed: finds the one with the latest state, makes it the cluster, and lets the others join,
    /// as the database's manual tells its administrator.
    ///
    /// # Errors
    /// A node does not come back; the message has its last words.
    pub fn bootstrap(&mut self) -> Outcome<()> {
        let states: Vec<i64> = (0..NODES).map(|node| self.recovered(node)).collect::<Outcome<_>>()?;
        let first = (0..NODES).max_by_key(|node| states[*node]).unwrap_or(0);
        let data = self.nodes[first].folder.join("data");
        let state = data.join("grastate.dat");
        let words = fs::read_to_string(&state).map_err(|error| format!("cannot read {}: {error}", state.display()))?;
        fs::write(&state, words.replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
            .map_err(|error| format!("cannot write {}: {error}", state.display()))?;
        for node in &self.nodes {
            // The members of the cluster that is no more.
            let _ = fs::remove_file(node.folder.join("data/gvwstate.dat"));
        }
        self.begin(first, Role::First)?;
        self.wait_in_step(first)?;
        self.join_all()
    }

    /// Makes the first node's data the data of all: joining then takes seconds.
    fn seed(&mut self) -> Outcome<()> {
        let init = self.nodes[0].folder.join(INIT);
        fs::write(&init, FIRST_STATEMENTS).map_err(|error| format!("cannot write {}: {error}", init.display()))?;
        self.begin(0, Role::Seed)?;
        self.wait_in_step(0)?;
        if let Some(server) = &mut self.nodes[0].server {
            signal(server.pid(), "TERM");
            server.wait_stopped()?;
        }
        let source = self.nodes[0].folder.join("data").display().to_string();
        for node in &self.nodes[1..] {
            let target = node.folder.join("data");
            let copy = ["cp", "-r", &source, &target.display().to_string()].map(str::to_owned);
            prepare(&copy, self.user, &node.folder)?;
            fs::remove_file(target.join("galera.cache"))
                .map_err(|error| format!("cannot make {}: {error}", target.display()))?;
        }
        Ok(())
    }

    /// Starts every node that does not run, side by side, and waits for all.
    fn join_all(&mut self) -> Outcome<()> {
        let is_down = |node: &mut Node| !node.server.as_mut().is_some_and(Server::is_running);
        let down: Vec<usize> = (0..NODES).filter(|node| is_down(&mut self.nodes[*node])).collect();
        down.iter().try_for_each(|node| self.begin(*node, Role::Joiner))?;
        down.iter().try_for_each(|node| self.wait_in_step(*node))
    }

    fn begin(&mut self, node: usize, role: Role) -> Outcome<()> {
        let plan = self.plan(node, role);
        self.nodes[node].server = Some(launch(move || Server::start(plan))?);
        Ok(())
    }

    fn wait_in_step(&mut self, node: usize) -> Outcome<()> {
        self.nodes[node].server.as_mut().ok_or("the node was never started")?.wait_ready()
    }

    fn plan(&self, number: usize, role: Role) -> Plan {
        let node = &self.nodes[number];
        let port = node.sql_port;
        let mut argv = self.arguments(number);
        if role != Role::Joiner {
            argv.push("--wsrep-new-cluster".to_owned());
        }
        if role == Role::Seed {
            argv.push(format!("--init-file={}", node.folder.join(INIT).display()));
        }
        let in_step = "show status like 'wsrep_local_state_comment'";
        Plan {
            name: "galera",
            folder: node.folder.clone(),
            argv,
            user: self.user,
            url: self.url(number),
            // Nobody mourns the data: an orderly leave would only take time.
            stop_signal: "KILL",
            ready: Box::new(move || sql(port, in_step).is_ok_and(|answer| answer.contains("Synced"))),
        }
    }

    fn arguments(&self, number: usize) -> Vec<String> {
        let node = &self.nodes[number];
        let members: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.group_port)).collect();
        let mut argv = vec![self.program.clone(), "--no-defaults".to_owned(), "--innodb-log-file-size=32M".to_owned()];
        let shared = shared_options(&node.folder, node.sql_port, self.durability);
        let is_own = |option: &String| !NOT_SHARED.iter().any(|other| option.starts_with(other));
        argv.extend(shared.into_iter().filter(is_own));
        if self.durability == Durability::Fast {
            argv.push("--debug-no-sync".to_owned());
        }
        argv.extend(
            ["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON", "--wsrep-sst-method=rsync"]
                .map(str::to_owned),
        );
        argv.extend([
            format!("--wsrep-provider={}", self.provider),
            format!("--wsrep-cluster-name=mission-{}", self.nodes[0].group_port),
            format!("--wsrep-cluster-address=gcomm://{}", members.join(",")),
            format!("--wsrep-node-name=node-{}", number + 1),
            format!("--wsrep-node-address=127.0.0.1:{}", node.group_port),
            format!("--wsrep-sst-receive-address=127.0.0.1:{}", node.sst_port),
            format!(
                "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{};ist.recv_addr=127.0.0.1:{};gcache.size=32M",
                node.group_port, node.ist_port
            ),
        ]);
        argv
    }

    /// The number of the last write that a killed node kept. The server that is to tell it hangs now and then, mostly after it has told.
    fn recovered(&self, node: usize) -> Outcome<i64> {
        let mut argv = self.arguments(node);
        argv.push("--wsrep-recover".to_owned());
        let bounded =
            [&["timeout", "--signal=KILL", "20"].map(str::to_owned)[..], &with_user(&argv, self.user, Some("KILL"))];
        let bounded = bounded.concat();
        // What it said stands in the error, too.
        let ask = || words_of(&bounded, None, &self.nodes[node].folder).unwrap_or_else(|fault| fault);
        position_in(&ask())
            .or_else(|_| position_in(&ask()))
            .map_err(|words| format!("node {node}: no position in {words}"))
    }
}

/// The number of the position that a recovering server tells, or else its words.
fn position_in(words: &str) -> Result<i64, String> {
    let position = words.lines().find_map(|line| line.split_once("Recovered position: ").map(|(_, after)| after));
    position
        .and_then(|position| position.trim().rsplit(':').next()?.split(',').next()?.parse().ok())
        .ok_or_else(|| words.to_owned())
}

impl Drop for GaleraCluster {
    fn drop(&mut self) {
        (0..NODES).for_each(|node| self.kill(node));
    }
}

fn sql(port: u16, statement: &str) -> Outcome<String> {
    let client = find_program("mariadb").ok_or("no client: install mariadb-client-core")?;
    let output = Command::new(client)
        .args(["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=2", "--host=127.0.0.1"])
        .args([&format!("--port={port}"), "--user=mission", "--execute", statement])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run mariadb: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

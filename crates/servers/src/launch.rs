//! How a server process is started and stopped: own session, no inherited files, ends with whoever started it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::nest;
use crate::process::{is_running, signal, tree};

/// Closes every inherited file above stderr, then runs its arguments in a session of their own.
const DETACH: &str = r#"for file in /proc/$$/fd/*; do
  number=${file##*/}
  if ((number > 2 && number != 255)); then eval "exec $number>&-"; fi
done
exec setsid "$@""#;

const START_MAX: Duration = Duration::from_secs(90);
const STOP_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Below the ports that the system gives to clients: a server that is down a moment finds its own still free.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const PORT_TRIES: usize = 50;

/// A command that runs `program` in its own session without this process's files.
pub fn detached(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", DETACH, "detached"]).arg(program);
    command
}

/// A server that is laid out, ready to be started.
pub struct Plan {
    /// What messages call it.
    pub name: &'static str,
    /// Its folder; the log is `log` in it.
    pub folder: PathBuf,
    /// Its command line.
    pub argv: Vec<String>,
    /// Who runs it, if not this process's user.
    pub user: Option<User>,
    /// Its administrator's URL.
    pub url: String,
    /// The signal that ends it in order.
    pub stop_signal: &'static str,
    /// Whether it answers.
    pub ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A running server, or one that was killed.
pub struct Server {
    plan: Arc<Plan>,
    child: Child,
}

/// A system user for servers that refuse to run as root.
#[derive(Clone, Copy)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
}

impl User {
    /// The user to run PostgreSQL as, if this process is root.
    ///
    /// # Errors
    /// There is none on this machine.
    pub fn unprivileged() -> Outcome<Option<Self>> {
        if !is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("cannot read /etc/passwd: {error}"))?;
        ["postgres", "mysql", "nobody"]
            .iter()
            .find_map(|name| Self::find(&users, name))
            .map(Some)
            .ok_or_else(|| "no unprivileged user found: add one named postgres".to_owned())
    }

    fn find(users: &str, name: &str) -> Option<Self> {
        let fields: Vec<&str> =
            users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
        Some(Self { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// A loopback port that was free a moment ago.
///
/// # Errors
/// None of many was free.
pub fn free_port() -> Outcome<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(random_port)
        .take(PORT_TRIES)
        .find(is_free)
        .ok_or_else(|| format!("no free port on loopback among {PORT_TRIES} between {PORTS:?}"))
}

/// Random, so that fixtures that start side by side do not want the same one.
fn random_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let width = u64::from(PORTS.end - PORTS.start);
    let offset = RandomState::new().hash_one(std::process::id()) % width;
    PORTS.start + u16::try_from(offset).unwrap_or(0)
}

/// Runs a short program as `user` and answers its complaint if it fails.
///
/// # Errors
/// That complaint.
pub fn prepare(argv: &[String], user: Option<User>, folder: &Path) -> Outcome<()> {
    words_of(argv, user, folder).map(|_| ())
}

/// As [`prepare`]; answers all that the program said.
pub(crate) fn words_of(argv: &[String], user: Option<User>, folder: &Path) -> Outcome<String> {
    let argv = with_user(argv, user, None);
    let output = Command::new(&argv[0])
        .args(&argv[1..])
        .current_dir(folder)
        // This process's own may be closed to that user.
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", argv[0]))?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("{} failed: {}", argv.join(" "), last_lines(&said))) }
}

/// Gives a folder to the user that a server runs as.
pub(crate) fn give(path: &Path, user: Option<User>) -> Outcome<()> {
    let Some(user) = user else { return Ok(()) };
    chown(path, Some(user.uid), Some(user.gid)).map_err(|error| format!("cannot give {} away: {error}", path.display()))
}

/// `setpriv` becomes the server, so the process id stays; the death signal follows a guard that was killed.
pub(crate) fn with_user(argv: &[String], user: Option<User>, death_signal: Option<&str>) -> Vec<String> {
    let mut before = vec!["setpriv".to_owned()];
    if let Some(user) = user {
        before.push(format!("--reuid={}", user.uid));
        before.push(format!("--regid={}", user.gid));
        before.push("--clear-groups".to_owned());
    }
    if let Some(signal) = death_signal {
        before.push(format!("--pdeathsig={signal}"));
    }
    if before.len() == 1 {
        return argv.to_vec();
    }
    before.extend_from_slice(argv);
    before
}

/// Starts the process of a plan.
fn spawn(plan: &Plan) -> Outcome<Child> {
    let log = plan.folder.join("log");
    let open = || File::options().create(true).append(true).open(&log);
    let (out, err) =
        open().and_then(|out| Ok((out, open()?))).map_err(|error| format!("cannot open {}: {error}", log.display()))?;
    let argv = with_user(&plan.argv, plan.user, Some(plan.stop_signal));
    detached(&argv[0])
        .args(&argv[1..])
        .current_dir(&plan.folder)
        .env("TMPDIR", &plan.folder)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", plan.name))
}

impl Server {
    /// Must be called from a thread that lives as long as the server: the death signal is bound to the one that forks.
    ///
    /// # Errors
    /// The process cannot be made.
    pub fn start(plan: Plan) -> Outcome<Self> {
        let child = spawn(&plan)?;
        Ok(Self { plan: Arc::new(plan), child })
    }

    /// The administrator's URL.
    pub fn url(&self) -> &str {
        &self.plan.url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it with all its processes and waits until they are gone: a new one could not take their place before.
    pub fn kill(&mut self) {
        if !self.is_running() {
            return;
        }
        let pids = tree(self.child.id());
        pids.iter().for_each(|pid| signal(*pid, "KILL"));
        let _ = self.child.wait();
        while pids.iter().any(|pid| is_running(*pid)) {
            std::thread::sleep(POLL);
        }
    }

    /// Starts it again on the same port and data, on a thread that lives as long as this process.
    ///
    /// # Errors
    /// It does not start; the message has its last words.
    pub fn start_again(&mut self) -> Outcome<()> {
        self.begin_again()?;
        self.wait_ready()
    }

    /// As [`start_again`](Self::start_again), without waiting for it.
    ///
    /// # Errors
    /// The process cannot be made.
    pub fn begin_again(&mut self) -> Outcome<()> {
        let plan = Arc::clone(&self.plan);
        self.child = nest::launch(move || spawn(&plan))?;
        Ok(())
    }

    /// Waits until it answers, or ends it.
    ///
    /// # Errors
    /// It does not answer; the message has its last words.
    pub fn ready(mut self) -> Outcome<Self> {
        let ready = self.wait_ready();
        if ready.is_err() {
            let _ = self.ask_to_stop().and_then(|()| self.wait_stopped());
        }
        ready.map(|()| self)
    }

    /// Waits until the server answers; its log tells why it does not.
    ///
    /// # Errors
    /// It ended, or does not answer in time.
    pub fn wait_ready(&mut self) -> Outcome<()> {
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{} ended while starting ({status}): {}", self.plan.name, self.log_tail()));
            }
            if (self.plan.ready)() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        Err(format!("{} is not ready after {} s: {}", self.plan.name, START_MAX.as_secs(), self.log_tail()))
    }

    /// Asks the server to end; says so if it was already gone.
    ///
    /// # Errors
    /// It had ended by itself.
    pub fn ask_to_stop(&mut self) -> Outcome<()> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(format!("{} had ended by itself ({status}): {}", self.plan.name, self.log_tail()));
        }
        signal(self.child.id(), self.plan.stop_signal);
        Ok(())
    }

    /// Waits for a server that was asked to end, then makes it.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn wait_stopped(&mut self) -> Outcome<()> {
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        Err(format!("{} did not stop within {} s and was killed", self.plan.name, STOP_MAX.as_secs()))
    }

    fn log_tail(&self) -> String {
        last_lines(&fs::read_to_string(self.plan.folder.join("log")).unwrap_or_default())
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

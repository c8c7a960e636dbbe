//! How a server process is started and stopped: own session, no inherited files, ends with its guard.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::process::signal;

/// Closes every inherited file above stderr, then runs its arguments in a session of their own.
const DETACH: &str = r#"for file in /proc/$$/fd/*; do
  number=${file##*/}
  if ((number > 2 && number != 255)); then eval "exec $number>&-"; fi
done
exec setsid "$@""#;

const START_MAX: Duration = Duration::from_secs(90);
const STOP_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// A command that runs `program` in its own session without this process's files.
pub(crate) fn detached(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", DETACH, "detached"]).arg(program);
    command
}

/// One server of the fleet, ready to be started.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) folder: PathBuf,
    pub(crate) argv: Vec<String>,
    pub(crate) user: Option<User>,
    pub(crate) url: String,
    pub(crate) stop_signal: &'static str,
    pub(crate) ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A running server; the guard owns it.
pub(crate) struct Server {
    plan: Plan,
    child: Child,
}

/// A system user for servers that refuse to run as root.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// The user to run PostgreSQL as, if this process is root.
    pub(crate) fn unprivileged() -> Outcome<Option<Self>> {
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

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> Outcome<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port on loopback: {error}"))
}

/// Runs a short program as `user` and answers its complaint if it fails.
pub(crate) fn prepare(argv: &[String], user: Option<User>, folder: &Path) -> Outcome<()> {
    let argv = with_user(argv, user, None);
    let output = Command::new(&argv[0])
        .args(&argv[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", argv[0]))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{} failed: {}", argv.join(" "), last_lines(&String::from_utf8_lossy(&said))))
}

/// `setpriv` becomes the server, so the process id stays; the death signal follows a guard that was killed.
fn with_user(argv: &[String], user: Option<User>, death_signal: Option<&str>) -> Vec<String> {
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

impl Server {
    /// Must be called from the guard's main thread: the death signal is bound to the thread that forks.
    pub(crate) fn start(plan: Plan) -> Outcome<Self> {
        let log = plan.folder.join("log");
        let open = || File::options().create(true).append(true).open(&log);
        let (out, err) = open()
            .and_then(|out| Ok((out, open()?)))
            .map_err(|error| format!("cannot open {}: {error}", log.display()))?;
        let argv = with_user(&plan.argv, plan.user, Some(plan.stop_signal));
        let child = detached(&argv[0])
            .args(&argv[1..])
            .current_dir(&plan.folder)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", plan.name))?;
        Ok(Self { plan, child })
    }

    pub(crate) fn url(&self) -> &str {
        &self.plan.url
    }

    /// Waits until the server answers; its log tells why it does not.
    pub(crate) fn wait_ready(&mut self) -> Outcome<()> {
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
    pub(crate) fn ask_to_stop(&mut self) -> Outcome<()> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(format!("{} had ended by itself ({status}): {}", self.plan.name, self.log_tail()));
        }
        signal(self.child.id(), self.plan.stop_signal);
        Ok(())
    }

    /// Waits for a server that was asked to end, then makes it.
    pub(crate) fn wait_stopped(&mut self) -> Outcome<()> {
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

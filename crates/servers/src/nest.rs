//! Where a test's own servers live: a folder that goes with the process, and the thread that starts them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use crate::Outcome;
use crate::launch::detached;

/// Waits until its owner is gone, then removes the folder; a server may still be writing its last there.
const SWEEP: &str = r#"while read -r _; do :; done
for try in {1..50}; do
  rm -rf -- "$0" 2>/dev/null && exit
  sleep 0.2
done"#;

/// A temporary folder, removed when dropped, and also when the process is killed.
pub(crate) struct Nest {
    path: PathBuf,
    sweeper: Child,
}

impl Nest {
    pub(crate) fn make() -> Outcome<Self> {
        let output = Command::new("mktemp")
            .args(["--directory", "--tmpdir", "mission-server-XXXXXXXX"])
            .output()
            .map_err(|error| format!("cannot run mktemp: {error}"))?;
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !output.status.success() || !path.is_dir() {
            return Err("mktemp made no folder".to_owned());
        }
        // Servers that run as another user must reach their own folders below.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("cannot open {} to other users: {error}", path.display()))?;
        let sweeper = detached("bash")
            .args(["-c", SWEEP])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run bash: {error}"))?;
        Ok(Self { path, sweeper })
    }

    /// A new, empty folder in it.
    pub(crate) fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.path.join(name);
        fs::create_dir(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // The end of its input is what the sweeper waits for.
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A server's death signal is bound to the thread that started it: this one lives as long as the process.
static LAUNCHER: LazyLock<Sender<Job>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    let run = move || jobs.into_iter().for_each(|job| job());
    // Without the thread the sender's other end is gone, and each launch says so.
    let _ = std::thread::Builder::new().name("server-launcher".to_owned()).spawn(run);
    sender
});

/// Runs `start` on the thread that ends with the process.
pub(crate) fn launch<T: Send + 'static>(start: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    let (sender, answer) = channel();
    let job = Box::new(move || {
        let _ = sender.send(start());
    });
    let gone = |_| "the thread that starts servers is gone".to_owned();
    LAUNCHER.send(job).map_err(|error| gone(error.to_string()))?;
    answer.recv().map_err(|error| gone(error.to_string()))?
}

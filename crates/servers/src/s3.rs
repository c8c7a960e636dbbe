//! A private S3 server on a folder: s3s-fs, fetched once by the test command, stopped and started again by a test.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::programs::find_program;

/// Names the program to the tests; set by the test command.
pub const PROGRAM_VARIABLE: &str = "MISSION_TEST_S3";
/// The keys that open it.
pub const ACCESS_KEY: &str = "test-key";
/// The secret that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "test-secret";
/// The one bucket in it.
pub const BUCKET: &str = "files";

const PROGRAM: &str = "s3s-fs";
/// The version the tests were written on.
const VERSION: &str = "0.14.1";
const START_MAX: Duration = Duration::from_secs(30);

/// The server; it goes with the value.
pub struct S3Server {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl S3Server {
    /// Starts one that keeps its objects in this folder; `None`, said aloud, where the test command has found no program.
    ///
    /// # Panics
    /// The program does not start.
    pub fn start(folder: &Path) -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM_VARIABLE).map(PathBuf::from) else {
            println!("NOT TESTED: {PROGRAM_VARIABLE} names no program of an S3 server; `cargo xtask test` fetches one");
            return None;
        };
        let made =
            std::fs::create_dir_all(folder.join(BUCKET)).and_then(|()| TcpListener::bind("127.0.0.1:0")?.local_addr());
        let port = made.unwrap_or_else(|fault| panic!("no room for an S3 server: {fault}")).port();
        let mut server = Self { program, folder: folder.to_owned(), port, process: None };
        server.start_again();
        Some(server)
    }

    /// Starts it where it was stopped, on the same port.
    ///
    /// # Panics
    /// It does not answer.
    pub fn start_again(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]).arg(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started =
            command.spawn().unwrap_or_else(|fault| panic!("{} does not start: {fault}", self.program.display()));
        self.process = Some(started);
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the S3 server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it; its objects stay.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The address of a prefix in the bucket.
    pub fn address(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}?endpoint=http://127.0.0.1:{}", self.port)
    }

    /// Where the objects of a prefix lie as files.
    pub fn objects(&self, prefix: &str) -> PathBuf {
        self.folder.join(BUCKET).join(prefix)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The program of the server: on the path, or in this folder, or built into it once.
pub fn ensure_program(tools: &Path) -> Outcome<PathBuf> {
    if let Some(found) = find_program(PROGRAM) {
        return Ok(found);
    }
    let program = tools.join("bin").join(PROGRAM);
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("building {PROGRAM} for the tests of buckets, once ...");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "install",
            PROGRAM,
            "--version",
            VERSION,
            "--features",
            "binary",
            "--locked",
            "--debug",
            "--quiet",
            "--root",
        ])
        .arg(tools)
        .stdin(Stdio::null())
        .status()
        .map_err(|fault| format!("cannot run cargo: {fault}"))?;
    if status.success() { Ok(program) } else { Err(format!("{PROGRAM} {VERSION} cannot be built")) }
}

//! Fetches MySQL 9 from the unstable suite of the machine's own package sources and unpacks it beside
//! the system: nothing is installed, and the copy is kept for the next run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;

const SUITE: &str = "sid";
const PACKAGES: [&str; 2] = ["mysql-server-core", "mysql-client-core"];

/// An unpacked copy: programs, libraries and the loader that joins them.
pub struct Unpacked {
    /// Its top folder.
    pub root: PathBuf,
    libraries: PathBuf,
    loader: PathBuf,
}

impl Unpacked {
    /// The cached copy, if there is one.
    ///
    /// # Errors
    /// It is broken.
    pub fn in_cache() -> Outcome<Option<Self>> {
        Self::at(&cache_folder()?.join("mysql"))
    }

    /// Answers the cached copy, or fetches it.
    ///
    /// # Errors
    /// It cannot be fetched.
    pub fn ensure() -> Outcome<Self> {
        if let Some(there) = Self::in_cache()? {
            return Ok(there);
        }
        let cache = cache_folder()?;
        let scratch = cache.join(format!("fetch-{}", std::process::id()));
        let outcome = fetch(&scratch).and_then(|root| {
            // Another run may have been quicker; both copies are alike.
            let _ = fs::rename(root, cache.join("mysql"));
            Self::in_cache()?.ok_or_else(|| "the packages hold no mysqld".to_owned())
        });
        let _ = fs::remove_dir_all(&scratch);
        outcome
    }

    fn at(root: &Path) -> Outcome<Option<Self>> {
        if !root.join("usr/sbin/mysqld").exists() {
            return Ok(None);
        }
        let below = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        let found = below(&root.join("usr/lib")).into_iter().filter(|path| path.is_dir()).find_map(|libraries| {
            let loader = below(&libraries).into_iter().find(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                name.starts_with("ld-linux") && libraries.join("libc.so.6").exists()
            })?;
            Some((libraries, loader))
        });
        let (libraries, loader) = found.ok_or_else(|| format!("no loader below {}", root.display()))?;
        Ok(Some(Self { root: root.to_owned(), libraries, loader }))
    }

    /// The command line that runs one of the copy's programs.
    pub fn run(&self, program: &str) -> Vec<String> {
        let libraries = self.libraries.display();
        vec![
            self.loader.display().to_string(),
            "--library-path".to_owned(),
            format!("{libraries}:{libraries}/private"),
            self.root.join(program).display().to_string(),
        ]
    }
}

fn cache_folder() -> Outcome<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let folder = base.join("mission-test");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// Downloads with a private package state (so the system's is untouched) and unpacks.
fn fetch(scratch: &Path) -> Outcome<PathBuf> {
    eprintln!("fetching MySQL 9 (about 66 MB, once) ...");
    let make =
        |path: PathBuf| fs::create_dir_all(&path).map_err(|error| format!("cannot make {}: {error}", path.display()));
    make(scratch.join("state/lists/partial"))?;
    make(scratch.join("cache/archives/partial"))?;
    make(scratch.join("root"))?;
    let write = |name: &str, text: &str| {
        fs::write(scratch.join(name), text)
            .map_err(|error| format!("cannot write {name} in {}: {error}", scratch.display()))
    };
    // An empty status file: nothing counts as installed, so every library is fetched.
    write("status", "")?;
    write("suite.sources", &source_of_suite()?)?;
    apt(scratch, &["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends", "--download-only"];
    install.extend(PACKAGES);
    apt(scratch, &install)?;
    let archives = fs::read_dir(scratch.join("cache/archives")).map_err(|error| format!("no archives: {error}"))?;
    for archive in archives.flatten().map(|entry| entry.path()) {
        let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let needed = name.ends_with(".deb") && !name.starts_with("perl") && !name.starts_with("libperl");
        if needed {
            run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(scratch.join("root")))?;
        }
    }
    Ok(scratch.join("root"))
}

fn apt(scratch: &Path, arguments: &[&str]) -> Outcome<()> {
    let mut command = Command::new("apt-get");
    for (option, file) in [
        ("Dir::State", "state"),
        ("Dir::State::status", "status"),
        ("Dir::Cache", "cache"),
        ("Dir::Etc::sourcelist", "suite.sources"),
    ] {
        command.arg("-o").arg(format!("{option}={}", scratch.join(file).display()));
    }
    for option in [
        "Dir::Etc::sourceparts=-",
        "Acquire::Check-Valid-Until=false",
        "Acquire::Languages=none",
        "Acquire::Retries=2",
        "APT::Sandbox::User=",
        "APT::Update::Post-Invoke=",
    ] {
        command.arg("-o").arg(option);
    }
    run(command.args(arguments))
}

fn run(command: &mut Command) -> Outcome<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed: {}", said.lines().last().unwrap_or("no reason given")))
}

/// The machine's own Debian source with its suite exchanged; the place and the key stay what they are.
fn source_of_suite() -> Outcome<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let mut parts: Vec<PathBuf> =
        fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    parts.sort();
    files.extend(parts);
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .find_map(|text| suite_source(&text))
        .ok_or_else(|| "no Debian package source is configured on this machine".to_owned())
}

/// Finds a source that serves whole Debian suites, in either of apt's two formats.
fn suite_source(text: &str) -> Option<String> {
    let field =
        |block: &str, name: &str| block.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    let build = |uri: &str, key: Option<String>| {
        let key = key.map_or(String::new(), |key| format!("Signed-By: {key}\n"));
        format!("Types: deb\nURIs: {uri}\nSuites: {SUITE}\nComponents: main\n{key}")
    };
    let serves_debian = |uri: &str| uri.trim_end_matches('/').ends_with("/debian");
    for block in text.split("\n\n") {
        let uris = field(block, "URIs:").unwrap_or_default();
        if let Some(uri) = uris.split_whitespace().find(|uri| serves_debian(uri)) {
            return Some(build(uri, field(block, "Signed-By:")));
        }
    }
    for line in text.lines().filter(|line| line.trim_start().starts_with("deb ")) {
        let uri = line.split_whitespace().find(|word| word.contains("://"));
        if let Some(uri) = uri.filter(|uri| serves_debian(uri)) {
            let key = line.split(['[', ']', ' ']).find_map(|word| word.strip_prefix("signed-by="));
            return Some(build(uri, key.map(str::to_owned)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::suite_source;

    #[test]
    fn the_suite_is_exchanged_in_a_block_source() {
        let text =
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: stable\nComponents: main\nSigned-By: /k.gpg\n";
        let expected =
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\nSigned-By: /k.gpg\n";
        assert_eq!(suite_source(text).as_deref(), Some(expected));
    }

    #[test]
    fn the_suite_is_exchanged_in_a_line_source() {
        let text = "# a comment\ndeb [signed-by=/k.gpg] http://mirror.example/debian/ stable main\n";
        let expected =
            "Types: deb\nURIs: http://mirror.example/debian/\nSuites: sid\nComponents: main\nSigned-By: /k.gpg\n";
        assert_eq!(suite_source(text).as_deref(), Some(expected));
    }

    #[test]
    fn other_peoples_sources_are_left_alone() {
        assert_eq!(suite_source("deb https://vendor.example/apt stable main\n"), None);
        assert_eq!(suite_source("Types: deb\nURIs: http://mirror.example/debian-security\n"), None);
    }
}

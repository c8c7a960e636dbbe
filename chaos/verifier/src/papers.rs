//! The papers of a run: append-only files, a line per event, written with one `write` each so that a kill tears none apart.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Outcome;

/// Microseconds since the epoch by the host's clock, which all processes of a run share.
pub fn now_us() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The folder that holds a run's papers.
#[derive(Debug, Clone)]
pub struct Papers {
    folder: PathBuf,
}

/// What a producer meant to push: noted before the push, accepted once the push returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The number of the order; it stands in the task's params as `n`.
    pub number: i64,
    /// The id that the producer chose.
    pub unique_id: String,
    /// The method it is for.
    pub method: String,
    /// Whether the push returned.
    pub is_accepted: bool,
}

/// What a method did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// It began.
    Begin,
    /// It had its effect on the world outside, and was about to answer success.
    End,
}

/// A line of the effect ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What was done.
    pub effort: Effort,
    /// For which task.
    pub unique_id: String,
    /// Under which lease token.
    pub token: i64,
    /// By which process.
    pub pid: u32,
    /// When, in microseconds.
    pub at_us: i64,
}

/// A worker process that ended or was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Which process.
    pub pid: u32,
    /// Since when it was gone, in microseconds.
    pub at_us: i64,
    /// How: `kill`, `term`, or another word of the scenario.
    pub how: String,
}

impl Papers {
    /// The papers in this folder; they need not be there yet.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where workers put result files.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Notes orders before they are pushed, and brings them to the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn intend<'a>(&self, orders: impl IntoIterator<Item = (i64, &'a str, &'a str)>) -> Outcome<()> {
        let lines = orders.into_iter().map(|(number, id, method)| format!("intent {number} {id} {method}\n"));
        self.append("intents", &lines.collect::<String>())?.sync_data().map_err(Into::into)
    }

    /// Notes that the push of these orders returned.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn accept<'a>(&self, orders: impl IntoIterator<Item = (i64, &'a str)>) -> Outcome<()> {
        let lines = orders.into_iter().map(|(number, id)| format!("accepted {number} {id}\n"));
        self.append("intents", &lines.collect::<String>())?.sync_data().map_err(Into::into)
    }

    /// Notes what a method did, now and in this process. No sync: only processes are killed, never the host.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, effort: Effort, unique_id: &str, token: i64) -> Outcome<()> {
        let word = match effort {
            Effort::Begin => "begin",
            Effort::End => "end",
        };
        let line = format!("{word} {unique_id} {token} {} {}\n", std::process::id(), now_us());
        self.append("effects", &line).map(drop)
    }

    /// Notes that a worker process is gone.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn exit(&self, pid: u32, how: &str) -> Outcome<()> {
        self.append("exits", &format!("exit {pid} {} {how}\n", now_us())).map(drop)
    }

    /// Notes an error that reached a producer and should not have.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn surface(&self, error: &str) -> Outcome<()> {
        self.append("surfaced", &format!("{}\n", error.replace('\n', " "))).map(drop)
    }

    /// How many such errors there were.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn surfaced_count(&self) -> Outcome<u64> {
        Ok(self.surfaced()?.len() as u64)
    }

    /// How many methods came to their end after the task had begun under a later token: what they answered was refused.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn stale_ends(&self) -> Outcome<u64> {
        let mut latest = std::collections::HashMap::new();
        let mut stale = 0;
        for effect in self.effects(&mut Vec::new())? {
            match effect.effort {
                Effort::Begin => drop(latest.insert(effect.unique_id, effect.token)),
                Effort::End if latest.get(&effect.unique_id).is_some_and(|token| *token > effect.token) => stale += 1,
                Effort::End => {}
            }
        }
        Ok(stale)
    }

    pub(crate) fn surfaced(&self) -> Outcome<Vec<String>> {
        let mut lines = Vec::new();
        self.read("surfaced", &mut Vec::new(), |words| {
            lines.push(words.join(" "));
            Some(())
        })?;
        Ok(lines)
    }

    fn append(&self, name: &str, lines: &str) -> Outcome<File> {
        let path = self.folder.join(name);
        let mut file = File::options().create(true).append(true).open(&path)?;
        file.write_all(lines.as_bytes())?;
        Ok(file)
    }

    /// All orders, in the order of their first line; lines that make no sense are answered beside them.
    pub(crate) fn intents(&self, unreadable: &mut Vec<String>) -> Outcome<Vec<Intent>> {
        let mut intents: Vec<Intent> = Vec::new();
        let mut places = std::collections::HashMap::new();
        self.read("intents", unreadable, |words| match words {
            ["intent", number, unique_id, method] => {
                places.insert(format!("{number} {unique_id}"), intents.len());
                intents.push(Intent {
                    number: number.parse().ok()?,
                    unique_id: (*unique_id).to_owned(),
                    method: (*method).to_owned(),
                    is_accepted: false,
                });
                Some(())
            }
            ["accepted", number, unique_id] => {
                intents[*places.get(&format!("{number} {unique_id}"))?].is_accepted = true;
                Some(())
            }
            _ => None,
        })?;
        Ok(intents)
    }

    pub(crate) fn effects(&self, unreadable: &mut Vec<String>) -> Outcome<Vec<Effect>> {
        let mut effects = Vec::new();
        self.read("effects", unreadable, |words| {
            let [word, unique_id, token, pid, at_us] = words else { return None };
            let effort = match *word {
                "begin" => Effort::Begin,
                "end" => Effort::End,
                _ => return None,
            };
            effects.push(Effect {
                effort,
                unique_id: (*unique_id).to_owned(),
                token: token.parse().ok()?,
                pid: pid.parse().ok()?,
                at_us: at_us.parse().ok()?,
            });
            Some(())
        })?;
        Ok(effects)
    }

    pub(crate) fn exits(&self, unreadable: &mut Vec<String>) -> Outcome<Vec<Exit>> {
        let mut exits = Vec::new();
        self.read("exits", unreadable, |words| {
            let ["exit", pid, at_us, how] = words else { return None };
            exits.push(Exit { pid: pid.parse().ok()?, at_us: at_us.parse().ok()?, how: (*how).to_owned() });
            Some(())
        })?;
        Ok(exits)
    }

    /// A paper that nobody wrote is empty.
    fn read(
        &self,
        name: &str,
        unreadable: &mut Vec<String>,
        mut take: impl FnMut(&[&str]) -> Option<()>,
    ) -> Outcome<()> {
        let path = self.folder.join(name);
        let text = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        for line in text.lines() {
            if take(&line.split(' ').collect::<Vec<_>>()).is_none() {
                unreadable.push(format!("{name}: {line}"));
            }
        }
        Ok(())
    }
}

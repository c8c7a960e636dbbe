//! The settings: flags, then the environment, then `.env`, then `mission.toml`, then defaults; each with where it came from.

mod database;
mod keys;
mod sources;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use mission_core::{Error, Result, format_span, parse_span};
use mission_engine::Keep;
use serde::Serialize;

use crate::args::{GlobalArgs, OutputFormat, values};
pub(crate) use database::{DatabaseUrl, mask};
pub(crate) use keys::nearest;
use sources::{Given, Sources};

/// Every setting, resolved.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) database: DatabaseUrl,
    pub(crate) output: OutputFormat,
    /// The folder for the files that methods write.
    pub(crate) files: PathBuf,
    /// How many tasks a worker runs at once, if anybody said so.
    pub(crate) concurrency: Option<usize>,
    /// The types a worker serves; none for all.
    pub(crate) types: Vec<String>,
    pub(crate) grace: Option<Duration>,
    pub(crate) lease: Option<Duration>,
    /// How long workers keep tasks that have ended.
    pub(crate) keep: Keep,
    /// The filter of the log, in the language of `tracing`.
    pub(crate) log: Option<String>,
    /// The file of settings that was named, if one was; from the root, for a process that is started elsewhere.
    pub(crate) file: Option<PathBuf>,
    /// All of them, for `config`.
    pub(crate) settings: Vec<Setting>,
}

/// One setting as `config` shows it; passwords are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    pub(crate) from: String,
}

impl Config {
    pub(crate) fn resolve(global: &GlobalArgs) -> Result<Self> {
        Self::of(&Sources::read(global)?)
    }

    /// The same for what is only tried out: the database of an application is not used unless a flag names it.
    pub(crate) fn resolve_for_trial(global: &GlobalArgs) -> Result<Self> {
        let mut sources = Sources::read(global)?;
        sources.keep_flag_only("database");
        Self::of(&sources)
    }

    fn of(sources: &Sources) -> Result<Self> {
        let mut settings = Vec::new();
        let mut take = |key: &'static str, usual: &str| {
            let given = sources.get(key);
            let value = given.as_ref().map_or(usual.to_owned(), |given| database::mask(&given.value));
            let from = given.as_ref().map_or("default".to_owned(), |given| given.from.clone());
            settings.push(Setting { key, value, from });
            given
        };

        let database = DatabaseUrl::new(take("database", keys::DATABASE_USUAL));
        database.check()?;
        let output = take("output", "table").map(|given| given.read(output_format)).transpose()?;
        let files_usual = database.folder().join("mission-files");
        let files = take("files", &files_usual.display().to_string()).map(|given| PathBuf::from(given.value));
        let concurrency = take("concurrency", "twice the processors, at least four")
            .map(|given| given.read(values::concurrency))
            .transpose()?;
        let types = take("types", "all").map(|given| given.read(types)).transpose()?.unwrap_or_default();
        let grace = take("grace", "30s").map(|given| given.read(parse_span)).transpose()?;
        let lease = take("lease", "10s, on sqlite 60s").map(|given| given.read(values::lease)).transpose()?;
        let usual = Keep::default();
        let mut span = |key, usual: Duration| -> Result<Duration> {
            let given = take(key, &format_span(usual)).map(|given| given.read(values::kept)).transpose()?;
            Ok(given.unwrap_or(usual))
        };
        let keep = Keep { ended: span("keep", usual.ended)?, failed: span("keep_failed", usual.failed)? };
        let log = take("log", "warn, for a worker info").map(|given| given.value);
        Ok(Self {
            database,
            output: output.unwrap_or(OutputFormat::Table),
            files: files.unwrap_or(files_usual),
            concurrency,
            types,
            grace,
            lease,
            keep,
            log,
            file: sources.named_file(),
            settings,
        })
    }
}

impl Given {
    /// Reads the value; the error says which setting and where it came from.
    fn read<T>(&self, reader: impl Fn(&str) -> Result<T>) -> Result<T> {
        reader(&self.value).map_err(|fault| Error::invalid(format!("{} (from {}): {fault}", self.key, self.from)))
    }
}

fn output_format(word: &str) -> Result<OutputFormat> {
    OutputFormat::from_str(word, false)
        .map_err(|_| Error::invalid(format!("no output is called {word:?}: use table, json, jsonl or id")))
}

fn types(words: &str) -> Result<Vec<String>> {
    keys::list(words).iter().map(|word| values::task_type(word)).collect()
}

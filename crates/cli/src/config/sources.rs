//! Where settings are given: flags, the environment, `.env` and `mission.toml`, read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use mission_core::{Error, Result};

use super::keys::{self, KEYS};
use crate::args::GlobalArgs;

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) from: String,
}

/// All places, the strongest first.
pub(super) struct Sources {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    dot_env: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    file_name: String,
    named: Option<PathBuf>,
}

impl Sources {
    pub(super) fn read(global: &GlobalArgs) -> Result<Self> {
        let environment = read_environment()?;
        let dot_env = read_dot_env(Path::new(".env"))?;
        let config = global.config.clone().or_else(|| {
            let named = environment.get("MISSION_CONFIG").or_else(|| dot_env.get("MISSION_CONFIG"));
            named.map(PathBuf::from)
        });
        let file_name = config.as_deref().unwrap_or(Path::new("mission.toml")).display().to_string();
        Ok(Self {
            flags: flags(global),
            environment,
            dot_env,
            file: read_file(config.as_deref())?,
            file_name,
            named: config,
        })
    }

    /// Forgets a setting unless a flag gave it.
    pub(super) fn keep_flag_only(&mut self, key: &str) {
        let own = keys::variable(key);
        for place in [&mut self.environment, &mut self.dot_env] {
            place.retain(|name, _| *name != own && !keys::further_variables(key).contains(&name.as_str()));
        }
        self.file.remove(key);
    }

    /// The file that was named, from the root.
    pub(super) fn named_file(&self) -> Option<PathBuf> {
        self.named.as_deref().and_then(|file| std::path::absolute(file).ok())
    }

    /// The strongest value of a setting, if anybody gave one.
    pub(super) fn get(&self, key: &'static str) -> Option<Given> {
        if let Some(value) = self.flags.get(key) {
            return Some(Given { key, value: value.clone(), from: format!("--{key}") });
        }
        let own = keys::variable(key);
        let variables = || std::iter::once(own.as_str()).chain(keys::further_variables(key).iter().copied());
        for (place, suffix) in [(&self.environment, ""), (&self.dot_env, " in .env")] {
            if let Some((name, value)) = variables().find_map(|name| Some((name, place.get(name)?))) {
                return Some(Given { key, value: value.clone(), from: format!("{name}{suffix}") });
            }
        }
        let value = self.file.get(key)?;
        Some(Given { key, value: value.clone(), from: self.file_name.clone() })
    }
}

fn flags(global: &GlobalArgs) -> BTreeMap<&'static str, String> {
    let mut flags = BTreeMap::new();
    if let Some(url) = &global.database {
        flags.insert("database", url.clone());
    }
    if let Some(format) = global.output.and_then(|format| format.to_possible_value()) {
        flags.insert("output", format.get_name().to_owned());
    }
    flags
}

fn is_ours(name: &str) -> bool {
    name.starts_with("MISSION_") || name == "DATABASE_URL"
}

/// Empty variables count as not set, as shells and containers mean them.
fn read_environment() -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| is_ours(name)) else { continue };
        keys::check_variable(name, "the environment")?;
        let value = value.into_string().map_err(|_| Error::invalid(format!("the variable {name} is not UTF-8")))?;
        if !value.is_empty() {
            found.insert(name.to_owned(), value);
        }
    }
    Ok(found)
}

/// The `.env` of an application holds much that is none of our business: only our own lines are judged.
fn read_dot_env(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let lines = match dotenvy::from_path_iter(path) {
        Ok(lines) => lines,
        Err(fault) if fault.not_found() => return Ok(found),
        Err(fault) => return Err(Error::invalid(format!("cannot read {}: {fault}", path.display()))),
    };
    for line in lines {
        match line {
            Ok((name, value)) if is_ours(&name) => {
                keys::check_variable(&name, ".env")?;
                if !value.is_empty() {
                    found.insert(name, value);
                }
            }
            Ok(_) => {}
            Err(dotenvy::Error::LineParse(line, _)) if is_ours(line.trim_start()) || line.contains("MISSION_") => {
                let name = line.split('=').next().unwrap_or("");
                return Err(Error::invalid(format!(
                    "the line of {} in .env cannot be read: quote its value",
                    name.trim()
                )));
            }
            Err(dotenvy::Error::LineParse(..)) => {}
            Err(fault) => return Err(Error::invalid(format!("cannot read {}: {fault}", path.display()))),
        }
    }
    Ok(found)
}

/// The file that was named, which must be there, or `mission.toml`, which may be.
fn read_file(named: Option<&Path>) -> Result<BTreeMap<String, String>> {
    let path = named.unwrap_or(Path::new("mission.toml"));
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(BTreeMap::new()),
        Err(fault) => return Err(Error::invalid(format!("cannot read the settings in {shown}: {fault}"))),
    };
    // The parser's own text shows the line, and with it perhaps a password.
    let table: toml::Table = text.parse().map_err(|fault: toml::de::Error| {
        let line = fault.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        Error::invalid(format!("{shown}, line {line}, is not TOML: {}", fault.message()))
    })?;
    let mut found = BTreeMap::new();
    for (key, value) in table {
        keys::check_key(&key, &shown)?;
        let value = plain(&value)
            .ok_or_else(|| Error::invalid(format!("{shown}: {key} must be a string or a number{}", hint(&key))))?;
        found.insert(key, value);
    }
    Ok(found)
}

fn hint(key: &str) -> &'static str {
    if key == KEYS[4] { ", or a list of strings" } else { "" }
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(list) => {
            let words: Option<Vec<&str>> = list.iter().map(toml::Value::as_str).collect();
            Some(words?.join(","))
        }
        _ => None,
    }
}

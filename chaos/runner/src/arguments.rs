//! The words of the command line: scenarios, databases, seed, size, seconds.

use std::time::Duration;

use mission_testkit::Kind;
use mission_verifier::Outcome;

use crate::scenario::Scenario;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A few minutes for all scenarios on all databases.
    Small,
    /// The size that figures are published of.
    Full,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// Which scenarios; all unless named.
    pub scenarios: Vec<Scenario>,
    /// On which databases; all unless named.
    pub kinds: Vec<Kind>,
    /// Where chance begins.
    pub seed: u64,
    /// How much.
    pub size: Size,
    /// Longest time of one scenario on one database.
    pub limit: Option<Duration>,
    /// Where the papers and the database of a run that did not hold are kept.
    pub keep: Option<std::path::PathBuf>,
}

impl Arguments {
    /// `[SCENARIO…] [--on KINDS] [--seed N] [--size small|full] [--seconds N] [--keep FOLDER]`.
    ///
    /// # Errors
    /// A word that it does not know, with those that it does.
    pub fn parse(words: &[&str]) -> Outcome<Self> {
        let mut arguments = Self {
            scenarios: Vec::new(),
            kinds: Kind::ALL.to_vec(),
            seed: 1,
            size: Size::Small,
            limit: None,
            keep: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().ok_or_else(|| format!("{word} needs a value"));
            match *word {
                "--on" => arguments.kinds = value()?.split(',').map(kind).collect::<Outcome<_>>()?,
                "--seed" => arguments.seed = value()?.parse()?,
                "--size" => arguments.size = size(value()?)?,
                "--seconds" => arguments.limit = Some(Duration::from_secs(value()?.parse()?)),
                "--keep" => arguments.keep = Some(value()?.into()),
                name => arguments.scenarios.push(Scenario::named(name)?),
            }
        }
        if arguments.scenarios.is_empty() {
            arguments.scenarios = Scenario::ALL.to_vec();
        }
        Ok(arguments)
    }

    /// The words for this program to run with the same seed, size and limits.
    pub(crate) fn words(&self) -> Vec<String> {
        let size = if self.size == Size::Full { "full" } else { "small" };
        let mut words = vec!["--seed".to_owned(), self.seed.to_string(), "--size".to_owned(), size.to_owned()];
        if let Some(limit) = self.limit {
            words.extend(["--seconds".to_owned(), limit.as_secs().to_string()]);
        }
        if let Some(keep) = &self.keep {
            words.extend(["--keep".to_owned(), keep.display().to_string()]);
        }
        words
    }
}

fn kind(name: &str) -> Outcome<Kind> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name.trim());
    found.ok_or_else(|| format!("unknown database kind {name}: use sqlite, mariadb, mysql or postgres").into())
}

fn size(word: &str) -> Outcome<Size> {
    match word {
        "small" => Ok(Size::Small),
        "full" => Ok(Size::Full),
        other => Err(format!("unknown size {other}: use small or full").into()),
    }
}

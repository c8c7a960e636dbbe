//! The scenarios by name, and on which databases each makes sense.

use mission_testkit::Kind;
use mission_verifier::Outcome;

use crate::outcome::Faults;
use crate::run::Run;
use crate::scenarios;

/// What is done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// SIGKILL at random workers, again and again.
    Kill,
}

impl Scenario {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 1] = [Self::Kill];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
        }
    }

    pub(crate) fn named(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        let names: Vec<_> = Self::ALL.map(Self::name).into();
        found.ok_or_else(|| format!("unknown scenario {name}: use {}", names.join(", ")).into())
    }

    /// Whether the scenario makes sense on this kind.
    pub const fn fits(self, _kind: Kind) -> bool {
        true
    }

    pub(crate) async fn play(self, run: &mut Run) -> Outcome<Faults> {
        match self {
            Self::Kill => scenarios::kill::play(run).await,
        }
    }
}

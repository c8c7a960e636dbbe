//! What came out of a run: the faults that really happened, the findings, the figures, and the verdict.

use std::fmt;
use std::time::Duration;

use mission_testkit::Kind;
use mission_verifier::{Expect, Finding};

/// Findings that are printed one by one.
const SHOWN_MAX: usize = 20;

/// What a scenario did, and what it expects of the outcome.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Name, how often it really happened, and how often it must have for the run to prove anything.
    pub happened: Vec<(&'static str, u64, u64)>,
    /// What the verifier is to hold the run to.
    pub expect: Expect,
    /// Figures that the scenario measured itself.
    pub measured: Vec<(&'static str, String)>,
    /// Promises that the scenario itself saw broken.
    pub broken: Vec<String>,
}

/// The outcome of one scenario on one database.
#[derive(Debug)]
pub struct Report {
    /// Its name.
    pub scenario: &'static str,
    /// On which database.
    pub kind: Kind,
    /// What was done.
    pub faults: Faults,
    /// What was wrong.
    pub findings: Vec<Finding>,
    /// Rows at the end, and successes among them.
    pub tasks: usize,
    /// How many of them succeeded.
    pub successes: usize,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Fewer faults happened than the run must have: it proves nothing.
    pub fn is_void(&self) -> bool {
        self.tasks == 0 || self.faults.happened.iter().any(|(_, happened, minimum)| happened < minimum)
    }

    /// A promise was not kept.
    pub fn is_broken(&self) -> bool {
        !self.findings.is_empty() || !self.faults.broken.is_empty()
    }

    /// The promises were kept, and were put to the test.
    pub fn holds(&self) -> bool {
        !self.is_broken() && !self.is_void()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, kind, faults, findings, tasks, successes, elapsed } = self;
        let verdict = match (self.is_broken(), self.is_void()) {
            (true, _) => "BROKEN",
            (false, true) => "VOID",
            (false, false) => "held",
        };
        write!(
            f,
            "{scenario:<14} {:<8} {verdict:<6} {tasks} tasks, {successes} successes, {:.1} s",
            kind.name(),
            elapsed.as_secs_f64()
        )?;
        for (name, happened, minimum) in &faults.happened {
            write!(f, ", {happened} {name} (at least {minimum})")?;
        }
        for (name, figure) in &faults.measured {
            write!(f, ", {name} {figure}")?;
        }
        for sentence in &faults.broken {
            write!(f, "\n  {sentence}")?;
        }
        for finding in findings.iter().take(SHOWN_MAX) {
            write!(f, "\n  {finding}")?;
        }
        if findings.len() > SHOWN_MAX {
            write!(f, "\n  and {} more findings", findings.len() - SHOWN_MAX)?;
        }
        Ok(())
    }
}

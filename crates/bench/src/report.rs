//! What was measured: medians with their spread, and ratios to the floor of the same run.

use serde::Serialize;

/// In what a figure is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Tasks in a second: more is better.
    #[serde(rename = "tasks/s")]
    TasksPerSecond,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Statements in a second.
    #[serde(rename = "queries/s")]
    QueriesPerSecond,
    /// Events among a hundred thousand tasks: fewer is better.
    #[serde(rename = "per 100,000")]
    PerHundredThousand,
    /// A share of one processor.
    #[serde(rename = "%")]
    Percent,
    /// Memory.
    #[serde(rename = "MiB")]
    Mebibytes,
}

impl Unit {
    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TasksPerSecond => "tasks/s",
            Self::Milliseconds => "ms",
            Self::QueriesPerSecond => "queries/s",
            Self::PerHundredThousand => "per 100,000",
            Self::Percent => "%",
            Self::Mebibytes => "MiB",
        }
    }
}

/// Values of all rounds as their middle and their ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Series {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Series {
    /// Of these values; zeros where there is none.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
        let last = sorted.len().saturating_sub(1);
        Self { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, min: at(0), max: at(last) }
    }
}

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// In what it is counted.
    pub unit: Unit,
    /// Mission's.
    pub mission: Series,
    /// What it is held against, in the same rounds: plain SQL unless the name says what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Series>,
    /// Mission's through the floor's, round by round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Series>,
}

impl Figure {
    /// One without a floor.
    pub fn plain(name: impl Into<String>, unit: Unit, values: &[f64]) -> Self {
        Self { name: name.into(), unit, mission: Series::of(values), floor: None, ratio: None }
    }

    /// One beside its floor; each pair is of one round.
    pub fn beside(name: impl Into<String>, unit: Unit, pairs: &[(f64, f64)]) -> Self {
        let (values, floors): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratios: Vec<f64> = pairs.iter().map(|(value, floor)| value / floor).collect();
        let floor = Some(Series::of(&floors));
        Self { floor, ratio: Some(Series::of(&ratios)), ..Self::plain(name, unit, &values) }
    }
}

/// Everything that was measured, and on what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The database's name and version.
    pub database: String,
    /// What its settings promise, in words of `mission doctor`.
    pub durability: String,
    /// Processors this process may use.
    pub processors: usize,
    /// Whether the program was built to be quick.
    pub is_release: bool,
    /// Tasks in each round.
    pub tasks: usize,
    /// Rounds.
    pub rounds: usize,
    /// How many tasks a worker of the cycles ran at once.
    pub concurrency: usize,
    /// Parts that were planned and have no figures, because the run ended before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<&'static str>,
    /// What was found.
    pub figures: Vec<Figure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_its_own_round() {
        let figure = Figure::beside("cycle", Unit::TasksPerSecond, &[(10.0, 20.0), (30.0, 40.0), (90.0, 100.0)]);
        assert_eq!(figure.mission, Series { median: 30.0, min: 10.0, max: 90.0 });
        assert_eq!(figure.ratio, Some(Series { median: 0.75, min: 0.5, max: 0.9 }));
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() {
        let median = |values: &[f64]| Series::of(values).median;
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
        assert_eq!((median(&[7.0]), median(&[])), (7.0, 0.0));
    }
}

//! How long a failed task waits: exponential backoff with jitter, time and chance as arguments.

use std::time::Duration;

use rand::RngExt;

use crate::limits;

/// A number from 0 (inclusive) to 1 (exclusive) that decides the jitter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance(f64);

impl Chance {
    /// A fixed chance, for tests; bounded to 0 … 1.
    pub fn fixed(value: f64) -> Self {
        Self(if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 })
    }

    /// A random one.
    pub fn random() -> Self {
        Self(rand::rng().random_range(0.0..1.0))
    }

    /// One of so many, counted from 0.
    pub fn one_of(self, count: usize) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        // It lies within 0 … count.
        let place = (self.0 * count as f64) as usize;
        place.min(count.saturating_sub(1))
    }
}

/// Exponential backoff: `first · 2^(failures − 1)`, at most `longest`, of which the upper half is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure, before jitter.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: limits::BACKOFF_FIRST, longest: limits::BACKOFF_MAX }
    }
}

impl Backoff {
    /// The wait after so many failures: between half of the full wait and all of it, so that tasks that failed together do not return together.
    pub fn wait(&self, failures: i64, chance: Chance) -> Duration {
        let doublings = u32::try_from(failures.clamp(1, 40) - 1).unwrap_or(0);
        let full = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
        full.mul_f64(0.5 + chance.0 / 2.0).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let backoff = Backoff::default();
        let waits: Vec<u64> =
            [1, 2, 3, 4, 12, 13, i64::MAX].map(|n| backoff.wait(n, Chance::fixed(1.0)).as_secs()).to_vec();
        assert_eq!(waits, [1, 2, 4, 8, 2048, 3600, 3600]);
    }

    #[test]
    fn each_place_has_its_chance_and_none_lies_outside() {
        let places = [0.0, 0.3, 0.5, 0.99, 1.0].map(|chance| Chance::fixed(chance).one_of(4));
        assert_eq!(places, [0, 1, 2, 3, 3]);
        assert_eq!(Chance::fixed(1.0).one_of(0), 0);
    }

    proptest! {
        #[test]
        fn the_wait_lies_between_half_and_all_of_the_full_wait(failures in i64::MIN..i64::MAX, chance in 0.0..1.0f64) {
            let backoff = Backoff::default();
            let full = backoff.wait(failures, Chance::fixed(1.0));
            let wait = backoff.wait(failures, Chance::fixed(chance));
            prop_assert!(wait <= full && wait >= full / 2 && full <= limits::BACKOFF_MAX);
        }
    }
}

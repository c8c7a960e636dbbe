//! A Galera cluster: whether this is one, and which tasks a claim picks where locks hold on one node only.

use mission_core::{Chance, Error};

use crate::Store;
use crate::db::{Dialect, Statement};

static CLUSTER: Statement = Statement::new("cluster", include_str!("sql/cluster.mysql.sql"));

/// A claim of n picks one of so many blocks of n: two nodes that claim at once pick the same in one of so many times.
const BLOCKS: usize = 64;
/// Smallest window: claims of one task each are the most frequent.
const WINDOW_MIN: usize = 64;
/// Largest window: reading it must stay cheap beside claiming.
const WINDOW_MAX: usize = 4_000;

impl Store {
    /// Whether the server is a node of a Galera cluster: there claims take tasks a little out of their order.
    pub async fn is_cluster(&self) -> Result<bool, Error> {
        if self.db.kind().dialect() != Dialect::MySql {
            return Ok(false);
        }
        // Only a restart of the server changes it.
        let ask = || async {
            let row = self.db.reader().await?.conn().row(&CLUSTER, &[]).await?;
            row.map_or(Ok(false), |row| Ok(row.text("Value")?.eq_ignore_ascii_case("on")))
        };
        self.is_cluster.get_or_try_init(ask).await.copied()
    }
}

/// How many of a line's first tasks a claim of so many looks at.
pub(crate) fn window(limit: usize) -> usize {
    limit.saturating_mul(BLOCKS).clamp(WINDOW_MIN, WINDOW_MAX).max(limit)
}

/// Begins a window at a random one of its blocks of `limit`; what stood before it comes last.
pub(crate) fn begin_anywhere<T>(window: &mut [T], limit: usize, chance: Chance) {
    let blocks = window.len().div_ceil(limit.max(1));
    window.rotate_left((chance.one_of(blocks) * limit).min(window.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_many_blocks_within_bounds() {
        assert_eq!((window(1), window(10), window(500), window(5_000)), (64, 640, 4_000, 5_000));
    }

    #[test]
    fn a_window_begins_at_one_of_its_blocks() {
        let mut firsts: Vec<u32> = Vec::new();
        for chance in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
            let mut window: Vec<u32> = (0..25).collect();
            begin_anywhere(&mut window, 10, Chance::fixed(chance));
            firsts.push(window[0]);
            assert_eq!(window[24], (window[0] + 24) % 25, "nothing is lost");
        }
        assert_eq!(firsts, [0, 0, 10, 10, 20, 20]);
        let mut short = [1, 2, 3];
        begin_anywhere(&mut short, 10, Chance::fixed(1.0));
        assert_eq!(short, [1, 2, 3]);
        begin_anywhere::<u32>(&mut [], 10, Chance::fixed(1.0));
    }
}

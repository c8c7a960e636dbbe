//! One Galera cluster for all tests of a process, one test at a time: starting three nodes takes longer than most tests.

use std::sync::{Mutex, PoisonError};

use mission_servers::{Durability, GaleraCluster};

use crate::conformance::{is_named_to_run, run};

static CLUSTER: Mutex<Option<GaleraCluster>> = Mutex::new(None);

/// Runs a test on three nodes in step; it must leave them so. After a test that failed the next one gets new ones.
///
/// # Panics
/// If the test does, and if the cluster does not start, unless `MISSION_TEST_SKIP` names `galera`.
pub fn on_galera(test: impl AsyncFnOnce(&mut GaleraCluster)) {
    if !is_named_to_run("galera") {
        return;
    }
    let mut kept = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    let start = || GaleraCluster::start(Durability::Durable).unwrap_or_else(|message| panic!("{message}"));
    let mut cluster = kept.take().unwrap_or_else(start);
    run(test(&mut cluster));
    *kept = Some(cluster);
}

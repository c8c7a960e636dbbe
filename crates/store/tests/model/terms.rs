//! The workers on the list: their terms, who may renew one, and who holds tasks without standing there.

use std::collections::BTreeSet;
use std::time::Duration;

use mission_core::WorkerId;
use mission_store::{NewWorker, Renewal};
use proptest::prelude::*;

use crate::play::{Played, Stage, unexpected};
use crate::step::HOUR;
use crate::world::Term;

impl Stage {
    pub(crate) async fn register(&mut self, worker: usize, term: Duration) -> Played {
        let new = NewWorker {
            name: format!("worker{worker}"),
            host: "host".to_owned(),
            process: "machine boot namespace".to_owned(),
            pid: 1,
            pid_started: 2,
            concurrency: 4,
            types: None,
            methods: vec!["method0".to_owned()],
            lease: term,
            hint_address: None,
        };
        let id = self.store.register(&new).await.map_err(unexpected)?;
        prop_assert!(!self.world.listed.contains_key(&id.0), "{id:?} is a number of its own");
        self.world.listed.insert(id.0, if term.is_zero() { Term::Over } else { Term::Holds });
        match self.world.workers.get_mut(worker) {
            Some(place) => *place = id,
            None => self.world.workers.push(id),
        }
        self.roll_call().await
    }

    async fn roll_call(&mut self) -> Played {
        let workers = self.store.roll_call().await.map_err(unexpected)?.workers;
        let listed: Vec<(i64, bool)> = workers.iter().map(|worker| (worker.id.0, worker.is_live)).collect();
        let expected: Vec<(i64, bool)> =
            self.world.listed.iter().map(|(id, term)| (*id, *term == Term::Holds)).collect();
        prop_assert_eq!(listed, expected, "the workers on the list, and whether they are live");
        let orphans: BTreeSet<WorkerId> = self.store.orphan_holders().await.map_err(unexpected)?.into_iter().collect();
        if !orphans.is_empty() {
            self.saw("holder off the list");
        }
        prop_assert_eq!(orphans, self.world.orphan_holders());
        Ok(())
    }

    pub(crate) async fn beat(&mut self, worker: usize) -> Played {
        let id = self.world.workers[worker];
        let renewal = self.store.heart(id, HOUR).beat().await.map_err(unexpected)?;
        let expected = match self.world.listed.get_mut(&id.0) {
            Some(term) if *term != Term::Condemned => {
                *term = Term::Holds;
                Renewal::Renewed
            }
            _ => Renewal::Lost,
        };
        prop_assert_eq!(renewal, expected);
        self.roll_call().await
    }

    pub(crate) async fn condemn_expired(&mut self, worker: usize) -> Played {
        let id = self.world.workers[worker];
        let is_condemned = self.store.condemn_expired(id).await.map_err(unexpected)?;
        let term = self.world.listed.get_mut(&id.0).filter(|term| **term != Term::Holds);
        prop_assert_eq!(is_condemned, term.is_some());
        term.into_iter().for_each(|term| *term = Term::Condemned);
        self.roll_call().await
    }

    pub(crate) async fn condemn_gone(&mut self, worker: usize) -> Played {
        let id = self.world.workers[worker];
        let is_condemned = self.store.condemn_gone(id).await.map_err(unexpected)?;
        let term = self.world.listed.get_mut(&id.0);
        prop_assert_eq!(is_condemned, term.is_some());
        term.into_iter().for_each(|term| *term = Term::Condemned);
        self.roll_call().await
    }

    pub(crate) async fn remove(&mut self, worker: usize) -> Played {
        let id = self.world.workers[worker];
        self.store.remove_worker(id).await.map_err(unexpected)?;
        self.world.listed.remove(&id.0);
        self.roll_call().await
    }
}

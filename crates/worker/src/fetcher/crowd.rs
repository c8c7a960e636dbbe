//! Whether so many write to a file that one of them is to go on with it, and whether that is this worker.

use std::time::{Duration, Instant};

use mission_store::{Lead, Leading, Store};

use crate::limits;

/// What a worker knows of others that write to its file.
#[derive(Default)]
pub(super) struct Crowd {
    /// Turns that had been refused by the last claim since a rest.
    refused: Option<u64>,
    /// The claims of late, less what those weigh whose turn was refused.
    credit: i64,
    /// Until when it does not stand by: nobody got on, or there is too little to do.
    stays_until: Option<Instant>,
    /// The lead of the file, where it is this worker's, and when its tasks last ended at once.
    lead: Option<(Leading, Instant)>,
}

impl Crowd {
    /// Counts a claim; answers whether turns were refused so often that one worker is to go on with the file. It keeps it busy
    /// where tasks end at once; where they take their time several are of use, however often they meet, and nobody leads for long.
    pub(super) fn is_thick(&mut self, refused: u64, end_at_once: bool, now: Instant) -> bool {
        let was_refused = self.refused.replace(refused).is_some_and(|before| before < refused);
        let weight = if was_refused && end_at_once { limits::CROWD_WEIGHT } else { 0 };
        self.credit = (self.credit + 1 - weight).clamp(-1, limits::CROWD_CREDIT_MAX);
        if let Some((_, at)) = &mut self.lead {
            if end_at_once {
                *at = now;
            } else if *at + limits::CROWD_LEAD_MAX <= now {
                self.lead = None;
            }
        }
        self.credit < 0 && !self.stays(now)
    }

    /// Whether it does not stand by at this moment.
    pub(super) fn stays(&self, now: Instant) -> bool {
        self.stays_until.is_some_and(|until| now < until)
    }

    #[cfg(test)]
    pub(super) fn leads(&self) -> bool {
        self.lead.is_some()
    }

    /// Whether the lead of the file is this worker's or, if it was free, is now. Where nobody can know, everybody goes on.
    pub(super) fn takes_lead(&mut self, store: &Store) -> bool {
        if self.lead.is_some() {
            return true;
        }
        match store.take_lead() {
            Some(Lead::Others) => return false,
            Some(Lead::Ours(lead)) => self.lead = Some((lead, Instant::now())),
            None => {}
        }
        true
    }

    /// Others have got on: one refusal more, and it stands by again.
    pub(super) fn others_got_on(&mut self) {
        self.credit = 0;
    }

    /// Who rests, has no free slot or meets an error leads no more, and counts anew.
    pub(super) fn forget(&mut self) {
        *self = Self { stays_until: self.stays_until, ..Self::default() };
    }

    /// Does not stand by for so long.
    pub(super) fn stay(&mut self, span: Duration) {
        self.stays_until = Some(Instant::now() + span);
    }
}

#[cfg(test)]
mod tests {
    use mission_store::OnMissing;
    use mission_testkit::{Kind, on};

    use super::*;

    /// Counts claims, each with so many turns refused to it, until the crowd is thick; answers how many there were before.
    fn claims_until_thick(crowd: &mut Crowd, have_ended: bool, refused: &[u64]) -> Option<usize> {
        let mut all = crowd.refused.unwrap_or(0);
        refused.iter().position(|refused| {
            all += refused;
            crowd.is_thick(all, have_ended, Instant::now())
        })
    }

    const AT_ONCE: bool = true;
    const LATER: bool = false;

    /// One claim in so many is refused its turn once.
    fn one_in(count: usize) -> Vec<u64> {
        (0..1000).map(|place| u64::from(place % count == count - 1)).collect()
    }

    #[test]
    fn a_crowd_is_thick_where_one_claim_of_some_is_refused_its_turn_and_tasks_end_at_once() {
        assert_eq!(claims_until_thick(&mut Crowd::default(), AT_ONCE, &one_in(8)), None);
        assert!(claims_until_thick(&mut Crowd::default(), AT_ONCE, &one_in(7)).is_some());
        assert_eq!(claims_until_thick(&mut Crowd::default(), LATER, &[9; 1000]), None, "they take their time");
    }

    #[test]
    fn who_comes_back_and_is_refused_stands_by_at_once() {
        let mut crowd = Crowd::default();
        for _ in 0..3 {
            assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[0, 1]), Some(1));
            crowd.others_got_on();
        }
    }

    #[test]
    fn the_long_writes_of_a_stranger_count_once_each() {
        let mut crowd = Crowd::default();
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[0; 100]), None);
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[1000; 4]), None);
        assert_eq!(claims_until_thick(&mut crowd, AT_ONCE, &[1000; 1000]), Some(0), "others come in between too often");
    }

    #[test]
    fn who_leads_gives_the_lead_back_once_tasks_have_not_ended_at_once_for_a_while() {
        on(Kind::Sqlite, async |db| {
            let store = Store::open(db.url(), OnMissing::Create).await.unwrap();
            let mut crowd = Crowd::default();
            assert!(crowd.takes_lead(&store));
            let (now, later) = (Instant::now(), Instant::now() + limits::CROWD_LEAD_MAX);
            for (end_at_once, when) in [(AT_ONCE, now), (LATER, now), (AT_ONCE, later), (LATER, later)] {
                crowd.is_thick(0, end_at_once, when);
                assert!(crowd.leads());
            }
            crowd.is_thick(0, LATER, later + limits::CROWD_LEAD_MAX);
            assert!(!crowd.leads());
        });
    }

    #[test]
    fn who_stood_by_in_vain_does_not_again_for_a_while() {
        let (mut crowd, now) = (Crowd::default(), Instant::now());
        assert!(!crowd.is_thick(1000, true, now), "what was before the first claim does not count");
        crowd.stay(limits::CROWD_STAYS);
        assert!(!crowd.is_thick(2000, true, now));
        crowd.forget();
        let later = Instant::now() + limits::CROWD_STAYS;
        assert!(!crowd.is_thick(3000, true, later), "nor what was while it rested");
        assert!(crowd.is_thick(4000, true, later));
        crowd.forget();
        crowd.stay(limits::CROWD_STAYS);
        crowd.forget();
        crowd.is_thick(5000, true, now);
        assert!(!crowd.is_thick(6000, true, now), "a rest does not end that");
    }
}

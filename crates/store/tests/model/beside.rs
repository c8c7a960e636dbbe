//! Pushes beside a worker at rest, which begins the task with its push, or leaves it to wait.

use std::sync::Arc;

use mission_core::{Timestamp, WorkerId};
use mission_store::{Line, WhenSeen};
use proptest::prelude::*;

use crate::play::{Played, Stage, unexpected};
use crate::step::{Age, Offered, Spec};
use crate::world::{Answer, Pushing, long_ago};

impl Stage {
    /// As a handle pushes: together with others where there are any, and by itself where that brings no answer.
    pub(crate) async fn push_beside(
        &mut self,
        spec: &Spec,
        offered: &Offered,
        worker: WorkerId,
        may_take: bool,
    ) -> Played {
        let Some(line) = self.line_offered(spec, offered).await? else { return Ok(()) };
        let pushing = Pushing { spec: spec.clone(), task: spec.new_task() };
        self.world.pushes.push(pushing.clone());
        let mut offered = self.store.offer(line.clone(), worker, move || may_take);
        let task = Arc::new(pushing.task.clone());
        let when_seen: WhenSeen = Arc::new(|| {});
        let pushed = match self.store.push_together(&task, &when_seen).await {
            Some(pushed) => pushed,
            None => self.store.push(&task).await.map_err(unexpected)?,
        };
        let answer = offered.end().await;
        let begins = may_take && self.world.begins(spec, &line, self.clock);
        match self.world.push(&pushing) {
            Answer::Stored => {
                prop_assert_eq!((&pushed.unique_id, pushed.is_existing), (task.unique_id(), false));
            }
            Answer::Other(fit) => prop_assert!(pushed.is_existing && fit.contains(&pushed.unique_id)),
        }
        let begun = answer.transpose().map_err(unexpected)?.flatten();
        self.saw(match (&begun, may_take) {
            (Some(_), _) => "begun with its push",
            (None, true) => "not begun with its push",
            (None, false) => "not offered to its push",
        });
        prop_assert_eq!(begun.is_some(), begins, "begun where nothing of its line is due and its type has no rule");
        let Some(claimed) = begun else { return Ok(()) };
        self.world.claim_one(task.unique_id(), worker);
        // The row has never waited.
        prop_assert_eq!(&claimed.task.unique_id, task.unique_id());
        self.given(claimed).await
    }

    async fn line_offered(&mut self, spec: &Spec, offered: &Offered) -> Result<Option<Line>, TestCaseError> {
        let head = match offered {
            Offered::Any(line) => return self.a_line(line, Age::Old).await,
            Offered::SameLongAgo(seconds) => long_ago(*seconds),
            Offered::SameNow => self.clock,
        };
        Ok(Some(Line {
            method: format!("method{}", spec.method),
            task_type: format!("type{}", spec.task_type),
            priority: spec.priority,
            lane: 0,
            head: Timestamp(head),
            is_paused: false,
            running_limit: None,
        }))
    }
}

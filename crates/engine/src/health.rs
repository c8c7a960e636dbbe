//! How things stand, in words for people: the database, its tables, its clock, the workers and what waits.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use mission_core::{Result, Timestamp, format_span};
use mission_store::{Finding, Grade, Line, SchemaStatus, Store, Worker};
use mission_worker::is_known_gone;
use serde::Serialize;

use crate::Mission;
use crate::detached::detached;
use crate::serving::serves;
use crate::stuck::stuck;

/// Clocks further apart than this make dates that are shown here look wrong.
const CLOCK_APART_MAX: Duration = Duration::from_secs(5);
/// Methods named in one sentence at the most.
const NAMED_MAX: usize = 5;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The database's name and version.
    pub database: String,
    /// What was found, in the order in which one would look.
    pub findings: Vec<Finding>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.grade < Grade::Wrong)
    }
}

impl Mission {
    /// Looks at everything that decides whether tasks are kept and run; changes nothing.
    pub async fn health(&self) -> Result<Health> {
        let store = self.store();
        detached(async move {
            let own = store.health().await?;
            let mut health = Health { database: own.product, findings: own.findings };
            health.findings.push(clock(own.now, Timestamp::from(SystemTime::now())));
            let (schema, is_usable) = schema(store.schema().await?);
            health.findings.push(schema);
            if is_usable {
                let mut workers = store.workers().await?;
                workers.iter_mut().for_each(|worker| worker.is_live &= !is_known_gone(worker));
                health.findings.push(working(&workers));
                health.findings.extend(left_behind(&store, &workers).await?);
                health.findings.extend(waiting(&store, &workers).await?);
                health.findings.extend(stuck(&store, &workers).await?);
            }
            Ok(health)
        })
        .await
    }
}

fn clock(database: Timestamp, host: Timestamp) -> Finding {
    let apart = database.since(host).max(host.since(database));
    if apart <= CLOCK_APART_MAX {
        return Finding::good("clock", "the database and this host agree");
    }
    let sentence = format!(
        "the database's clock and this host's are {} apart: the database's decides what is due; set both by NTP",
        format_span(apart)
    );
    Finding::note("clock", sentence)
}

fn schema(status: SchemaStatus) -> (Finding, bool) {
    let about = "tables";
    match status {
        SchemaStatus::Current(version) => (Finding::good(about, format!("version {version}")), true),
        SchemaStatus::Missing => (Finding::wrong(about, "there are none: run `mission migrate`"), false),
        SchemaStatus::Older(version) => (
            Finding::wrong(about, format!("version {version} is older than this program: run `mission migrate`")),
            true,
        ),
        SchemaStatus::Newer(version) => {
            (Finding::wrong(about, format!("version {version} is newer than this program: update it")), false)
        }
    }
}

fn working(workers: &[Worker]) -> Finding {
    let (live, dead): (Vec<&Worker>, Vec<&Worker>) = workers.iter().partition(|worker| worker.is_live);
    match (live.len(), dead.len()) {
        (0, 0) => Finding::note("workers", "none runs now: a push starts one, or start one with `mission work`"),
        (live, 0) => Finding::good("workers", format!("{live} alive")),
        (live, dead) => Finding::note(
            "workers",
            format!("{live} alive; {dead} did not sign off, and the others clear up after them"),
        ),
    }
}

/// Tasks that a dead worker holds: any live worker takes them within seconds, so they are wrong only where there is none.
async fn left_behind(store: &Store, workers: &[Worker]) -> Result<Option<Finding>> {
    let mut held = Vec::new();
    for worker in workers.iter().filter(|worker| !worker.is_live) {
        held.extend(store.executing(worker.id).await?);
    }
    for worker in store.orphan_holders().await? {
        held.extend(store.executing(worker).await?);
    }
    let methods: BTreeSet<&str> = held.iter().map(|one| one.task.method.as_str()).collect();
    let methods = methods.into_iter().collect::<Vec<_>>().join(", ");
    let tasks = if held.len() == 1 { "1 task".to_owned() } else { format!("{} tasks", held.len()) };
    let about = "dead workers";
    Ok(match (held.is_empty(), workers.iter().any(|worker| worker.is_live)) {
        (true, _) => None,
        (false, true) => Some(Finding::note(about, format!("{tasks} of {methods} to run again soon"))),
        (false, false) => {
            let sentence =
                format!("{tasks} of {methods} to run again, and no worker runs: start one that has {methods}");
            Some(Finding::wrong(about, sentence))
        }
    })
}

/// Waiting tasks that nobody serves.
async fn waiting(store: &Store, workers: &[Worker]) -> Result<Vec<Finding>> {
    let (lines, now) = store.lines().await?;
    let paused: Vec<String> =
        store.type_rules().await?.into_iter().filter(|rule| rule.is_paused).map(|rule| rule.task_type).collect();
    let mut findings = Vec::new();
    let is_served = |line: &Line| workers.iter().any(|worker| serves(worker, &line.method, &line.task_type));
    let unserved: Vec<&Line> =
        lines.iter().filter(|line| !paused.contains(&line.task_type) && !is_served(line)).collect();
    let named = |lines: &[&Line]| {
        let mut names: Vec<&str> = lines.iter().map(|line| line.method.as_str()).collect();
        names.dedup();
        let more = if names.len() > NAMED_MAX { ", …" } else { "" };
        names.truncate(NAMED_MAX);
        format!("{}{more}", names.join(", "))
    };
    let (due, later): (Vec<&Line>, Vec<&Line>) = unserved.into_iter().partition(|line| line.head <= now);
    if !due.is_empty() {
        let oldest = due.iter().map(|line| now.since(line.head)).max().unwrap_or_default();
        let sentence = format!(
            "tasks of {} are due, for up to {}, and no live worker serves them: start one that has the method and takes their type",
            named(&due),
            format_span(oldest)
        );
        findings.push(Finding::wrong("waiting", sentence));
    }
    if !later.is_empty() {
        findings.push(Finding::note(
            "waiting",
            format!("tasks of {} are due later, and no live worker serves them now", named(&later)),
        ));
    }
    if lines.iter().any(|line| paused.contains(&line.task_type)) {
        findings.push(Finding::note("paused", format!("tasks wait in paused types: {}", paused.join(", "))));
    }
    let limited: BTreeSet<String> = lines
        .iter()
        .filter(|line| line.head <= now && !line.is_paused)
        .filter_map(|line| Some(format!("{} ({})", line.task_type, line.running_limit?)))
        .collect();
    if !limited.is_empty() {
        let limited = limited.into_iter().collect::<Vec<_>>().join(", ");
        findings.push(Finding::note("limited", format!("tasks are due in types with a running limit: {limited}")));
    }
    if findings.is_empty() {
        let sentence = if lines.is_empty() { "nothing waits" } else { "everything that waits is served" };
        findings.push(Finding::good("waiting", sentence));
    }
    Ok(findings)
}

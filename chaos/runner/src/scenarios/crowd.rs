//! Eight processes on one SQLite file, killed while they hold the lock of a write: in the middle of a commit, provably.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use mission_verifier::Outcome;

use crate::arguments::Size;
use crate::crew::{Crew, Duty};
use crate::load::Load;
use crate::outcome::Faults;
use crate::run::Run;

const WORKERS: usize = 8;
const GAP: Duration = Duration::from_millis(250);
/// So long is a writer looked for.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// The byte of the shared-memory file that a writer of the write-ahead log locks.
const WRITE_LOCK: &str = "120";

pub(crate) async fn play(run: &mut Run) -> Outcome<Faults> {
    let (tasks, kills_min) = match run.size {
        Size::Small => (1_000, 10),
        Size::Full => (50_000, 300),
    };
    let load = Load { tasks, wave: 500, ms_max: 40, methods: "effect,effect,effect,transfer", ..run.load() };
    let mut crew = run.hire(Duty::default(), WORKERS)?;
    let mut producers = run.producers(load);
    let shared_memory = run.stage.db.folder().join("mission.db-shm");
    let (mut kills, mut in_commit, mut complaints) = (0, 0, Vec::new());
    while run.goes_on(&mut producers, in_commit < kills_min).await? {
        run.pause(GAP).await;
        if let Some(place) = freeze_a_writer(&mut crew, &shared_memory).await? {
            crew.kill(place)?;
            in_commit += 1;
        } else {
            crew.kill(run.chance.place(WORKERS))?;
        }
        kills += 1;
        crew.hire_one()?;
        complaints.extend(run.stage.tables().await?.complaints().await?);
    }
    run.calms_down(&mut producers, &mut crew).await?;
    Ok(Faults {
        happened: vec![("kills in the middle of a write", in_commit, kills_min)],
        measured: vec![("checks of the file", kills.to_string())],
        broken: complaints,
        ..Faults::default()
    })
}

/// Freezes one that holds the write lock: it is frozen first and looked at then, so that it cannot have let go.
async fn freeze_a_writer(crew: &mut Crew, shared_memory: &Path) -> Outcome<Option<usize>> {
    let file = fs::metadata(shared_memory)?.ino().to_string();
    let began = Instant::now();
    while began.elapsed() < LOOK_MAX {
        if let Some(place) = writer(&file)?.and_then(|pid| crew.place_of(pid)) {
            crew.stop(place)?;
            if writer(&file)? == Some(crew.pid(place)) {
                return Ok(Some(place));
            }
            crew.thaw(place)?;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(None)
}

/// The process that holds the lock of a write, by the kernel's list: `1: POSIX ADVISORY WRITE 123 08:01:4711 120 120`.
fn writer(file: &str) -> Outcome<Option<u32>> {
    let locks = fs::read_to_string("/proc/locks")?;
    let holder = locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, "WRITE", pid, place, WRITE_LOCK, WRITE_LOCK] = words.as_slice() else { return None };
        (place.rsplit(':').next() == Some(file)).then(|| pid.parse().ok()).flatten()
    });
    Ok(holder)
}

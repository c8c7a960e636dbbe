//! One host begins a file, another one ends it.

use mission_core::Segment;
use sha2::{Digest, Sha256};

use crate::server::{Scene, attempt, lines, read, whole};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_file_goes_on_at_another_host_to_the_byte() {
    let Some(scene) = Scene::new() else { return };
    let first = scene.host("one");
    let mut file = attempt(&first, 1).create("report.csv").unwrap();
    file.set_media_type("text/csv");
    let mut committed = None;
    for n in 0..20 {
        lines(&mut file, n * 100..(n + 1) * 100);
        committed = Some(file.commit().unwrap());
    }
    // Lost with the host: written, and never committed.
    lines(&mut file, 9_000..9_100);
    drop(file);
    let second = scene.host("two");
    let mut file = attempt(&second, 2).resume(&committed.unwrap()).unwrap();
    lines(&mut file, 2000..3000);
    let again = file.commit().unwrap();
    drop(file);
    // And back, where an older state of the same file still lies.
    let mut file = attempt(&first, 3).resume(&again).unwrap();
    lines(&mut file, 3000..4000);
    let finished = file.finish(None).unwrap();
    file.unstage().unwrap();
    let bytes = whole(4000);
    assert_eq!((finished.bytes, &finished.sha256), (bytes.len() as u64, &sha256(&bytes)));
    assert_eq!(finished.storage, scene.address());
    for host in [&first, &second] {
        assert!(read(host, &finished.location) == bytes && host.exists(&finished.location).unwrap());
    }
    assert_eq!(scene.published(), [finished.location]);
    assert_eq!(scene.staged(), Vec::<String>::new());
}

#[test]
fn a_large_file_goes_in_parts_and_its_segments_stay_few() {
    let Some(scene) = Scene::new() else { return };
    let first = scene.host("one");
    let mut file = attempt(&first, 1).create("report.csv").unwrap();
    let most = 900_000;
    for n in 0..64 {
        lines(&mut file, n * most / 64..(n + 1) * most / 64);
        file.commit().unwrap();
    }
    let committed = file.commit().unwrap();
    drop(file);
    let bytes = whole(most);
    assert!(bytes.len() > 20 << 20, "{}", bytes.len());
    assert!(committed.segments.len() < 12, "{:?}", committed.segments);
    assert_eq!(committed.segments.iter().map(|segment| segment.bytes).sum::<u64>(), bytes.len() as u64);
    let second = scene.host("two");
    let mut file = attempt(&second, 2).resume(&committed).unwrap();
    let finished = file.finish(None).unwrap();
    file.unstage().unwrap();
    assert!(finished.sha256 == sha256(&bytes) && read(&second, &finished.location) == bytes);
    assert_eq!((scene.staged(), scene.parts()), (Vec::new(), 0));
}

#[test]
fn a_zombie_changes_nothing_of_the_winners_file() {
    let Some(scene) = Scene::new() else { return };
    let (first, second) = (scene.host("one"), scene.host("two"));
    let files = attempt(&first, 1);
    let mut late = files.create("late.csv").unwrap();
    let mut zombie = files.create("report.csv").unwrap();
    lines(&mut zombie, 0..100);
    let committed = zombie.commit().unwrap();
    let mut winner = attempt(&second, 2).resume(&committed).unwrap();
    // It writes, commits and publishes on, each before and after the winner.
    zombie_on(&mut zombie);
    lines(&mut winner, 100..200);
    let resumed = winner.commit().unwrap();
    let published = zombie.finish(None).unwrap();
    let finished = winner.finish(None).unwrap();
    assert_ne!(published.location, finished.location);
    winner.unstage().unwrap();
    assert_eq!(read(&second, &finished.location), whole(200));
    assert_eq!(scene.published(), std::slice::from_ref(&finished.location));
    // And what it stores after that the sweep takes, not the result.
    lines(&mut late, 100..150);
    late.commit().unwrap();
    assert!(!scene.staged().is_empty());
    assert!(resumed.segments.iter().any(|segment| segment.token == 2));
    let staged = second.staged().unwrap();
    second.sweep(&staged, |_| false, |location| location == finished.location).unwrap();
    assert_eq!((read(&second, &finished.location), scene.staged()), (whole(200), Vec::new()));
}

fn zombie_on(zombie: &mut mission_files::StagingFile) {
    lines(zombie, 5000..5100);
    zombie.commit().unwrap();
}

#[test]
fn a_damaged_segment_is_refused() {
    let Some(scene) = Scene::new() else { return };
    let mut file = attempt(&scene.host("one"), 1).create("report.csv").unwrap();
    lines(&mut file, 0..100);
    let committed = file.commit().unwrap();
    drop(file);
    let second = scene.host("two");
    let Segment { token, number, .. } = committed.segments[0];
    let key = scene.staged().into_iter().find(|key| key.ends_with(&format!("{token}.{number}.segment"))).unwrap();
    let mut bytes = std::fs::read(scene.object(&key)).unwrap();
    bytes[17] ^= 1;
    std::fs::write(scene.object(&key), &bytes).unwrap();
    let said = attempt(&second, 2).resume(&committed).unwrap_err();
    assert!(said.is_storage() && said.to_string().contains("not what was stored"), "{said}");
    bytes.truncate(17);
    std::fs::write(scene.object(&key), &bytes).unwrap();
    let said = attempt(&second, 3).resume(&committed).unwrap_err();
    assert!(said.to_string().contains("has 17 bytes"), "{said}");
    std::fs::remove_file(scene.object(&key)).unwrap();
    let said = attempt(&second, 4).resume(&committed).unwrap_err();
    assert!(said.is_not_found() && said.to_string().contains("exports/csv/.staging-db"), "{said}");
}

#[test]
fn a_foreign_object_is_never_replaced() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host("one");
    std::fs::write(scene.object("19700101000000-abc.csv"), "foreign").unwrap();
    let files = attempt(&host, 1);
    let locations: Vec<String> = ["a.csv", "b.csv"]
        .map(|name| {
            let mut file = files.create(name).unwrap();
            lines(&mut file, 0..10);
            let location = file.finish(None).unwrap().location;
            file.unstage().unwrap();
            location
        })
        .into();
    assert_eq!(std::fs::read(scene.object("19700101000000-abc.csv")).unwrap(), b"foreign");
    assert_eq!(scene.published().len(), 3, "{locations:?}");
    assert_eq!(scene.staged(), Vec::<String>::new());
}

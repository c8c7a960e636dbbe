//! A later attempt goes on where the checkpoint left a file, whatever the earlier one still does.

use std::io::Write;

use mission_files::{Quota, StagingFile};
use proptest::prelude::*;

use crate::kit::{Bench, STAMP, open, write};

/// Bytes that repeat nowhere near a block's end.
fn bytes(count: usize) -> Vec<u8> {
    (0..count as u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(count).collect()
}

fn digest_of(bytes: &[u8]) -> String {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.bin").unwrap();
    file.write_all(bytes).unwrap();
    file.finish(None).unwrap().sha256
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_resumed_anywhere_equals_an_undisturbed_one(
        total in 0usize..700_000,
        cuts in prop::collection::vec((0usize..700_000, 0usize..300_000, any::<bool>()), 0..4),
        block in 1usize..300_000,
    ) {
        let whole = bytes(total);
        let bench = Bench::new();
        let mut token = 1;
        let mut file = bench.attempt(token).create("a.bin").unwrap();
        let mut at = 0;
        let mut zombies: Vec<StagingFile> = Vec::new();
        let mut cuts = cuts;
        cuts.sort();
        for (cut, lost, is_zombie) in cuts {
            let cut = cut.min(total).max(at);
            for part in whole[at..cut].chunks(block) { file.write_all(part).unwrap(); }
            at = cut;
            let committed = file.commit().unwrap();
            prop_assert_eq!(committed.bytes, at as u64);
            file.write_all(&vec![b'#'; lost]).unwrap();
            file.flush().unwrap();
            if is_zombie { zombies.push(file) } else { drop(file) }
            token += 1;
            file = bench.attempt(token).resume(&committed).unwrap();
        }
        for zombie in &mut zombies {
            zombie.write_all(b"a zombie's bytes").unwrap();
            zombie.flush().unwrap();
        }
        for part in whole[at..].chunks(block) { file.write_all(part).unwrap(); }
        for zombie in &mut zombies { let _ = zombie.finish(None); }
        let finished = file.finish(None).unwrap();
        prop_assert_eq!(&finished.sha256, &digest_of(&whole));
        prop_assert_eq!(finished.bytes, total as u64);
        prop_assert!(bench.read(&finished.location) == whole);
    }
}

#[test]
fn a_zombie_that_writes_on_changes_nothing_of_the_winners_file() {
    let bench = Bench::new();
    let mut zombie = bench.attempt(1).create("a.csv").unwrap();
    write(&mut zombie, "1\n");
    let committed = zombie.commit().unwrap();
    let mut winner = bench.attempt(2).resume(&committed).unwrap();
    write(&mut winner, "2\n");
    write(&mut zombie, "zombie");
    zombie.commit().unwrap();
    let finished = winner.finish(None).unwrap();
    write(&mut zombie, "zombie");
    zombie.commit().unwrap();
    assert_eq!(bench.read(&finished.location), b"1\n2\n");
    let late = zombie.finish(None).unwrap();
    assert_ne!(late.location, finished.location);
    zombie.discard().unwrap();
    winner.unstage().unwrap();
    assert_eq!(bench.published(), [format!("{STAMP}-abc.csv")]);
    assert_eq!(bench.read(&finished.location), b"1\n2\n");
    assert!(bench.staged().is_empty());
}

#[test]
fn a_zombie_that_comes_late_is_told_that_a_later_attempt_has_the_file() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1\n");
    let committed = file.commit().unwrap();
    drop(file);
    let mut winner = bench.attempt(3).resume(&committed).unwrap();
    write(&mut winner, "2\n");
    let finished = winner.finish(None).unwrap();
    // Its process ended between the settlement and the unstaging: nobody holds the lock any more.
    drop(winner);
    let said = bench.attempt(2).resume(&committed).unwrap_err();
    assert!(said.is_storage() && said.to_string().contains("a later attempt"), "{said}");
    assert_eq!(bench.read(&finished.location), b"1\n2\n");
}

#[test]
fn an_attempt_that_died_before_its_first_checkpoint_does_not_hide_the_file() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1\n");
    let committed = file.commit().unwrap();
    drop(file);
    for token in 2..5 {
        let mut file = bench.attempt(token).resume(&committed).unwrap();
        write(&mut file, "lost");
        file.flush().unwrap();
    }
    let mut file = bench.attempt(5).resume(&committed).unwrap();
    write(&mut file, "2\n");
    let finished = file.finish(None).unwrap();
    assert_eq!(bench.read(&finished.location), b"1\n2\n");
    file.unstage().unwrap();
    assert!(bench.staged().is_empty());
}

#[test]
fn a_file_begun_anew_never_meets_an_older_checkpoint() {
    let bench = Bench::new();
    let files = bench.attempt(1);
    let mut first = files.create("a.csv").unwrap();
    write(&mut first, "old\n");
    let committed = first.commit().unwrap();
    first.discard().unwrap();
    let mut second = files.create("a.csv").unwrap();
    write(&mut second, "new and longer\n");
    second.commit().unwrap();
    drop(second);
    let refused = bench.attempt(2).resume(&committed).unwrap_err();
    let said = refused.to_string();
    assert!(refused.is_not_found() && said.contains("no longer in") && said.contains("retry the task"), "{said}");
}

#[test]
fn a_file_shorter_than_committed_is_said() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "12345");
    let committed = file.commit().unwrap();
    drop(file);
    std::fs::File::options().write(true).open(bench.staging().join(&committed.staging)).unwrap().set_len(2).unwrap();
    let said = bench.attempt(2).resume(&committed).unwrap_err().to_string();
    assert!(said.contains("has 2 bytes, and 5 were committed"), "{said}");
}

#[test]
fn a_hash_state_of_another_version_is_made_anew_from_the_bytes() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "123");
    let mut committed = file.commit().unwrap();
    drop(file);
    committed.hash = "00".to_owned();
    let mut file = bench.attempt(2).resume(&committed).unwrap();
    write(&mut file, "45");
    assert_eq!(file.finish(None).unwrap().sha256, digest_of(b"12345"));
}

#[test]
fn what_was_said_of_a_file_is_carried_over() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    file.set_media_type("text/csv");
    file.set_rows(3);
    file.keep_for(std::time::Duration::from_secs(60));
    let committed = file.commit().unwrap();
    drop(file);
    // Another process, another handle.
    let folder = open(bench.folder.path(), Quota::default());
    assert_eq!(folder.name(), bench.folder.name());
    let mut file = crate::kit::attempt(&folder, crate::kit::TASK, 2).resume(&committed).unwrap();
    let finished = file.finish(None).unwrap();
    assert_eq!((finished.media_type.as_str(), finished.rows), ("text/csv", Some(3)));
    assert_eq!(finished.keep, Some(std::time::Duration::from_secs(60)));
    assert_eq!(finished.storage, folder.name());
}

//! A published name appears whole, once, and never in place of another file.

use std::fs;

use crate::kit::{Bench, STAMP, write};

#[test]
fn a_crash_between_link_and_settlement_leaves_one_file_under_the_same_name() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1\n");
    let committed = file.commit().unwrap();
    write(&mut file, "of the crashed\n");
    let lost = file.finish(None).unwrap();
    drop(file);
    let mut file = bench.attempt(2).resume(&committed).unwrap();
    assert!(bench.published().is_empty(), "the name that no row speaks of goes before the file is changed");
    write(&mut file, "2\n");
    let finished = file.finish(None).unwrap();
    assert_eq!(finished.location, lost.location);
    assert_eq!(bench.read(&finished.location), b"1\n2\n");
    assert_eq!(bench.published().len(), 1);
}

#[test]
fn a_foreign_file_under_the_published_name_is_never_replaced() {
    let bench = Bench::new();
    let taken = bench.folder.path().join(format!("{STAMP}-abc.csv"));
    fs::write(&taken, "foreign").unwrap();
    std::os::unix::fs::symlink("nowhere", bench.folder.path().join(format!("{STAMP}-abc-2.csv"))).unwrap();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "ours");
    let finished = file.finish(None).unwrap();
    assert_eq!(finished.location, format!("{STAMP}-abc-3.csv"));
    assert_eq!(file.finish(None).unwrap(), finished, "asked again it answers the same");
    assert_eq!(fs::read(&taken).unwrap(), b"foreign");
    file.discard().unwrap();
    assert_eq!(fs::read(&taken).unwrap(), b"foreign");
    assert!(!bench.folder.exists(&finished.location).unwrap());
}

#[test]
fn files_of_one_task_have_names_of_their_own() {
    let bench = Bench::new();
    let files = bench.attempt(1);
    let locations: Vec<String> = ["a.csv", "b.csv", "c.pdf"]
        .map(|name| {
            let mut file = files.create(name).unwrap();
            write(&mut file, name);
            let finished = file.finish(None).unwrap();
            file.unstage().unwrap();
            finished.location
        })
        .into();
    assert_eq!(locations, [format!("{STAMP}-abc.csv"), format!("{STAMP}-abc-2.csv"), format!("{STAMP}-abc.pdf")]);
    assert!(bench.staged().is_empty());
    assert_eq!(bench.read(&locations[1]), b"b.csv");
}

#[test]
fn a_finished_file_takes_no_more_and_stays_finished_in_the_checkpoint() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    assert!(!file.commit().unwrap().is_finished);
    let finished = file.finish(None).unwrap();
    let said = std::io::Write::write(&mut file, b"2").unwrap_err().to_string();
    assert!(said.contains("is finished"), "{said}");
    let committed = file.commit().unwrap();
    assert!(committed.is_finished);
    drop(file);
    let mut file = bench.attempt(2).resume(&committed).unwrap();
    assert!(file.commit().unwrap().is_finished);
    let again = file.finish(None).unwrap();
    assert_eq!((again.location, again.sha256), (finished.location, finished.sha256));
}

#[test]
fn a_media_type_that_is_none_does_not_swell_the_checkpoint() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    file.set_media_type("ü/".repeat(1 << 20));
    assert_eq!(file.commit().unwrap().media_type.chars().count(), mission_core::limits::MEDIA_TYPE_CHARS_MAX);
}

#[test]
fn an_unfinished_file_is_not_unstaged() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    file.commit().unwrap();
    assert!(file.unstage().unwrap_err().to_string().contains("finish it, or discard it"));
    assert_eq!(bench.staged().len(), 1);
}

#[test]
fn published_files_are_read_and_removed() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    let location = file.finish(None).unwrap().location;
    file.unstage().unwrap();
    let reader = mission_files::Folder::open_to_read(bench.folder.path()).unwrap();
    assert_eq!(reader.name(), bench.folder.name());
    assert_eq!(std::io::read_to_string(reader.open_published(&location).unwrap()).unwrap(), "1");
    assert!(bench.folder.remove(&location).unwrap() && !bench.folder.remove(&location).unwrap());
    assert!(bench.folder.open_published(&location).unwrap_err().is_not_found());
}

#[test]
fn what_took_the_place_of_a_file_is_neither_removed_nor_published() {
    let bench = Bench::new();
    let files = bench.attempt(1);
    let mut file = files.create("a.csv").unwrap();
    write(&mut file, "ours");
    let part = bench.staging().join(file.commit().unwrap().staging);
    let mut finished = files.create("b.csv").unwrap();
    let location = bench.folder.path().join(finished.finish(None).unwrap().location);
    for path in [&part, &location] {
        fs::remove_file(path).unwrap();
        fs::write(path, "foreign").unwrap();
    }
    assert!(file.finish(None).unwrap_err().to_string().contains("removed or replaced"));
    file.discard().unwrap();
    finished.discard().unwrap();
    for path in [&part, &location] {
        assert_eq!(fs::read(path).unwrap(), b"foreign");
    }
}

//! Folders that are none, names that are none, and things that somebody else put there.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use mission_files::{Folder, Quota};

use crate::kit::{Bench, write};

fn refused(path: &std::path::Path) -> String {
    let said = Folder::open(path, "db", Quota::default()).unwrap_err();
    assert!(said.is_storage(), "{said:?}");
    let text = said.to_string();
    assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "{text}");
    text
}

#[test]
fn what_is_no_folder_is_named_with_the_way_out() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("plain"), "x").unwrap();
    assert!(refused(&temp.path().join("plain")).contains("is a file: set another storage folder"));
    let below = Folder::open(&temp.path().join("plain/below"), "db", Quota::default()).unwrap_err();
    assert!(below.to_string().contains("cannot make the folder") && below.to_string().contains("plain"), "{below}");
    fs::create_dir(temp.path().join("real")).unwrap();
    std::os::unix::fs::symlink(temp.path().join("real"), temp.path().join("link")).unwrap();
    assert!(refused(&temp.path().join("link")).contains("real"));
    std::os::unix::fs::symlink("nowhere", temp.path().join("loose")).unwrap();
    assert!(refused(&temp.path().join("loose")).contains("symbolic link to nothing"));
    let said = Folder::open(temp.path(), "../x", Quota::default()).unwrap_err();
    assert!(said.is_invalid());
    assert!(Folder::open_to_read(&temp.path().join("real")).unwrap_err().is_not_found());
}

#[test]
fn a_staging_folder_that_is_a_link_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", temp.path().join(".staging-db")).unwrap();
    let said = Folder::open(temp.path(), "db", Quota::default()).unwrap_err();
    assert!(said.to_string().contains(".staging-db"), "{said}");
    assert!(fs::read_dir(temp.path().join("elsewhere")).unwrap().next().is_none());
}

#[test]
fn a_folder_removed_under_us_is_said() {
    let bench = Bench::new();
    let files = bench.attempt(1);
    let mut file = files.create("a.csv").unwrap();
    write(&mut file, "1");
    fs::remove_dir_all(bench.folder.path()).unwrap();
    let said = files.create("b.csv").unwrap_err().to_string();
    assert!(said.contains("was removed or moved") && said.contains("files"), "{said}");
    let said = file.finish(None).unwrap_err().to_string();
    assert!(said.contains("removed or replaced"), "{said}");
}

#[test]
fn names_in_the_folder_that_are_not_text_are_passed_over() {
    let bench = Bench::new();
    for folder in [bench.folder.path(), &bench.staging()] {
        fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff\xfe-7.part")), "x").unwrap();
    }
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    let committed = file.commit().unwrap();
    file.finish(None).unwrap();
    drop(file);
    assert_eq!(bench.folder.staged().unwrap()[0].locations.len(), 1);
    bench.attempt(2).resume(&committed).unwrap();
}

#[test]
fn a_link_or_pipe_in_the_place_of_a_file_is_not_followed() {
    let bench = Bench::new();
    let secret = bench.temp.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let location = "19700101000000-x.csv";
    std::os::unix::fs::symlink(&secret, bench.folder.path().join(location)).unwrap();
    assert!(bench.folder.open_published(location).unwrap_err().is_storage());
    assert!(!bench.folder.exists(location).unwrap());
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    let committed = file.commit().unwrap();
    drop(file);
    let part = bench.staging().join(&committed.staging);
    fs::remove_file(&part).unwrap();
    std::os::unix::fs::symlink(&secret, &part).unwrap();
    assert!(bench.attempt(2).resume(&committed).is_err());
    fs::remove_file(&part).unwrap();
    let pipe = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::mknodat(rustix::fs::CWD, &part, rustix::fs::FileType::Fifo, pipe, 0).unwrap();
    assert!(bench.attempt(2).resume(&committed).is_err());
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn a_checkpoint_made_by_somebody_else_reaches_no_other_file() {
    let bench = Bench::new();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    let committed = file.commit().unwrap();
    drop(file);
    let other_task = committed.staging.replacen('7', "8", 1);
    for staging in ["", "../../etc/passwd", "/etc/passwd", "7-1-19700101000000.1.copy", &other_task] {
        let forged = mission_core::CommittedFile { staging: staging.to_owned(), ..committed.clone() };
        let said = bench.attempt(2).resume(&forged).unwrap_err().to_string();
        assert!(said.contains("does not name a file of this task"), "{staging}: {said}");
    }
    for location in ["../secret", ".mission-storage", ".staging-db", "19700101000000-../x"] {
        assert!(bench.folder.remove(location).unwrap_err().is_invalid());
        assert!(bench.folder.open_published(location).unwrap_err().is_invalid());
    }
    assert!(bench.attempt(1).create("../x").unwrap_err().is_invalid());
}

#[test]
fn a_folder_keeps_its_name_when_it_is_moved() {
    let bench = Bench::new();
    let name = bench.folder.name().to_owned();
    let moved = bench.temp.path().join("moved");
    fs::rename(bench.folder.path(), &moved).unwrap();
    assert_eq!(crate::kit::open(&moved, Quota::default()).name(), name);
    fs::write(moved.join(".mission-storage"), "not a name\n!").unwrap();
    let said = Folder::open(&moved, "db", Quota::default()).unwrap_err().to_string();
    assert!(said.contains("does not hold the storage's name"), "{said}");
}

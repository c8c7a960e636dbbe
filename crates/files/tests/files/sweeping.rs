//! The sweep removes what is dead, and nothing else.

use mission_files::Swept;

use crate::kit::{Bench, attempt, write};

#[test]
fn the_sweep_removes_only_what_belongs_to_ended_tasks() {
    let bench = Bench::new();
    for task in [1, 2, 3] {
        let mut file = attempt(&bench.folder, task, 1).create("a.csv").unwrap();
        write(&mut file, "12345");
        file.commit().unwrap();
    }
    let mut open = attempt(&bench.folder, 4, 1).create("a.csv").unwrap();
    write(&mut open, "1");
    std::fs::write(bench.staging().join("a stranger"), "x").unwrap();
    let staged = bench.folder.staged().unwrap();
    assert_eq!(staged.iter().map(|one| one.task_id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let swept = bench.folder.sweep(&staged, |task| task == 2, |_| false).unwrap();
    assert_eq!(swept, Swept { files: 2, bytes: 10, busy: 1 });
    let left = bench.staged();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left[0].starts_with("2-") && left[1].starts_with("4-") && left[2] == "a stranger", "{left:?}");
    drop(open);
    assert_eq!(bench.folder.sweep(&staged, |task| task == 2, |_| false).unwrap().files, 1);
}

#[test]
fn a_published_name_goes_with_the_sweep_only_if_no_row_speaks_of_it() {
    for is_result in [true, false] {
        let bench = Bench::new();
        let mut file = bench.attempt(1).create("a.csv").unwrap();
        write(&mut file, "1");
        let location = file.finish(None).unwrap().location;
        // Dropped without unstaging: the process died after the link.
        drop(file);
        let staged = bench.folder.staged().unwrap();
        assert_eq!(staged[0].locations, std::slice::from_ref(&location));
        bench.folder.sweep(&staged, |_| false, |asked| asked == location && is_result).unwrap();
        assert!(bench.staged().is_empty());
        assert_eq!(bench.folder.exists(&location).unwrap(), is_result);
    }
}

#[test]
fn two_databases_in_one_folder_leave_each_other_alone() {
    let bench = Bench::new();
    let other = mission_files::Folder::open(bench.folder.path(), "other", mission_files::Quota::default()).unwrap();
    let mut file = bench.attempt(1).create("a.csv").unwrap();
    write(&mut file, "1");
    file.commit().unwrap();
    assert!(other.staged().unwrap().is_empty());
    assert_eq!(other.name(), bench.folder.name());
}

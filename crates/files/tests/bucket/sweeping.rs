//! What is left is removed, by any host.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mission_files::{BucketSettings, Folder, Quota};
use mission_testkit::s3::{ACCESS_KEY, SECRET_KEY};

use crate::server::{Scene, TASK, attempt, lines, read, whole};

const CHILD: [&str; 2] = ["MISSION_TEST_BUCKET_FOLDER", "MISSION_TEST_BUCKET_ADDRESS"];

#[test]
fn the_sweep_of_another_host_takes_what_a_dead_one_left() {
    let Some(scene) = Scene::new() else { return };
    let first = scene.host("one");
    let mut file = attempt(&first, 1).create("report.csv").unwrap();
    lines(&mut file, 0..100);
    file.commit().unwrap();
    // Published, and dead before its end was written.
    let lost = file.finish(None).unwrap();
    drop(file);
    let second = scene.host("two");
    let staged = second.staged().unwrap();
    assert_eq!(staged.iter().map(|one| one.task_id).collect::<Vec<_>>(), [TASK]);
    second.sweep(&staged, |task| task == TASK, |_| false).unwrap();
    assert_eq!(scene.published(), std::slice::from_ref(&lost.location), "an active task keeps all");
    second.sweep(&staged, |_| false, |location| location == lost.location).unwrap();
    assert_eq!((scene.staged(), scene.published()), (Vec::new(), vec![lost.location.clone()]), "a result stays");
    assert!(second.remove(&lost.location).unwrap() && !second.remove(&lost.location).unwrap());
    assert!(second.read_published(&lost.location).err().unwrap().is_not_found());
}

#[test]
fn an_unpublished_file_and_a_discarded_one_go() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host("one");
    let files = attempt(&host, 1);
    for is_finished in [false, true] {
        let mut file = files.create("report.csv").unwrap();
        lines(&mut file, 0..100);
        file.commit().unwrap();
        if is_finished {
            file.finish(None).unwrap();
        }
        file.discard().unwrap();
        assert_eq!((scene.staged(), scene.published()), (Vec::new(), Vec::new()));
    }
    let mut file = files.create("report.csv").unwrap();
    lines(&mut file, 0..100);
    file.finish(None).unwrap();
    drop(file);
    host.sweep(&host.staged().unwrap(), |_| false, |_| false).unwrap();
    assert_eq!((scene.staged(), scene.published()), (Vec::new(), Vec::new()));
}

/// Not a test of anything: a process that publishes a large file, and is killed on the way.
#[test]
fn process_of_its_own() {
    let [Ok(folder), Ok(address)] = CHILD.map(std::env::var) else { return };
    let settings = BucketSettings::new(address).keys(ACCESS_KEY, SECRET_KEY);
    let host = Folder::open_with_bucket(folder.as_ref(), "db", Quota::default(), &settings).unwrap();
    let mut file = attempt(&host, 1).create("report.csv").unwrap();
    lines(&mut file, 0..2_000_000);
    file.finish(None).unwrap();
}

#[test]
fn an_upload_in_parts_whose_process_died_is_given_up_by_the_sweep() {
    let Some(scene) = Scene::new() else { return };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["sweeping::process_of_its_own", "--exact"]).stdout(Stdio::null());
    command.envs(CHILD.into_iter().zip([scene.temp.path().join("one").into_os_string(), scene.address().into()]));
    let mut process = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while scene.parts() == 0 {
        assert!(Instant::now() < deadline, "no part arrives");
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(scene.published(), Vec::<String>::new());
    let host = scene.host("two");
    host.sweep(&host.staged().unwrap(), |_| false, |_| false).unwrap();
    assert_eq!((scene.staged(), scene.parts()), (Vec::new(), 0));
}

#[test]
fn results_of_the_folder_from_before_the_bucket_stay_within_reach() {
    let Some(scene) = Scene::new() else { return };
    let path = scene.temp.path().join("one");
    let before = Folder::open(&path, "db", Quota::default()).unwrap();
    let mut file = attempt(&before, 1).create("report.csv").unwrap();
    lines(&mut file, 0..10);
    let finished = file.finish(None).unwrap();
    file.unstage().unwrap();
    let now = scene.host("one").without_bucket().unwrap();
    assert_eq!(now.name(), finished.storage);
    assert_eq!(read(&now, &finished.location), whole(10));
    assert!(now.remove(&finished.location).unwrap());
}

#[test]
fn a_note_about_somebody_elses_file_removes_nothing() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host("one");
    let mut file = attempt(&host, 1).create("report.csv").unwrap();
    lines(&mut file, 0..10);
    file.commit().unwrap();
    drop(file);
    let segment = scene.object(&scene.staged()[0]);
    std::fs::write(segment.with_file_name("1.19700101000000-abc.csv.note"), "").unwrap();
    std::fs::write(scene.object("19700101000000-abc.csv"), "foreign").unwrap();
    host.sweep(&host.staged().unwrap(), |_| false, |_| false).unwrap();
    assert_eq!((scene.staged(), scene.published()), (Vec::new(), vec!["19700101000000-abc.csv".to_owned()]));
}

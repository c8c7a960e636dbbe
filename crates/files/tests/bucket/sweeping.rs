//! What is left is removed, by any host.

use crate::server::{Scene, TASK, attempt, lines, read, whole};

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

#[test]
fn an_upload_in_parts_that_died_is_given_up_by_the_sweep() {
    let Some(mut scene) = Scene::new() else { return };
    let first = scene.host("one");
    let mut file = attempt(&first, 1).create("report.csv").unwrap();
    lines(&mut file, 0..1_000_000);
    let committed = file.commit().unwrap();
    let uploading = std::thread::spawn(move || file.finish(None).map(drop));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while scene.parts() == 0 {
        assert!(std::time::Instant::now() < deadline, "no part arrives");
    }
    scene.stop();
    scene.start();
    let _ = uploading.join().unwrap();
    let second = scene.host("two");
    let mut file = attempt(&second, 2).resume(&committed).unwrap();
    let finished = file.finish(None).unwrap();
    file.unstage().unwrap();
    assert_eq!((scene.staged(), scene.parts()), (Vec::new(), 0));
    assert_eq!(scene.published(), std::slice::from_ref(&finished.location));
    assert!(read(&second, &finished.location) == whole(1_000_000));
}

#[test]
fn results_of_the_folder_from_before_the_bucket_stay_within_reach() {
    let Some(scene) = Scene::new() else { return };
    let path = scene.temp.path().join("one");
    let before = mission_files::Folder::open(&path, "db", mission_files::Quota::default()).unwrap();
    let mut file = attempt(&before, 1).create("report.csv").unwrap();
    lines(&mut file, 0..10);
    let finished = file.finish(None).unwrap();
    file.unstage().unwrap();
    let now = scene.host("one").without_bucket().unwrap();
    assert_eq!(now.name(), finished.storage);
    assert_eq!(read(&now, &finished.location), whole(10));
    assert!(now.remove(&finished.location).unwrap());
}

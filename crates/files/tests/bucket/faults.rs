//! Wrong keys, hostile addresses, a server that is away.

use std::time::Duration;

use mission_core::{Error, ErrorKind};
use mission_files::{BucketSettings, Folder, Quota};

use crate::server::{Scene, attempt, lines, read, whole};

fn refused(scene: &Scene, settings: &BucketSettings) -> Error {
    Folder::open_with_bucket(&scene.temp.path().join("one"), "db", Quota::default(), settings).unwrap_err()
}

#[test]
fn wrong_keys_are_said_at_the_start_and_never_shown() {
    let Some(scene) = Scene::new() else { return };
    for (key, secret) in [("test-key", "sesame"), ("nobody", "sesame")] {
        let said = refused(&scene, &BucketSettings::new(scene.address()).keys(key, secret));
        assert_eq!(said.kind(), ErrorKind::Setup);
        let text = format!("{said} {said:?}");
        assert!(text.contains("check AWS_ACCESS_KEY_ID") && text.contains("403"), "{text}");
        assert!(!text.contains("sesame") && !text.contains("ignature="), "{text}");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_said_with_the_way_out() {
    let Some(scene) = Scene::new() else { return };
    let mut settings = scene.settings();
    settings.address = settings.address.replace("s3://files/", "s3://elsewhere/");
    let said = refused(&scene, &settings);
    assert!(said.kind() == ErrorKind::Setup && said.to_string().contains("make the bucket"), "{said}");
}

#[test]
fn hostile_locations_reach_no_object() {
    let Some(scene) = Scene::new() else { return };
    let host = scene.host("one");
    std::fs::write(scene.object("secret"), "x").unwrap();
    for location in ["../secret", "secret", ".mission-storage", "", "19700101000000-../secret", ".staging-db/x"] {
        assert!(host.remove(location).unwrap_err().is_invalid(), "{location}");
        assert!(host.read_published(location).err().unwrap().is_invalid(), "{location}");
    }
    assert!(scene.object("secret").exists());
}

#[test]
fn a_short_outage_is_waited_out() {
    let Some(mut scene) = Scene::new() else { return };
    let host = scene.host("one");
    let mut file = attempt(&host, 1).create("report.csv").unwrap();
    lines(&mut file, 0..100);
    scene.server.stop();
    let committing = std::thread::spawn(move || {
        file.commit().unwrap();
        file
    });
    std::thread::park_timeout(Duration::from_millis(700));
    scene.server.start_again();
    let mut file = committing.join().unwrap();
    lines(&mut file, 100..200);
    let finished = file.finish(None).unwrap();
    file.unstage().unwrap();
    assert_eq!(read(&host, &finished.location), whole(200));
}

#[test]
fn a_long_outage_is_an_error_and_what_was_committed_is_kept() {
    let Some(mut scene) = Scene::new() else { return };
    let host = scene.host("one");
    let mut file = attempt(&host, 1).create("report.csv").unwrap();
    lines(&mut file, 0..100);
    let committed = file.commit().unwrap();
    lines(&mut file, 100..200);
    scene.server.stop();
    let said = file.commit().unwrap_err();
    assert!(said.is_unreachable(), "{said:?}");
    let text = said.to_string();
    assert!(
        text.contains("s3://files/exports/csv") && text.contains("segment") && text.contains("tried for"),
        "{text}"
    );
    assert!(!text.contains("ignature"), "{text}");
    scene.server.start_again();
    // The same file goes on once the server is back, and so does another host from what was committed.
    assert_eq!(file.commit().unwrap().bytes, whole(200).len() as u64);
    drop(file);
    let second = scene.host("two");
    let mut file = attempt(&second, 2).resume(&committed).unwrap();
    lines(&mut file, 100..300);
    let finished = file.finish(None).unwrap();
    assert_eq!(read(&second, &finished.location), whole(300));
}

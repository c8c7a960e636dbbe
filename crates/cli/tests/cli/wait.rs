//! `wait` and `watch`: how they end, and what they print.

use std::process::Stdio;

use crate::scene::{Ran, Scene, eventually};

#[test]
fn the_exit_is_the_gravest_of_all_that_were_waited_for() {
    let scene = Scene::new();
    let ids: Vec<String> = ["success", "fail", "cancelled", "init"]
        .map(|state| {
            let id = scene.push(&["nope"]);
            scene.end(&id, state, "so it ended");
            id
        })
        .to_vec();
    let wait = |places: &[usize]| {
        let chosen: Vec<&str> = places.iter().map(|place| ids[*place].as_str()).collect();
        scene.run(&[&["wait", "--timeout", "100ms"], chosen.as_slice()].concat()).code.unwrap()
    };
    assert_eq!([wait(&[0]), wait(&[1]), wait(&[2]), wait(&[3])], [0, 4, 5, 124]);
    assert_eq!([wait(&[0, 3]), wait(&[2, 3]), wait(&[3, 2, 1, 0])], [124, 5, 4]);
    let watched = scene.run(&["watch", &ids[0], &ids[1], &ids[2]]);
    assert_eq!(watched.code, Some(4));
    assert!(watched.stdout.contains(&format!("{} nope fail so it ended\n", ids[1])), "{watched:?}");
}

#[test]
fn one_answer_is_printed_as_it_is() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    scene.end(&id, "success", "line one\nline 汉 \u{1b}[31m");
    assert_eq!(scene.run(&["wait", &id]).ok(), "line one\nline 汉 \u{1b}[31m\n");
    assert_eq!(scene.run(&["wait", &id, "-o", "json"]).json()["content"], "line one\nline 汉 \u{1b}[31m");
    assert_eq!(scene.run(&["wait", &id, "-o", "id"]).ok(), format!("{id}\n"));
    scene.end(&id, "fail", "disk \u{1b}[31m full");
    let failed = scene.run(&["wait", &id]);
    assert!(failed.stdout.is_empty() && failed.stderr.contains("ended as fail: disk \\e[31m full"), "{failed:?}");
}

#[test]
fn a_wait_that_ran_out_of_time_says_that_the_task_goes_on() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    scene.run(&["wait", &id, "--timeout", "0"]).refused(124, "has not ended in time: it goes on");
    scene.run(&["wait", &id, "--timeout", "soon"]).refused(2, "no span of time");
}

#[test]
fn watching_tells_each_step_and_ends_with_the_task() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    let mut child = scene.command(&["watch", &id[..12]]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        line
    };
    assert_eq!(line(), format!("{id} nope init\n"));
    scene.sql("update mission_tasks set state = 'executing', worker_id = 1, progress_done = 5, progress_total = 10, progress_message = 'half'");
    assert_eq!(line(), format!("{id} nope executing 50% half\n"));
    scene.end(&id, "success", "done");
    assert_eq!(line(), format!("{id} nope success done\n"));
    assert_eq!(line(), "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_task_deleted_meanwhile_is_not_found() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    let mut command = scene.command(&["watch", &id, "-o", "jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
    scene.run(&["delete", &id]).ok();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("it was deleted"), "{ran:?}");
}

#[test]
fn ctrl_c_ends_a_wait_with_130_and_leaves_the_task() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    for args in [&["wait", &id][..], &["watch", &id], &["records", "--watch"]] {
        let mut command = scene.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        // The note comes once it waits; the signal is listened for from before.
        std::io::BufRead::read_line(&mut stderr, &mut String::new()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut code = None;
        eventually("it ends", || {
            code = child.try_wait().unwrap().map(|status| status.code());
            code.is_some()
        });
        assert_eq!(code.flatten(), Some(130), "{args:?}");
    }
    assert_eq!(scene.state_of(&id), "init");
}

#[test]
fn nothing_to_watch_is_no_fault() {
    let scene = Scene::new();
    let id = scene.push(&["nope", "--in", "2h"]);
    let ran = scene.run(&["watch"]);
    assert!(ran.ok().is_empty() && ran.stderr.contains("no task waits or runs now"), "{ran:?}");
    scene.run(&["delete", &id]).ok();
}

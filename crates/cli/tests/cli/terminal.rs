//! On a real terminal, which `script` of util-linux makes: bars, questions, and a table as wide as the window.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use crate::scene::{Scene, eventually};

/// Runs the program on a terminal of 100 columns; what it shows comes to our stdout, what we write is typed.
fn on_terminal(scene: &Scene, args: &str) -> Child {
    let line = format!("stty cols 100 rows 30; {} {args}", env!("CARGO_BIN_EXE_mission"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
    scene.dress(&mut command);
    command.env("TERM", "xterm").env("SHELL", "/bin/sh");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn seen(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_table_is_as_wide_as_the_window() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    scene.end(&id, "success", &"汉".repeat(300));
    let (code, screen) = seen(on_terminal(&scene, "records"));
    assert_eq!(code, Some(0), "{screen}");
    let border = screen.lines().find(|line| line.starts_with("+-")).unwrap().trim_end();
    assert!(border.len() == 100 || border.len() == 99, "{screen}");
}

#[test]
fn a_question_is_asked_and_no_is_the_answer_unless_it_is_yes() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    for (typed, code, state) in [("n\n", 1, "init"), ("\n", 1, "init"), ("y\n", 0, "cancelled")] {
        let mut child = on_terminal(&scene, "cancel --state init");
        child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
        let (ended, screen) = seen(child);
        assert!(screen.contains("cancel 1 task? [y/N]"), "{screen}");
        assert_eq!((ended, scene.state_of(&id).as_str()), (Some(code), state), "{typed:?} {screen}");
    }
}

#[test]
fn a_watched_task_has_a_bar() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    scene.sql("update mission_tasks set state = 'executing', worker_id = 1, progress_done = 420, progress_total = 1000, progress_message = 'writing rows'");
    let mut child = on_terminal(&scene, &format!("watch {id}"));
    let mut stdout = child.stdout.take().unwrap();
    let mut screen = Vec::new();
    eventually("the bar is drawn", || {
        let mut part = [0_u8; 4096];
        let count = stdout.read(&mut part).unwrap();
        screen.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&screen);
        text.contains("42%") && text.contains("writing rows")
    });
    scene.end(&id, "success", "ten rows");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(&format!("{id} nope success ten rows")), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

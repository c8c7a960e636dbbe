//! `add`: what is typed is what is stored.

use crate::scene::Scene;

#[test]
fn the_id_is_the_result_and_json_gives_the_record() {
    let scene = Scene::new();
    let ran = scene.run(&["add", "noop", "--no-start"]);
    let id = ran.ok().trim();
    assert!(id.len() == 16 && id.bytes().all(|letter| letter.is_ascii_lowercase()), "{ran:?}");
    let task = scene.run(&["add", "noop", "--no-start", "-o", "json"]).json();
    assert_eq!((&task["method"], &task["state"]), (&"noop".into(), &"init".into()));
}

#[test]
fn every_option_is_stored() {
    let scene = Scene::new();
    let id = scene.push(&[
        "noop",
        "rows=1000",
        "name=orders",
        "--type",
        "report",
        "--creator",
        "alice",
        "--priority",
        "-3",
        "--key",
        "k 1",
        "--timeout",
        "1h30m",
        "--stall-timeout",
        "90s",
        "--retries",
        "2",
        "--at",
        "2099-01-02T03:04:05Z",
    ]);
    let task = scene.run(&["show", &id, "-o", "json"]).json();
    let expected = serde_json::json!({
        "params": {"rows": 1000, "name": "orders"}, "type": "report", "creator": "alice", "priority": -3, "task_key": "k 1",
        "timeout_ms": 5_400_000, "stall_timeout_ms": 90_000, "retries": 2, "run_at": "2099-01-02T03:04:05Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&task[field], value, "{field}");
    }
    assert!(scene.run(&["show", &id]).ok().contains("scheduled until 2099-01-02T03:04:05Z"));
}

#[test]
fn params_come_from_json_a_file_or_standard_input() {
    let scene = Scene::new();
    let params = |id: &str| scene.run(&["show", id, "-o", "json"]).json()["params"].to_string();
    let exact = scene.push(&["noop", "--params", "{\"n\":18446744073709551617,\"汉\":\"😀\"}"]);
    assert!(scene.run(&["show", &exact]).ok().contains("{\"n\":18446744073709551617,\"汉\":\"😀\"}\n"));
    scene.write("params.json", "\u{feff}[1, 2]\n");
    assert_eq!(params(&scene.push(&["noop", "--params", "@params.json"])), "[1,2]");
    let ran = scene.run_with_input(&["add", "noop", "--no-start", "--params", "-"], b"{\"a\":-1}");
    assert_eq!(params(ran.ok().trim()), "{\"a\":-1}");
    assert_eq!(params(&scene.push(&["noop", "--params", "{}"])), "null");
    assert_eq!(params(&scene.push(&["noop", "--params", "-5"])), "-5");
}

#[test]
fn a_duplicate_prints_the_task_in_its_way_and_exits_6() {
    let scene = Scene::new();
    let first = scene.push(&["noop", "--key", "k"]);
    let again = scene.run(&["add", "noop", "--key", "k", "--no-start"]);
    assert_eq!((again.code, again.stdout.trim()), (Some(6), first.as_str()), "{again:?}");
    let of_key = format!("refused as a duplicate: task {first} of noop waits or runs with the key \"k\"");
    assert!(again.stderr.contains(&of_key), "{again:?}");

    let alone = scene.run(&["add", "noop", "--without-repeat-method", "--no-start", "-o", "json"]);
    assert_eq!((alone.code, &alone.json()["unique_id"]), (Some(6), &first.as_str().into()));
    let of_method = format!("refused as a duplicate: another task of noop, {first}, waits or runs");
    assert!(alone.stderr.contains(&of_method), "{alone:?}");
    for (key, sentence) in [("k", of_key), ("other", of_method)] {
        let both = scene.run(&["add", "noop", "--key", key, "--without-repeat-method", "--no-start"]);
        assert!(both.code == Some(6) && both.stderr.contains(&sentence), "{both:?}");
    }
    scene.run(&["cancel", &first]).ok();
    assert_ne!(scene.push(&["noop", "--key", "k", "--without-repeat-method"]), first);
}

#[test]
fn a_duplicate_is_not_waited_for() {
    let scene = Scene::new();
    scene.push(&["noop", "--key", "k"]);
    assert_eq!(scene.run(&["add", "noop", "--key", "k", "--no-start", "--wait"]).code, Some(6));
}

#[test]
fn waiting_prints_the_answer_or_says_why_it_failed() {
    let scene = Scene::new();
    for (state, code, stdout) in [("success", 0, "the answer\n"), ("fail", 4, ""), ("cancelled", 5, "")] {
        let mut child = scene.command(&["add", "noop", "--no-start", "--wait", "--type", state]);
        let child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut id = String::new();
        crate::scene::eventually("the task is stored", || {
            if scene.path("mission.db").exists() {
                id = scene.run(&["records", "-o", "id", "-q", "--type", state]).stdout.trim().to_owned();
            }
            !id.is_empty()
        });
        scene.end(&id, state, "the answer");
        let ran = crate::scene::Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), stdout), "{ran:?}");
        assert!(code == 0 || ran.stderr.contains(&format!("task {id} ended as {state}: the answer")), "{ran:?}");
    }
}

#[test]
fn waiting_says_that_a_task_is_due_later_or_tried_again_and_why() {
    let scene = Scene::new();
    let later = scene.push(&["noop", "--in", "2h"]);
    let ran = scene.run(&["wait", &later, "--timeout", "300ms"]);
    assert!(ran.code == Some(124) && ran.stderr.contains(&format!("task {later} is due in about ")), "{ran:?}");
    let id = scene.push(&["sleep", "seconds=5"]);
    scene.run(&["execute", &id]);
    let ran = scene.run(&["wait", &id, "--timeout", "300ms"]);
    let says = ran.stderr.contains("waits for another try in about") && ran.stderr.contains("bad_params");
    assert!(ran.code == Some(124) && says, "{ran:?}");
    let quiet = scene.run(&["-q", "wait", &id, "--timeout", "300ms"]);
    assert!(!quiet.stderr.contains("another try"), "{quiet:?}");
}

//! `retry`, `cancel`, `delete`, `pause`, `resume`, `limit`, `fair`: one task or many.

use crate::scene::Scene;

#[test]
fn a_task_is_cancelled_retried_and_deleted_by_the_beginning_of_its_id() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    assert_eq!(scene.run(&["cancel", &id[..15], "-o", "id"]).ok(), format!("{id}\n"));
    assert_eq!(scene.state_of(&id), "cancelled");
    assert_eq!(scene.run(&["retry", &id, "-o", "json"]).json()[0]["done"], "waits again");
    assert_eq!(scene.state_of(&id), "init");
    scene.run(&["delete", &id]).ok();
    assert_eq!(scene.state_of(&id), "");
}

#[test]
fn what_the_state_forbids_is_said_with_the_way_out() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    scene.run(&["retry", &id]).refused(1, "only a task that has ended can be retried");
    scene.sql("update mission_tasks set state = 'executing', worker_id = 1");
    scene.run(&["delete", &id]).refused(1, "cancel it before deleting it");
    assert!(scene.run(&["cancel", &id]).ok().contains("cancel requested"));
    scene.end(&id, "success", "");
    scene.run(&["cancel", &id]).refused(1, "it cannot be cancelled any more");
}

#[test]
fn of_several_the_possible_is_done_and_the_gravest_told() {
    let scene = Scene::new();
    let (waiting, ended) = (scene.push(&["nope"]), scene.push(&["nope"]));
    scene.end(&ended, "success", "");
    let ran = scene.run(&["cancel", &ended, &waiting, "-o", "id"]);
    assert_eq!((ran.code, ran.stdout.trim()), (Some(1), waiting.as_str()), "{ran:?}");
    scene.run(&["cancel", &waiting, "zzz"]).refused(3, "there is no task zzz");
}

#[test]
fn many_tasks_are_named_by_a_filter_and_only_with_leave() {
    let scene = Scene::new();
    let failed: Vec<String> = (0..3).map(|_| scene.push(&["nope", "--type", "report"])).collect();
    failed.iter().for_each(|id| scene.end(id, "fail", "disk full"));
    let waiting = scene.push(&["nope"]);
    scene.run(&["retry"]).refused(2, "`mission retry ID…`, or a filter");
    scene.run(&["retry", "--state", "fail"]).refused(2, "say --yes, or look first with --dry-run");
    let dry = scene.run(&["retry", "--state", "fail", "--dry-run", "-o", "id"]);
    assert_eq!(dry.ok().lines().count(), 3);
    assert!(dry.stderr.contains("would retry 3 tasks: nothing is changed"), "{dry:?}");
    assert_eq!(scene.state_of(&failed[0]), "fail");
    assert_eq!(scene.run(&["retry", "--state", "fail", "--yes", "-o", "id"]).ok().lines().count(), 3);
    assert_eq!(scene.state_of(&failed[0]), "init");
    // Nothing that is waiting can be retried: the filter means nobody, not everybody.
    let nobody = scene.run(&["retry", "--state", "init", "-y"]);
    assert!(nobody.ok().is_empty() && nobody.stderr.contains("no task fits: nothing to retry"), "{nobody:?}");
    assert_eq!(scene.run(&["delete", "--type", "report", "-y"]).ok().matches("deleted").count(), 3);
    assert_eq!(scene.state_of(&waiting), "init");
    scene.run(&["cancel", &waiting, "--state", "init"]).refused(2, "cannot be used with");
}

#[test]
fn a_task_is_changed_by_six_letters_of_its_id_or_more() {
    let scene = Scene::new();
    let id = scene.push(&["nope"]);
    for act in ["cancel", "retry", "delete"] {
        scene
            .run(&[act, &id[..5]])
            .refused(2, &format!("{} is too short to change a task by: give 6 letters or more", &id[..5]));
    }
    assert_eq!(scene.state_of(&id), "init");
    scene.run(&["show", &id[..4]]).ok();
    scene.run(&["cancel", &id[..6]]).ok();
    assert_eq!(scene.state_of(&id), "cancelled");
}

#[test]
fn a_type_is_limited_paused_or_made_fair_before_the_first_push() {
    for args in [&["limit", "report", "3"][..], &["pause", "report"], &["fair", "report", "on"]] {
        let scene = Scene::new();
        assert!(scene.run(args).ok().contains("report"), "{args:?}");
        assert!(scene.run(&["types"]).ok().contains("report"), "{args:?}");
    }
    let scene = Scene::new();
    scene.run(&["limit", "", "3"]).refused(2, "type \"\" is empty");
    scene.run(&["fair", "", "on"]).refused(2, "type \"\" is empty");
    scene.run(&["pause", "report", ""]).refused(2, "type \"\" is empty");
    scene.run(&["types"]).refused(3, "there is no database");
}

#[test]
fn types_are_paused_resumed_limited_and_made_fair() {
    let scene = Scene::new();
    scene.push(&["nope"]);
    assert_eq!(scene.run(&["types", "-o", "json"]).json(), serde_json::json!([]));
    scene.run(&["pause", "report", "汉字 type"]).ok();
    scene.run(&["limit", "report", "3"]).ok();
    let rules = scene.run(&["types", "-o", "json"]).json();
    assert_eq!(rules[0], serde_json::json!({"type": "report", "paused": true, "running_limit": 3, "fair": false}));
    let resumed = scene.run(&["resume", "report"]);
    assert!(resumed.ok().contains("| report    | no     | 3             | no   |"), "{resumed:?}");
    assert!(scene.run(&["limit", "report", "none"]).ok().contains("none"));
    scene.run(&["limit", "report", "many"]).refused(2, "use a number, or none");
    let fair = scene.run(&["fair", "report", "on"]);
    assert!(fair.ok().contains("| report    | no     | none          | yes  |"), "{fair:?}");
    assert!(fair.stderr.contains("for tasks that are pushed from now on"), "{fair:?}");
    scene.run(&["fair", "report", "yes"]).refused(2, "\"yes\" is neither: use on, or off");
    scene.run(&["fair", "report"]).refused(2, "<on|off>");
    scene.run(&["fair", "report ", "on"]).refused(2, "begins or ends with white space");
    scene.run(&["pause", " report"]).refused(2, "begins or ends with white space");
}

#[test]
fn tasks_that_are_added_to_a_fair_type_are_in_the_lane_of_their_creator() {
    let scene = Scene::new();
    let lane =
        |id: &str| scene.sql(&format!("select lane from mission_tasks where unique_id = '{id}'")).trim().to_owned();
    let add = || scene.push(&["nope", "--type", "report", "--creator", "alice"]);
    let before = add();
    scene.run(&["fair", "report", "on"]).ok();
    let during = add();
    assert_eq!(scene.run(&["fair", "report", "off", "-o", "json"]).json()[0]["fair"], false);
    assert_eq!([before, during, add()].map(|id| lane(&id)), ["0", "48", "0"]);
}

#[test]
fn workers_and_methods_are_listed() {
    let scene = Scene::new();
    scene.push(&["nope"]);
    assert_eq!(scene.run(&["workers", "-o", "json"]).json(), serde_json::json!([]));
    let methods = scene.run(&["methods", "-o", "json"]).json();
    assert_eq!(methods[0], serde_json::json!({"method": "helloWorld", "workers": 0, "here": true}));
}

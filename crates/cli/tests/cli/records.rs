//! `records` and `show`: what is listed, in what order, and how a filter narrows it.

use crate::scene::Scene;

fn ids(scene: &Scene, args: &[&str]) -> Vec<String> {
    let ran = scene.run(&[&["records", "-o", "id"], args].concat());
    ran.ok().lines().map(str::to_owned).collect()
}

#[test]
fn the_newest_ten_are_listed_unless_told_otherwise() {
    let scene = Scene::new();
    let mut pushed: Vec<String> = (0..12).map(|_| scene.push(&["noop"])).collect();
    pushed.reverse();
    assert_eq!(ids(&scene, &[]), pushed[..10]);
    assert_eq!(ids(&scene, &["--limit", "3"]), pushed[..3]);
    assert_eq!(ids(&scene, &["--all"]), pushed);
    scene.run(&["records", "--limit", "0"]).refused(2, "--limit");
    scene.run(&["records", "--limit", "3", "--all"]).refused(2, "cannot be used with");
}

#[test]
fn all_goes_through_every_page() {
    let scene = Scene::new();
    scene.push(&["noop"]);
    scene.sql("with recursive n(i) as (select 1 union all select i + 1 from n where i < 450) insert into mission_tasks (method) select 'bulk' from n");
    assert_eq!(ids(&scene, &["--all"]).len(), 451);
    assert_eq!(ids(&scene, &["--limit", "450"]).len(), 450);
    assert_eq!(scene.run(&["records", "--all", "-o", "json"]).json().as_array().unwrap().len(), 451);
    assert_eq!(scene.run(&["records", "--all", "-o", "jsonl"]).ok().lines().count(), 451);
}

#[test]
fn filters_narrow_the_list() {
    let scene = Scene::new();
    let report = scene.push(&["export", "--type", "report", "--creator", "alice"]);
    let done = scene.push(&["noop", "--creator", "汉字"]);
    let old = scene.push(&["noop"]);
    scene.end(&done, "success", "ok");
    scene.sql(&format!("update mission_tasks set created_date = created_date - 7200000000 where unique_id = '{old}'"));
    assert_eq!(ids(&scene, &["--type", "report"]), [report.as_str()]);
    assert_eq!(ids(&scene, &["--creator", "汉字"]), [done.as_str()]);
    assert_eq!(ids(&scene, &["--state", "success,fail"]), [done.as_str()]);
    assert_eq!(ids(&scene, &["--method", "noop"]), [old.as_str(), done.as_str()]);
    assert_eq!(ids(&scene, &["--since", "1h", "--method", "noop"]), [done.as_str()]);
    assert_eq!(ids(&scene, &["--since", "2099-01-01T00:00:00Z"]), Vec::<String>::new());
    scene.run(&["records", "--since", "yesterday"]).refused(2, "2h for the last two hours");
    scene.run(&["records", "--state", "done"]).refused(2, "use init, executing");
}

#[test]
fn the_table_is_the_originals_and_shows_progress_where_a_task_runs() {
    let scene = Scene::new();
    let id = scene.push(&["export"]);
    let line = "+------------------+--------+--------+-------+--------+---------+";
    let table = format!(
        "{line}\n| unique_id        | method | type   | state | params | content |\n{line}\n\
         | {id} | export | system | init  |        |         |\n{line}\n"
    );
    assert_eq!(scene.run(&["records"]).ok(), table);
    assert_eq!(scene.run(&["list"]).ok(), table, "so it is called, too");
    scene.sql("update mission_tasks set state = 'executing', worker_id = 1, progress_done = 42, progress_total = 100, progress_message = 'writing rows'");
    let running = scene.run(&["records"]);
    assert!(running.ok().contains("| progress ") && running.stdout.contains("| 42% writing rows |"), "{running:?}");
}

#[test]
fn one_task_is_shown_with_all_its_fields_and_why_it_waits() {
    let scene = Scene::new();
    let id = scene.push(&["export", "rows=1"]);
    let shown = scene.run(&["show", &id]);
    for part in
        [&format!("unique_id         {id}\n"), "params            {\"rows\":1}\n", "no live worker has its method"]
    {
        assert!(shown.ok().contains(part), "{part}: {shown:?}");
    }
    let mut task = scene.run(&["show", &id, "-o", "json"]).json();
    for list in ["artifacts", "attempts"] {
        assert_eq!(task.as_object_mut().unwrap().remove(list), Some(serde_json::json!([])), "rows of their own");
    }
    let record = &scene.run(&["records", "-o", "json"]).json()[0];
    assert_eq!(&task, record);
    // JSON's field names are the columns of the table.
    let columns = scene.sql("select name from pragma_table_info('mission_tasks')");
    let derived = ["progress"];
    for field in task.as_object().unwrap().keys().filter(|field| !derived.contains(&field.as_str())) {
        assert!(columns.lines().any(|column| column == field), "{field} is no column");
    }
}

#[test]
fn ids_take_a_unique_beginning() {
    let scene = Scene::new();
    scene.push(&["noop"]);
    scene.sql("update mission_tasks set unique_id = 'abcdefghijklmnop'");
    let other = scene.push(&["noop"]);
    scene.sql(&format!("update mission_tasks set unique_id = 'abcxyz' where unique_id = '{other}'"));
    assert_eq!(scene.run(&["show", "abcd", "-o", "id"]).ok(), "abcdefghijklmnop\n");
    assert_eq!(scene.run(&["show", "abcxyz", "-o", "id"]).ok(), "abcxyz\n");
    scene.run(&["show", "abc"]).refused(2, "several tasks begin with abc");
    let ambiguous = scene.run(&["cancel", "abc"]);
    assert!(ambiguous.stderr.contains("abcdefghijklmnop") && ambiguous.stderr.contains("abcxyz"), "{ambiguous:?}");
    scene.run(&["show", "zzz"]).refused(3, "there is no task zzz");
    scene.run(&["show", "ABCD"]).refused(3, "there is no task ABCD");
}

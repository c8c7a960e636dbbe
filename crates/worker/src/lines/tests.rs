//! Whose turn it is, which lines wait, and what is foreseen.

use super::*;

fn line(method: &str, task_type: &str, priority: i64, head: i64) -> Line {
    let (method, task_type, head) = (method.into(), task_type.into(), Timestamp(head));
    Line { method, task_type, priority, lane: 0, head, is_paused: false, running_limit: None }
}

fn known(lines: Vec<Line>) -> (Lines, Instant) {
    let mut known = Lines::default();
    let now = Instant::now();
    known.learn(lines, Timestamp(1_000_000), now);
    (known, now)
}

fn chosen(lines: &Lines, now: Instant) -> String {
    lines.choose(now).map_or("none".to_owned(), |line| line.method)
}

#[test]
fn the_highest_priority_goes_first_then_the_oldest_head() {
    let (lines, now) = known(vec![line("a", "t", 0, 1), line("b", "t", 5, 9), line("c", "t", 5, 8)]);
    assert_eq!(chosen(&lines, now), "c");
}

#[test]
fn lines_of_equal_priority_take_turns() {
    let (mut lines, now) = known(vec![line("a", "t", 0, 1), line("b", "t", 0, 2)]);
    let mut order = Vec::new();
    for _ in 0..4 {
        let chosen = lines.choose(now).unwrap();
        order.push(chosen.method.clone());
        lines.advance(&chosen, chosen.head);
    }
    assert_eq!(order, ["a", "b", "a", "b"]);
}

/// The waiting tasks of some lines, and a worker that takes so many with each claim and looks anew before it. Answers whose
/// tasks it took, one word for each claim; `come` brings what arrives after it.
fn served(
    waiting: &mut [(&str, usize)],
    claims: usize,
    room: usize,
    come: impl Fn(&str, &mut [(&str, usize)]),
) -> Vec<String> {
    let (mut lines, now) = known(vec![]);
    let mut order = Vec::new();
    for _ in 0..claims {
        let there = waiting.iter().filter(|(_, tasks)| *tasks > 0);
        lines.learn(there.map(|(method, _)| line(method, "t", 0, 1)).collect(), Timestamp(1_000_000), now);
        let chosen = lines.choose(now).unwrap();
        let method = chosen.method.clone();
        let tasks = &mut waiting.iter_mut().find(|(known, _)| *known == method).unwrap().1;
        let taken = room.min(*tasks);
        *tasks -= taken;
        if taken < room {
            lines.exhaust(&chosen)
        } else {
            lines.advance(&chosen, chosen.head)
        }
        come(&method, waiting);
        order.push(method);
    }
    order
}

#[test]
fn a_line_that_comes_new_goes_before_those_that_had_their_turn() {
    let come = |taken: &str, waiting: &mut [(&str, usize)]| {
        if taken == "a" && waiting[0].1 == 95 {
            waiting[1].1 = 1;
        }
    };
    assert_eq!(served(&mut [("a", 100), ("b", 0)], 8, 1, come).concat(), "aaaaabaa");
}

#[test]
fn who_comes_again_and_again_with_a_single_task_does_not_get_ahead_of_who_waits() {
    // Each of nine others pushes its next task as soon as its last one was claimed, and is seen without tasks in between.
    for room in [1, 4] {
        let others = ["b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut waiting: Vec<_> = std::iter::once(("a", 1000)).chain(others.map(|other| (other, 1))).collect();
        let come = |taken: &str, waiting: &mut [(&str, usize)]| {
            for (method, tasks) in waiting {
                *tasks = if *method == "a" || *method == taken { *tasks } else { 1 };
            }
        };
        let order = served(&mut waiting, 100, room, come);
        let turns_of_a = order.iter().filter(|method| *method == "a").count();
        assert_eq!(turns_of_a, 10, "every tenth turn: {}", order.concat());
    }
}

#[test]
fn turns_are_forgotten_once_they_tell_no_order() {
    let (mut lines, now) = known(vec![]);
    for number in 0..1000 {
        let passing = line(&format!("m{number}"), "t", 0, 1);
        lines.learn(vec![line("a", "t", 0, 1), passing], Timestamp(1_000_000), now);
        for _ in 0..2 {
            let chosen = lines.choose(now).unwrap();
            lines.advance(&chosen, chosen.head);
        }
    }
    assert_eq!(lines.turns.len(), 1001, "one that never had its turn was there at each look");
    lines.learn(vec![line("a", "t", 0, 1), line("m999", "t", 0, 1)], Timestamp(1_000_000), now);
    assert_eq!(lines.turns.len(), 2);
    lines.learn(vec![], Timestamp(1_000_000), now);
    assert_eq!(lines.turns.len(), 0, "nobody waits");
}

#[test]
fn a_line_is_due_when_the_databases_clock_says_so() {
    let (lines, now) = known(vec![line("a", "t", 0, 1_300_000)]);
    assert_eq!(chosen(&lines, now), "none");
    assert_eq!(lines.next_due(now), Some(Duration::from_millis(300)));
    assert_eq!(chosen(&lines, now + Duration::from_millis(300)), "a");
}

#[test]
fn a_line_whose_claim_was_refused_is_not_due_for_a_while() {
    let (mut lines, now) = known(vec![line("a", "t", 9, 1), line("b", "t", 0, 1)]);
    let refused = lines.choose(now).unwrap();
    assert!(lines.put_aside(&refused, now), "the first time it is said");
    assert_eq!(chosen(&lines, now), "b");
    lines.learn(vec![line("a", "t", 9, 1)], Timestamp(1_000_000), now);
    assert_eq!((chosen(&lines, now).as_str(), lines.next_due(now)), ("none", None));
    let again = now + limits::ASIDE_PAUSE;
    assert_eq!(chosen(&lines, again), "a");
    assert!(!lines.put_aside(&refused, again), "it has been said");
    assert!(lines.put_aside(&refused, now + limits::SAY_AGAIN));
}

#[test]
fn more_is_foreseen_of_a_line_that_all_of_the_last_claims_were_from() {
    let (a, b) = (line("a", "t", 0, 1), line("b", "t", 0, 2));
    let (mut lines, now) = known(vec![a.clone()]);
    lines.gave(&a, Timestamp(5));
    lines.exhaust(&a);
    assert_eq!(lines.foreseen(now), None, "one claim tells nothing yet");
    lines.gave(&a, Timestamp(7));
    let from_there = Line { head: Timestamp(7), ..a.clone() };
    assert_eq!(lines.foreseen(now), Some(from_there.clone()));
    lines.learn(vec![Line { head: Timestamp(1_500_000), ..b.clone() }], Timestamp(1_000_000), now);
    lines.expire();
    assert_eq!(lines.foreseen(now), Some(from_there), "what is due later changes nothing");
    assert_eq!(lines.foreseen(now + Duration::from_millis(500)), None, "by now it is due");
    lines.gave(&b, Timestamp(3));
    assert_eq!(lines.foreseen(now), None, "another came between");
    lines.gave(&b, Timestamp(3));
    assert!(lines.foreseen(now).is_some());
    lines.foresee_nothing();
    assert_eq!(lines.foreseen(now), None);
}

#[test]
fn nothing_is_foreseen_of_a_line_that_others_go_before_or_that_cannot_give() {
    let a = line("a", "t", 0, 1);
    let foreseen = |of: &Line| {
        let (mut lines, now) = known(vec![]);
        lines.gave(of, Timestamp(5));
        lines.gave(of, Timestamp(5));
        (lines, now)
    };
    let (mut lines, now) = foreseen(&a);
    let higher = line("b", "t", 1, 9);
    lines.learn(vec![higher.clone()], Timestamp(1_000_000), now);
    lines.exhaust(&higher);
    assert_eq!(lines.foreseen(now), None, "a higher priority was seen");
    for ruled in [Line { running_limit: Some(2), ..a.clone() }, Line { is_paused: true, ..a.clone() }] {
        let (lines, now) = foreseen(&ruled);
        assert_eq!(lines.foreseen(now), None, "what is set for its type is looked at first");
    }
    let (mut lines, now) = foreseen(&a);
    lines.put_aside(&a, now);
    assert_eq!(lines.foreseen(now), None, "the database refused it");
    let (mut lines, now) = foreseen(&a);
    lines.exhaust_type(&Line { running_limit: Some(1), ..a.clone() }, now);
    assert_eq!(lines.foreseen(now), None, "as many run as may");
}

#[test]
fn paused_and_full_types_wait() {
    let paused = Line { is_paused: true, ..line("a", "paused", 9, 1) };
    let limited = Line { running_limit: Some(2), ..line("b", "limited", 5, 1) };
    let (mut lines, now) = known(vec![paused, limited.clone(), line("c", "t", 0, 1)]);
    assert_eq!(lines.choose(now).unwrap(), limited);
    lines.exhaust_type(&limited, now);
    assert_eq!(chosen(&lines, now), "c");
    lines.learn(vec![limited], Timestamp(1_000_000), now);
    assert_eq!(chosen(&lines, now), "none");
    assert_eq!(chosen(&lines, now + limits::FULL_TYPE_PAUSE), "b");
}

#[test]
fn only_what_comes_in_time_or_by_a_change_comes_by_itself() {
    let paused = Line { is_paused: true, ..line("a", "paused", 9, 1) };
    let (later, due) = (line("b", "t", 0, 1_500_000), line("c", "t", 0, 1));
    let (mut lines, now) = known(vec![paused.clone(), later.clone()]);
    assert!(lines.come_by_themselves(now));
    assert!(!lines.come_by_themselves(now + Duration::from_millis(500)), "by now it is due");
    lines.exhaust(&later);
    assert!(!lines.come_by_themselves(now), "it had less than it seemed to have, and may have more");
    lines.learn(vec![paused, later, due.clone()], Timestamp(1_000_000), now);
    assert!(!lines.come_by_themselves(now), "one is due");
    lines.put_aside(&due, now);
    lines.learn(vec![Line { head: Timestamp(1_500_000), ..due }], Timestamp(1_000_000), now);
    assert!(!lines.come_by_themselves(now), "it is tried again, and its time is not known to the rest");
}

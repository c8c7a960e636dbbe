//! What is wrong with input is said in one short line that names the thing and the way out; what can be kept is kept whole.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation ends the test")]

use std::collections::HashMap;

use mission_core::{
    Checkpoint, Content, Error, Failure, NewTask, Progress, Reason, State, Timestamp, UniqueId, limits, parse_span,
};
use proptest::prelude::*;

/// An error that may be shown on a terminal, however large or evil the input was, and that names what is wrong.
fn assert_clear(error: &Error, words: &[&str]) {
    let text = error.to_string();
    assert!(error.is_invalid(), "{error:?}");
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} are not in {text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?} holds control characters");
    assert!(text.len() < 1500, "an error of {} bytes", text.len());
    assert!(text.starts_with(|first: char| !first.is_uppercase()), "{text:?}");
}

/// Texts that no name may be, and what is said about them.
fn bad_names() -> Vec<(String, &'static str)> {
    let mut names: Vec<(String, &'static str)> =
        ["\0", "a\0b", "a\nb", "a\r", "\u{1b}[2J", "a\u{7f}", "a\u{85}b", "\u{9b}31m", "tab\there"]
            .map(|name| (name.to_owned(), "control character"))
            .to_vec();
    names.extend([" a", "a ", "\u{3000}a", "a\u{a0}"].map(|name| (name.to_owned(), "white space")));
    names.push((String::new(), "empty"));
    names.push(("😀".repeat(limits::NAME_CHARS_MAX + 1), "more than"));
    names.push(("\u{1b}".repeat(1 << 20), "control character"));
    names.push(("x".repeat(1 << 20), "more than"));
    names
}

#[test]
fn a_bad_name_is_refused_in_each_place_and_shown_harmless() {
    type Place = (&'static str, fn(&str) -> NewTask);
    let places: [Place; 4] = [
        ("method", |name| NewTask::new(name)),
        ("type", |name| NewTask::new("export").task_type(name)),
        ("creator", |name| NewTask::new("export").creator(name)),
        ("key", |name| NewTask::new("export").key(name)),
    ];
    for (name, fault) in bad_names() {
        for (place, task) in places {
            assert_clear(&task(&name).check().unwrap_err(), &[place, fault]);
        }
    }
}

#[test]
fn words_and_ids_of_a_megabyte_are_not_repeated_whole() {
    for unit in ["x", "\u{1b}[31m", "\0", "界"] {
        let huge = unit.repeat(1 << 20);
        assert_clear(&UniqueId::parse(&huge).unwrap_err(), &["unique_id", "64"]);
        assert_clear(&huge.parse::<State>().unwrap_err(), &["state", "use init"]);
        assert_clear(&huge.parse::<Reason>().unwrap_err(), &["reason", "use one of error, panic"]);
        assert_clear(&Timestamp::parse(&huge).unwrap_err(), &["is no time", "RFC 3339"]);
        assert_clear(&parse_span(&huge).unwrap_err(), &["span of time", "30s"]);
        assert_clear(&NewTask::new(&huge).params_json("{").check().unwrap_err(), &["task", "params"]);
    }
}

#[test]
fn params_that_are_not_json_are_refused_and_json_of_any_spelling_is_kept() {
    for bad in ["{", "{rows: 1}", "\0", "[1]\0", "\u{1b}[31m", "[1] [2]", "'a'", "\"a\nb\"", "NaN", "\"\u{1}\""] {
        assert_clear(&NewTask::new("export").params_json(bad).check().unwrap_err(), &["export", "params", "not JSON"]);
    }
    let over = format!("\"{}\"", "x".repeat(limits::PARAMS_BYTES_MAX - 1));
    let error = NewTask::new("export").params_json(&over).check().unwrap_err();
    assert_clear(&error, &["1048577 bytes", "more than 1048576", "a table or a file"]);

    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for good in [&over[..over.len() - 2], "\"\\u0000\\ud800 \\udfff\"", "[1e400]", deep.as_str()] {
        let good = if good.len() > limits::PARAMS_BYTES_MAX - 2 { format!("{good}\"") } else { good.to_owned() };
        let task = NewTask::new("export").params_json(&good);
        assert!(task.check().unwrap().params == Some(good.as_str()), "{:.40} is kept as it is spelled", good);
    }
}

#[test]
fn a_cursor_fits_to_the_byte_and_one_that_could_not_be_read_again_is_refused() {
    let fitting = "x".repeat(limits::CURSOR_BYTES_MAX - 2);
    assert_eq!(Checkpoint::at(&fitting, 0, Vec::new()).unwrap().cursor.len(), limits::CURSOR_BYTES_MAX);
    let error = Checkpoint::at(&format!("{fitting}x"), 0, Vec::new()).unwrap_err();
    assert_clear(&error, &["cursor", "65537 bytes", "more than 65536", "the place to go on from"]);

    let no_text_keys = HashMap::from([((1, 2), 3)]);
    let error = Checkpoint::at(&no_text_keys, 0, Vec::new()).unwrap_err();
    assert_clear(&error, &["cursor", "JSON"]);
    assert!(std::error::Error::source(&error).is_some());

    let nested = |depth: usize| (0..depth).fold(serde_json::json!("]}\\\"[{"), |inner, _| serde_json::json!([inner]));
    let deepest = Checkpoint::at(&nested(limits::CURSOR_DEPTH_MAX), 0, Vec::new()).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&deepest.cursor).unwrap(),
        nested(limits::CURSOR_DEPTH_MAX),
        "the deepest can be read again"
    );
    for depth in [limits::CURSOR_DEPTH_MAX + 1, 500] {
        let error = Checkpoint::at(&nested(depth), 0, Vec::new()).unwrap_err();
        assert_clear(&error, &["cursor", "nested", "the place to go on from"]);
    }
    let wide: Vec<[u8; 0]> = vec![[]; 10_000];
    assert!(Checkpoint::at(&wide, 0, Vec::new()).is_ok(), "what is closed again is not nested");
    assert!(Checkpoint::at(&"[".repeat(500), 0, Vec::new()).is_ok(), "brackets in a text are not nested");
}

#[test]
fn an_error_text_is_recorded_whole_up_to_a_megabyte_and_then_cut_and_flagged() {
    let lossy = String::from_utf8_lossy(&[0x66, 0xff, 0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80, 0xc3]).into_owned();
    for text in [lossy.as_str(), "\u{1b}[31mred\u{1b}[0m", "\\ud800", "a\r\n\tb", "\u{202e}", ""] {
        let failure = Failure::new(text);
        assert_eq!(Content::new(failure.message()), Content { text: text.to_owned(), is_cut: false });
    }
    let whole = "界".repeat(limits::CONTENT_BYTES_MAX / 3);
    assert_eq!(Content::new(&whole), Content { text: whole.clone(), is_cut: false });
    let cut = Content::new(format!("{whole}界"));
    assert!(cut == Content { text: whole, is_cut: true });
    assert_eq!(Content::new("a\0b\0").text, "a\u{fffd}b\u{fffd}");
    // NUL grows from one byte to three: the bound holds afterwards.
    assert!(Content::new("\0".repeat(limits::CONTENT_BYTES_MAX)).text.len() <= limits::CONTENT_BYTES_MAX);
}

#[test]
fn progress_of_any_figures_shows_between_nothing_and_all() {
    let figures = [0, 1, 7, i64::MAX as u64, u64::MAX];
    for done in figures {
        assert_eq!(Progress::from(done).fraction(), None);
        for total in figures {
            let fraction = Progress::of(done, total).fraction().unwrap();
            assert!((0.0..=1.0).contains(&fraction), "{done} of {total}: {fraction}");
            assert_eq!(fraction == 1.0, done >= total, "{done} of {total}: {fraction}");
        }
    }
    let message = Progress::of(1, 2).message(&"\0界".repeat(1 << 18)).message.unwrap();
    assert!(message.len() <= limits::PROGRESS_MESSAGE_BYTES_MAX && !message.contains('\0'));
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused_clearly(text in "\\PC*|(?s).{0,300}") {
        for task in [NewTask::new(&text), NewTask::new("export").key(&text), NewTask::new("export").params_json(&text)] {
            if let Err(error) = task.check() {
                assert_clear(&error, &[]);
            }
        }
        prop_assert_eq!(&Content::new(&text).text, &text.replace('\0', "\u{fffd}"));
    }
}

/// As the documents of `checkpoint` and `resume_at` say.
#[test]
fn a_number_that_is_not_finite_comes_back_from_a_cursor_as_none() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let cursor = Checkpoint::at(&(7, number), 0, Vec::new()).unwrap().cursor;
        assert_eq!(cursor, "[7,null]");
        assert!(serde_json::from_str::<(i64, f64)>(&cursor).is_err());
        assert_eq!(serde_json::from_str::<(i64, Option<f64>)>(&cursor).unwrap(), (7, None));
    }
}

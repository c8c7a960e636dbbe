//! Params as a method takes them: JSON decoded into its own type, or a sentence that names what does not fit.

use serde::de::{DeserializeOwned, IgnoredAny};

/// Decodes params for a method. Without any, the type decides: `null` makes an `Option` or `()`, `{}` a struct
/// whose fields all have defaults, `[]` a list.
pub(crate) fn decode<P: DeserializeOwned>(method: &str, json: Option<&str>) -> Result<P, String> {
    let Some(json) = json else {
        return decode_none(method);
    };
    serde_json::from_str(json).map_err(|fault| misfit::<P>(method, json, fault))
}

/// Only checks that there are none or that they are JSON, for a method that takes none.
pub(crate) fn check(method: &str, json: Option<&str>) -> Result<(), String> {
    json.map_or(Ok(()), |json| decode::<IgnoredAny>(method, Some(json)).map(drop))
}

/// Whether a method that takes `P` could begin with these.
pub(crate) fn fits<P: DeserializeOwned>(method: &str, json: Option<&str>) -> Result<(), String> {
    decode::<P>(method, json).map(drop)
}

fn decode_none<P: DeserializeOwned>(method: &str) -> Result<P, String> {
    let null_fault = match serde_json::from_str("null") {
        Ok(params) => return Ok(params),
        Err(fault) => fault,
    };
    let object_fault = match serde_json::from_str("{}") {
        Ok(params) => return Ok(params),
        Err(fault) => fault,
    };
    serde_json::from_str("[]").map_err(|_| {
        // A struct says which field it misses; any other type says what it expected in the place of null.
        let fault = if object_fault.to_string().starts_with("missing field") { object_fault } else { null_fault };
        format!("method {method:?} takes params, and the task has none: {}", without_place(&fault))
    })
}

fn misfit<P: DeserializeOwned>(method: &str, json: &str, fault: serde_json::Error) -> String {
    if !fault.is_data() {
        return format!("the params of method {method:?} are not JSON: {fault}");
    }
    // The decoder with paths is slower, so it only runs when there is a fault to place.
    let mut deserializer = serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, P>(&mut deserializer) {
        Err(placed) if placed.path().iter().len() > 0 => {
            format!("the params of method {method:?} do not fit at {}: {}", placed.path(), placed.inner())
        }
        _ => format!("the params of method {method:?} do not fit: {fault}"),
    }
}

/// The sentence of a fault without the line and column, where there is no text they could point into.
fn without_place(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Export {
        rows: u64,
        #[serde(default)]
        columns: Vec<Column>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Column {
        name: String,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct AllDefaults {
        rows: u64,
    }

    fn fault<P: DeserializeOwned + std::fmt::Debug>(json: Option<&str>) -> String {
        decode::<P>("export", json).unwrap_err()
    }

    #[test]
    fn none_is_what_the_type_makes_of_it() {
        assert_eq!(decode::<AllDefaults>("m", None).unwrap(), AllDefaults::default());
        assert_eq!(decode::<Option<AllDefaults>>("m", None).unwrap(), None);
        assert_eq!(decode::<Option<Export>>("m", None).unwrap(), None);
        assert_eq!(decode::<Vec<u64>>("m", None).unwrap(), [0; 0]);
        assert_eq!(decode::<HashMap<String, u64>>("m", None).unwrap().len(), 0);
        assert_eq!(decode::<Value>("m", None).unwrap(), Value::Null);
        decode::<()>("m", None).unwrap();
    }

    #[test]
    fn none_where_something_is_needed_names_it() {
        assert_eq!(
            fault::<Export>(None),
            "method \"export\" takes params, and the task has none: missing field `rows`"
        );
        let text = fault::<String>(None);
        assert!(text.ends_with("the task has none: invalid type: null, expected a string"), "{text}");
    }

    #[test]
    fn text_that_is_not_json_is_placed_by_line_and_column() {
        let text = fault::<Export>(Some("{\"rows\": 1,\n rows}"));
        assert!(text.contains("method \"export\" are not JSON") && text.contains("line 2 column 2"), "{text}");
        for bad in ["{", "{'a':1}", "NaN", "{} {}", "\u{0}"] {
            assert!(fault::<Value>(Some(bad)).contains("not JSON"), "{bad:?}");
        }
    }

    #[test]
    fn params_that_do_not_fit_name_the_field() {
        for (json, words) in [
            (r#"{"rows":"many"}"#, "do not fit at rows: invalid type: string \"many\", expected u64"),
            (r#"{"rows":-1}"#, "do not fit at rows: invalid value"),
            (r#"{"rows":1,"columns":[{"name":"a"},{"name":5}]}"#, "do not fit at columns[1].name: invalid type"),
            (r#"{"row":1}"#, "do not fit: missing field `rows`"),
            (r#""text""#, "do not fit: invalid type: string"),
        ] {
            let text = fault::<Export>(Some(json));
            assert!(text.contains(words) && text.contains("method \"export\""), "{text}");
        }
    }

    #[test]
    fn a_method_without_params_still_refuses_text_that_is_not_json() {
        assert!(check("m", None).is_ok() && check("m", Some("{\"a\":[1]}")).is_ok());
        assert!(check("m", Some("{\"a\"")).unwrap_err().contains("not JSON"));
    }

    #[test]
    fn big_integers_arrive_unharmed() {
        assert_eq!(decode::<u64>("m", Some("18446744073709551615")).unwrap(), u64::MAX);
        assert_eq!(decode::<Export>("m", Some("{\"rows\":9007199254740993}")).unwrap().rows, 9_007_199_254_740_993);
    }
}

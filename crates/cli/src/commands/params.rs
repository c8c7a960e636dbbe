//! The params of a task as they are typed: fields, JSON, a file or standard input.

use std::fs::File;
use std::io::{self, Read};

use mission_core::{Error, Params, Result, limits};

use crate::args::ParamsArgs;

/// The params as JSON text; `None` where none were typed.
pub(crate) fn read(args: &ParamsArgs) -> Result<Option<String>> {
    let json = match args.json.as_deref() {
        None if args.fields.is_empty() => return Ok(None),
        None => of_fields(&args.fields)?,
        Some("-") => read_text(io::stdin().lock(), "standard input")?,
        Some(text) => match text.strip_prefix('@') {
            None => text.to_owned(),
            Some(path) => {
                let file = File::open(path).map_err(|fault| unreadable(path, &fault).with_source(fault))?;
                read_text(file, path)?
            }
        },
    };
    // Refused here, so that the error stands before any database is made.
    Params::from_json(&json)?;
    Ok(Some(json))
}

fn read_text(from: impl Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells that there is more, without reading an endless file.
    let bytes_max = limits::PARAMS_BYTES_MAX as u64 + 1;
    from.take(bytes_max).read_to_end(&mut bytes).map_err(|fault| unreadable(name, &fault).with_source(fault))?;
    if bytes.len() > limits::PARAMS_BYTES_MAX {
        return Err(Error::invalid(format!(
            "the params in {name} have more than {} bytes: put the data into a table or a file and pass its name",
            limits::PARAMS_BYTES_MAX
        )));
    }
    let text = String::from_utf8(bytes).map_err(|fault| {
        let place = fault.utf8_error().valid_up_to();
        Error::invalid(format!("the params in {name} are not UTF-8 (byte {place}): save the file as UTF-8"))
    })?;
    // Editors of other systems put a byte order mark first.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

fn unreadable(name: &str, fault: &io::Error) -> Error {
    Error::invalid(format!("cannot read the params in {name}: {fault}"))
}

/// An object of `key=value` fields, in their order. What reads as JSON is taken as it is, so that big numbers stay exact.
fn of_fields(fields: &[String]) -> Result<String> {
    let mut keys: Vec<&str> = Vec::new();
    let mut json = String::from("{");
    for field in fields {
        let Some((key, value)) = field.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Error::invalid(format!("{field:?} is no field: write key=value, or --params with JSON")));
        };
        if keys.contains(&key) {
            return Err(Error::invalid(format!("the field {key:?} is given twice")));
        }
        let comma = if keys.is_empty() { "" } else { "," };
        json.push_str(&format!("{comma}{}:{}", quoted(key), value_json(value)));
        keys.push(key);
    }
    json.push('}');
    Ok(json)
}

/// Numbers, true, false, null, arrays, objects and quoted strings as they are; everything else becomes a string.
fn value_json(value: &str) -> String {
    match serde_json::from_str::<&serde_json::value::RawValue>(value) {
        Ok(raw) => raw.get().to_owned(),
        Err(_) => quoted(value),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[&str]) -> Result<String> {
        of_fields(&fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn fields_become_an_object_in_their_order() {
        let json =
            fields(&["rows=1000", "name=orders", "all=true", "none=null", "list=[1,2]", "big=18446744073709551616"]);
        let expected =
            r#"{"rows":1000,"name":"orders","all":true,"none":null,"list":[1,2],"big":18446744073709551616}"#;
        assert_eq!(json.unwrap(), expected);
    }

    #[test]
    fn what_is_no_json_is_a_string() {
        let json = fields(&["zip=01234", "text=\"7\"", "empty=", "eq=a=b", "汉=😀 \"x\"", "word=True"]).unwrap();
        assert_eq!(json, r#"{"zip":"01234","text":"7","empty":"","eq":"a=b","汉":"😀 \"x\"","word":"True"}"#);
    }

    #[test]
    fn what_is_no_field_is_named() {
        assert!(fields(&["rows"]).unwrap_err().to_string().contains("\"rows\" is no field: write key=value"));
        assert!(fields(&["=1"]).is_err());
        assert!(fields(&["a=1", "a=2"]).unwrap_err().to_string().contains("given twice"));
    }

    #[test]
    fn files_are_bounded_and_utf_8() {
        assert_eq!(read_text("\u{feff}{}".as_bytes(), "f").unwrap(), "{}");
        assert!(read_text(&b"{\"a\":\"\xff\"}"[..], "f").unwrap_err().to_string().contains("not UTF-8 (byte 6)"));
        assert!(read_text(io::repeat(b' '), "f").unwrap_err().to_string().contains("more than 1048576 bytes"));
    }
}

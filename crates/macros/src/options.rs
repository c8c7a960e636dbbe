//! The second step, for the attribute: each option known, given once, and within its bounds.

use std::time::Duration;

use mission_core::{OnCrash, checked_name, limits, parse_span};
use proc_macro2::{Span, TokenStream};
use syn::{Error, Expr, ExprLit, Lit, Result};

use crate::parse::{Setting, Settings};

const NAMES: [&str; 7] = ["name", "task_type", "retries", "timeout", "stall_timeout", "on_crash", "keep_files"];

/// The rules that the attribute sets; what it leaves out has the method's defaults.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    pub(crate) task_type: Option<String>,
    pub(crate) retries: Option<i64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stall_timeout: Option<Duration>,
    pub(crate) on_crash: Option<OnCrash>,
    pub(crate) keep_files: Option<Duration>,
}

impl Options {
    /// Checks all settings and names every fault at its place.
    pub(crate) fn read(tokens: TokenStream) -> Result<Self> {
        let settings: Settings = syn::parse2(tokens)?;
        let mut options = Self::default();
        let mut faults: Option<Error> = None;
        for setting in settings.0 {
            if let Err(fault) = options.take(&setting) {
                match &mut faults {
                    Some(faults) => faults.combine(fault),
                    None => faults = Some(fault),
                }
            }
        }
        faults.map_or(Ok(options), Err)
    }

    fn take(&mut self, setting: &Setting) -> Result<()> {
        let Setting { name, value } = setting;
        match name.to_string().as_str() {
            "name" => put(&mut self.name, setting, checked(value, "name", limits::NAME_CHARS_MAX)?),
            "task_type" => put(&mut self.task_type, setting, checked(value, "task_type", limits::TYPE_CHARS_MAX)?),
            "retries" => put(&mut self.retries, setting, retries(value)?),
            "timeout" => put(&mut self.timeout, setting, span(value, "timeout")?),
            "stall_timeout" => put(&mut self.stall_timeout, setting, span(value, "stall_timeout")?),
            "on_crash" => put(&mut self.on_crash, setting, on_crash(value)?),
            "keep_files" => put(&mut self.keep_files, setting, span_of(value, "keep_files")?.0),
            other => Err(Error::new(name.span(), unknown(other))),
        }
    }
}

fn put<T>(place: &mut Option<T>, setting: &Setting, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(setting.name.span(), format!("`{}` is given twice", setting.name))),
    }
}

fn unknown(word: &str) -> String {
    let nearness = |name: &str| {
        let holds = name.contains(word) || word.contains(name);
        if holds { 1.0 } else { strsim::jaro_winkler(name, word) }
    };
    let near = NAMES.iter().map(|name| (nearness(name), name)).filter(|(nearness, _)| *nearness > 0.8);
    match near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name) {
        Some(name) => format!("a method has no option `{word}`: did you mean `{name}`?"),
        None => format!("a method has no option `{word}`: it has {}", NAMES.join(", ")),
    }
}

fn checked(value: &Expr, what: &str, chars_max: usize) -> Result<String> {
    let (text, place) = string(value, || format!("`{what}` is a string, as in `{what} = \"export\"`"))?;
    match checked_name(what, &text, chars_max) {
        Ok(_) => Ok(text),
        Err(fault) => Err(Error::new(place, fault)),
    }
}

fn span(value: &Expr, what: &str) -> Result<Duration> {
    match span_of(value, what)? {
        (span, place) if span.is_zero() => {
            Err(Error::new(place, format!("a `{what}` of 0 ends every attempt: leave it out for none")))
        }
        (span, _) => Ok(span),
    }
}

fn span_of(value: &Expr, what: &str) -> Result<(Duration, Span)> {
    let (text, place) = string(value, || format!("`{what}` is a span of time in quotes, as in `{what} = \"5m\"`"))?;
    match parse_span(&text) {
        Ok(span) => Ok((span, place)),
        Err(fault) => Err(Error::new(place, fault)),
    }
}

fn retries(value: &Expr) -> Result<i64> {
    if let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = value
        && let Ok(retries) = number.base10_parse::<i64>()
        && retries <= limits::RETRIES_MAX
    {
        return Ok(retries);
    }
    Err(Error::new_spanned(
        value,
        format!("`retries` is a number from 0 to {}, as in `retries = 3`", limits::RETRIES_MAX),
    ))
}

fn on_crash(value: &Expr) -> Result<OnCrash> {
    let words = || "`on_crash` is \"run_again\" or \"fail\"".to_owned();
    let (text, place) = string(value, words)?;
    match text.as_str() {
        "run_again" => Ok(OnCrash::RunAgain),
        "fail" => Ok(OnCrash::Fail),
        _ => Err(Error::new(place, words())),
    }
}

fn string(value: &Expr, message: impl Fn() -> String) -> Result<(String, Span)> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok((text.value(), text.span())),
        _ => Err(Error::new_spanned(value, message())),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn options(tokens: TokenStream) -> Result<Options> {
        Options::read(tokens)
    }

    #[test]
    fn every_option_is_read() {
        let read = options(quote!(
            name = "my export",
            task_type = "report",
            retries = 3,
            timeout = "5m",
            stall_timeout = "30s",
            on_crash = "fail",
            keep_files = "7d",
        ));
        let expected = Options {
            name: Some("my export".into()),
            task_type: Some("report".into()),
            retries: Some(3),
            timeout: Some(Duration::from_secs(300)),
            stall_timeout: Some(Duration::from_secs(30)),
            on_crash: Some(OnCrash::Fail),
            keep_files: Some(Duration::from_secs(7 * 24 * 3600)),
        };
        assert_eq!(read.unwrap(), expected);
        assert_eq!(options(quote!()).unwrap(), Options::default());
        assert_eq!(options(quote!(on_crash = "run_again")).unwrap().on_crash, Some(OnCrash::RunAgain));
    }

    #[test]
    fn every_fault_says_what_is_wanted() {
        for (tokens, words) in [
            (quote!(retry = 3), "no option `retry`: did you mean `retries`?"),
            (quote!(type = "x"), "did you mean `task_type`?"),
            (quote!(max_retries = 1), "did you mean `retries`?"),
            (quote!(timout = "1s"), "did you mean `timeout`?"),
            (quote!(timeout_ms = 1), "did you mean `timeout`?"),
            (quote!(colour = 1), "it has name, task_type"),
            (quote!(retries), "`retries` needs a value"),
            (quote!(retries = "3"), "a number from 0 to 1000"),
            (quote!(retries = -1), "a number from 0 to 1000"),
            (quote!(retries = 1001), "a number from 0 to 1000"),
            (quote!(timeout = 5), "a span of time in quotes"),
            (quote!(timeout = "soon"), "\"soon\" is no span of time"),
            (quote!(timeout = "0s"), "leave it out"),
            (quote!(stall_timeout = "-1s"), "no span of time"),
            (quote!(keep_files = 7), "a span of time in quotes"),
            (quote!(on_crash = "explode"), "is \"run_again\" or \"fail\""),
            (quote!(on_crash = true), "is \"run_again\" or \"fail\""),
            (quote!(name = ""), "name \"\" is empty"),
            (quote!(name = export), "`name` is a string"),
            (quote!(task_type = " x"), "white space"),
            (quote!(retries = 1, retries = 2), "`retries` is given twice"),
        ] {
            let fault = options(tokens.clone()).unwrap_err().to_string();
            assert!(fault.contains(words), "{tokens}: {fault}");
        }
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let faults = options(quote!(retries = -1, timeout = "soon", colour = 1)).unwrap_err();
        assert_eq!(faults.into_iter().count(), 3);
    }
}

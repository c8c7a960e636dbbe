//! The verbs on objects: put, get, look at, remove, list.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use mission_core::{Error, ErrorKind};

use super::wire::{Answer, Ask, Method};
use super::xml::{escaped, text, texts};
use super::{Bucket, OWNER, PATIENCE};

pub(super) const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// Most objects one request removes.
const DELETE_MAX: usize = 1000;
/// Most keys of one page of a listing.
const PAGE: usize = 1000;

/// How a write that must not replace anything went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Met,
    Taken,
}

/// What is known of an object without reading it.
pub(super) struct Head {
    pub(super) bytes: Option<u64>,
    pub(super) owner: Option<String>,
}

/// Headers by their lower-case names.
pub(super) type Headers<'a> = [(&'static str, &'a str)];

impl Bucket {
    pub(super) fn put(
        &self,
        key: &str,
        headers: &Headers<'_>,
        bytes: &[u8],
        patience: Duration,
        act: &'static str,
    ) -> Result<(), Error> {
        let ask = with(Ask::new(Method::Put, key, act, patience), headers);
        self.wire.ask(&ask.body(bytes), &[]).map(drop)
    }

    /// Puts an object under a name that is free; a server that knows no conditions may answer an error or replace it.
    pub(super) fn put_new(
        &self,
        key: &str,
        headers: &Headers<'_>,
        bytes: &[u8],
        patience: Duration,
        act: &'static str,
    ) -> Result<Condition, Error> {
        let ask = with(Ask::new(Method::Put, key, act, patience), headers).header("if-none-match", "*");
        let answer = self.wire.ask(&ask.body(bytes), &[412])?;
        Ok(if answer.status == 412 { Condition::Taken } else { Condition::Met })
    }

    pub(super) fn get(&self, key: &str, patience: Duration) -> Result<Vec<u8>, Error> {
        Ok(self.wire.ask(&Ask::new(Method::Get, key, "read", patience), &[])?.body)
    }

    pub(super) fn head(&self, key: &str, patience: Duration) -> Result<Option<Head>, Error> {
        let answer = self.wire.ask(&Ask::new(Method::Head, key, "look at", patience), &[404])?;
        if answer.status == 404 {
            return Ok(None);
        }
        let bytes = answer.header("content-length").and_then(|length| length.parse().ok());
        Ok(Some(Head { bytes, owner: answer.header(OWNER).map(str::to_owned) }))
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), Error> {
        self.wire.ask(&Ask::new(Method::Delete, key, "remove", PATIENCE), &[404]).map(drop)
    }

    /// Removes many at once.
    pub(super) fn delete_all(&self, keys: &[String]) -> Result<(), Error> {
        for some in keys.chunks(DELETE_MAX) {
            let keys: String = some.iter().map(|key| format!("<Object><Key>{}</Key></Object>", escaped(key))).collect();
            let body = format!("<Delete xmlns=\"{NAMESPACE}\">{keys}<Quiet>true</Quiet></Delete>");
            // This one act asks for a sum of its own.
            let sum = STANDARD.encode(Md5::digest(&body));
            let ask =
                Ask::new(Method::Post, "", "remove objects", PATIENCE).query("delete", "").header("content-md5", sum);
            let said = self.wire.ask(&ask.body(body.as_bytes()), &[])?.text();
            if let Some(fault) = text(&said, "Error") {
                let key = text(&fault, "Key").unwrap_or_default();
                let code = text(&fault, "Code").unwrap_or_default();
                let sentence = format!("cannot remove {key} in {}: {code}; give the keys that right", self.name);
                return Err(Error::new(ErrorKind::Storage, sentence));
            }
        }
        Ok(())
    }

    /// The keys that begin so, in their order; `most` for the first only.
    pub(super) fn list(&self, prefix: &str, most: usize) -> Result<Vec<String>, Error> {
        let ask = |ask: Ask<'static>| ask.query("prefix", prefix).query("max-keys", most.min(PAGE).to_string());
        self.pages(ask, |listed| listed.len() < most)
    }

    /// The keys from one to another, both of them included, and perhaps some behind.
    pub(super) fn list_between(&self, first: &str, last: &str) -> Result<HashSet<String>, Error> {
        // The server begins behind what it is given.
        let before = first.get(..first.len().saturating_sub(1)).unwrap_or_default();
        let prefix = &self.wire.address.prefix;
        let ask = |ask: Ask<'static>| ask.query("prefix", prefix).query("start-after", before);
        let keys = self.pages(ask, |listed| listed.last().is_none_or(|key| key.as_str() < last))?;
        Ok(keys.into_iter().collect())
    }

    fn pages(
        &self,
        which: impl Fn(Ask<'static>) -> Ask<'static>,
        goes_on: impl Fn(&[String]) -> bool,
    ) -> Result<Vec<String>, Error> {
        let mut listed: Vec<String> = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let mut ask = which(Ask::new(Method::Get, "", "list the objects", PATIENCE).query("list-type", "2"));
            if let Some(from) = &from {
                ask = ask.query("continuation-token", from);
            }
            let answer = self.wire.ask(&ask, &[])?;
            let page = answer.text();
            if !page.contains("<ListBucketResult") {
                return Err(self.unreadable(&answer));
            }
            listed.extend(texts(&page, "Key"));
            match text(&page, "NextContinuationToken") {
                Some(next) if goes_on(&listed) && from.as_deref() != Some(next.as_str()) => from = Some(next),
                _ => return Ok(listed),
            }
        }
    }

    pub(super) fn unreadable(&self, answer: &Answer) -> Error {
        let sentence =
            format!("{} answers {} with what no S3 server says: check the endpoint", self.name, answer.status);
        Error::new(ErrorKind::Setup, sentence)
    }
}

pub(super) fn with<'a>(ask: Ask<'a>, headers: &Headers<'_>) -> Ask<'a> {
    headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value))
}

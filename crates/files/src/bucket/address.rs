//! Where a bucket is: `s3://bucket/prefix?endpoint=…&region=…`, and whose keys open it.

use std::fmt;

use mission_core::{Error, ErrorKind};
use url::Url;

use crate::bucket_settings::BucketKeys;

const PREFIX_BYTES_MAX: usize = 128;
/// What the column of the rows holds.
const NAME_CHARS_MAX: usize = 255;
const REGION_DEFAULT: &str = "us-east-1";
const FORM: &str = "expected s3://bucket/prefix?endpoint=https://host:port&region=name";

/// A bucket and the place in it.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) region: String,
    /// Scheme, host and port.
    pub(super) origin: String,
    /// The host, with its port where it is not the usual one.
    pub(super) host: String,
    /// Before each key.
    pub(super) root: String,
    /// Empty, or ends with a slash.
    pub(super) prefix: String,
    endpoint: Option<String>,
}

/// A variable of the environment, by its name.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Address {
    /// Reads an address; what it does not say, the usual variables do (`AWS_REGION`, `AWS_ENDPOINT_URL_S3` …).
    pub(super) fn parse(text: &str, variable: Variable<'_>) -> Result<Self, Error> {
        let url = Url::parse(text).map_err(|fault| refused(text, &format!("is no address of a bucket: {fault}")))?;
        if url.scheme() != "s3" {
            return Err(refused(text, "is no address of a bucket"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // The text may hold a secret: it is not shown.
            return Err(Error::invalid(
                "an address of a bucket holds no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead",
            ));
        }
        // The parser takes dot segments away: what it would change is no plain prefix.
        let raw = text.trim_start_matches("s3://").split(['?', '#']).next().unwrap_or_default();
        let (name, prefix) = raw.split_once('/').unwrap_or((raw, ""));
        check_bucket(text, name)?;
        let prefix = check_prefix(text, prefix)?;
        let (mut endpoint, mut region) = (None, None);
        for (key, value) in url.query_pairs() {
            match &*key {
                "endpoint" => endpoint = Some(value.into_owned()),
                "region" => region = Some(value.into_owned()),
                _ => return Err(refused(text, &format!("has a setting {key:?} that nobody knows"))),
            }
        }
        let first = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let endpoint = endpoint.or_else(|| first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
        let region =
            region.or_else(|| first(&["AWS_REGION", "AWS_DEFAULT_REGION"])).unwrap_or_else(|| REGION_DEFAULT.into());
        if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(refused(text, &format!("names the region {region:?}, which is none")));
        }
        let in_path = format!("/{name}/");
        let (origin, root) = match &endpoint {
            Some(endpoint) => (check_endpoint(text, endpoint)?, in_path),
            // The certificates there hold for one label before the host, and hosts are lower case.
            None if name.contains(|letter: char| {
                !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
            }) =>
            {
                (format!("https://s3.{region}.amazonaws.com"), in_path)
            }
            None => (format!("https://{name}.s3.{region}.amazonaws.com"), "/".to_owned()),
        };
        let host = origin.split_once("//").map_or("", |(_, host)| host).to_owned();
        let endpoint = endpoint.map(|_| origin.clone());
        let address = Self { bucket: name.to_owned(), region, origin, host, root, prefix, endpoint };
        if address.to_string().len() > NAME_CHARS_MAX {
            return Err(refused(text, "is too long"));
        }
        Ok(address)
    }
}

/// The storage's name as rows keep it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix.trim_end_matches('/'))?;
        match &self.endpoint {
            Some(endpoint) => write!(f, "?endpoint={endpoint}"),
            None => Ok(()),
        }
    }
}

/// The keys that are given, or those of the usual variables.
pub(super) fn find_keys(given: Option<&BucketKeys>, variable: Variable<'_>) -> Result<BucketKeys, Error> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(BucketKeys { access_key_id, secret_access_key, session_token: get("AWS_SESSION_TOKEN") })
        }
        (key, _) => {
            let missing = if key.is_none() { "AWS_ACCESS_KEY_ID" } else { "AWS_SECRET_ACCESS_KEY" };
            Err(Error::new(ErrorKind::Setup, format!("the storage is a bucket, and {missing} is not set: set it")))
        }
    }
}

fn check_bucket(text: &str, name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = (3..=63).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !name.contains("..");
    if is_name { Ok(()) } else { Err(refused(text, &format!("names the bucket {name:?}, which is none"))) }
}

/// A prefix is plain folders, so that it reads the same in a URL, in a listing and in the row.
fn check_prefix(text: &str, prefix: &str) -> Result<String, Error> {
    let prefix = prefix.trim_end_matches('/');
    if prefix.is_empty() {
        return Ok(String::new());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_folder = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    if prefix.len() > PREFIX_BYTES_MAX || !prefix.split('/').all(is_folder) {
        return Err(refused(
            text,
            "has a prefix that is not of plain folders (letters, digits, '-', '_', '.', none empty or hidden, 128 bytes)",
        ));
    }
    Ok(format!("{prefix}/"))
}

fn check_endpoint(text: &str, endpoint: &str) -> Result<String, Error> {
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    match Url::parse(endpoint) {
        Ok(url) if plain(&url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        // It may hold a secret, so that it is not shown.
        _ => {
            let shown = text.split('?').next().unwrap_or_default();
            Err(Error::invalid(format!("the endpoint of {shown} is none: expected http:// or https://, host and port")))
        }
    }
}

/// Without what stands behind the question mark, which may be anything.
fn refused(text: &str, why: &str) -> Error {
    let shown = text.split('?').next().unwrap_or_default();
    let shown = shown.rsplit_once('@').map_or(shown, |(_, behind)| behind);
    let shown = &shown[..shown.floor_char_boundary(PREFIX_BYTES_MAX)];
    Error::invalid(format!("the storage {shown:?} {why}: {FORM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, Error> {
        Address::parse(text, &|_| None)
    }

    #[test]
    fn an_address_reads_as_the_rows_name_it() {
        for (text, name, url) in [
            ("s3://files", "s3://files/", "https://files.s3.us-east-1.amazonaws.com/"),
            ("s3://a.b/x/y/?region=eu-north-1", "s3://a.b/x/y", "https://s3.eu-north-1.amazonaws.com/a.b/"),
            (
                "s3://files/x?endpoint=http://127.0.0.1:9000/",
                "s3://files/x?endpoint=http://127.0.0.1:9000",
                "http://127.0.0.1:9000/files/",
            ),
        ] {
            let address = parse(text).unwrap();
            assert_eq!(
                (address.to_string().as_str(), format!("{}{}", address.origin, address.root).as_str()),
                (name, url)
            );
        }
        let variables = |name: &str| match name {
            "AWS_ENDPOINT_URL_S3" => Some("https://minio.local".to_owned()),
            "AWS_DEFAULT_REGION" => Some("here".to_owned()),
            _ => None,
        };
        let address = Address::parse("s3://files/x", &variables).unwrap();
        assert_eq!(address.to_string(), "s3://files/x?endpoint=https://minio.local");
        assert_eq!(address.region, "here");
    }

    #[test]
    fn hostile_addresses_are_refused_with_the_way_out() {
        let long = format!("s3://files/{}", "x".repeat(200));
        for text in [
            "",
            "files",
            "http://files/x",
            "s3://",
            "s3:///x",
            "s3://ab",
            "s3://a..b",
            "s3://files/../x",
            "s3://files/x/./y",
            "s3://files/x//y",
            "s3://files/.staging-db",
            "s3://files/x y",
            "s3://files/x%2e%2e",
            "s3://files/é",
            "s3://files/x?colour=red",
            "s3://files/x?region=a/b",
            "s3://files/x?endpoint=ftp://host",
            "s3://files/x?endpoint=http://host/path",
            "s3://files/\nx",
            &long,
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.is_invalid() && said.to_string().contains("expected"), "{text:?}: {said}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        for text in ["s3://key:sesame@files/x", "s3://files/x?endpoint=http://key:sesame@host", "s4://k:sesame@files"] {
            let said = parse(text).unwrap_err();
            assert!(!format!("{said} {said:?}").contains("sesame"), "{said}");
        }
        let all = |name: &str| Some(if name.contains("SECRET") { "sesame".to_owned() } else { "key".to_owned() });
        assert!(!format!("{:?}", find_keys(None, &all).unwrap()).contains("sesame"));
        let said = find_keys(None, &|name| (name == "AWS_ACCESS_KEY_ID").then(|| "key".to_owned())).unwrap_err();
        assert!(said.to_string().contains("AWS_SECRET_ACCESS_KEY is not set"), "{said}");
    }
}

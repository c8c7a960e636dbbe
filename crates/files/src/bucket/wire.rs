//! One request to a bucket: signed, sent, tried again while the server is away, and its refusal put into a sentence.

use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mission_core::{Backoff, Chance, Error, ErrorKind};
use ureq::http::{self, HeaderMap};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::address::Address;
use super::sign::{Unsigned, query, sign};
use super::xml;
use crate::bucket_settings::BucketKeys;

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Silence for so long means that the line is broken.
const SILENCE_MAX: Duration = Duration::from_secs(15);
const PAUSES: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5) };
/// Longest answer read whole: a segment, or a page of a listing.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
const SHOWN_CHARS_MAX: usize = 200;

/// The verbs of HTTP that are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Put,
    Post,
    Delete,
}

/// What is asked of the bucket.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// The whole key; empty for the bucket itself.
    pub(super) key: &'a str,
    /// What is done, for the sentence when it fails.
    pub(super) act: &'static str,
    pub(super) query: Vec<(&'static str, String)>,
    /// Lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
    /// How long an outage is waited out.
    pub(super) patience: Duration,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, key: &'a str, act: &'static str, patience: Duration) -> Self {
        Self { method, key, act, query: Vec::new(), headers: Vec::new(), body: &[], patience }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }
}

/// An answer that was read whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no answer, or none that helps.
enum Refusal {
    /// The server cannot be reached, or says itself that it cannot now.
    Away(String),
    /// The line to it cannot be trusted.
    Untrusted(String),
    Refused {
        status: u16,
        code: String,
        message: String,
        region: Option<String>,
    },
}

/// The line to one bucket.
pub(super) struct Wire {
    agent: Agent,
    pub(super) address: Address,
    keys: BucketKeys,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Wire").field(&self.address.to_string()).finish()
    }
}

impl Wire {
    /// `bundle` is the file of the certificates to trust, instead of those every browser trusts.
    pub(super) fn new(address: Address, keys: BucketKeys, bundle: Option<&str>) -> Result<Self, Error> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("mission/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_per_read(Some(SILENCE_MAX))
            .timeout_per_write(Some(SILENCE_MAX));
        if let Some(bundle) = bundle {
            config = config.tls_config(TlsConfig::builder().root_certs(read_bundle(bundle)?).build());
        }
        Ok(Self { agent: config.build().into(), address, keys })
    }

    /// Sends and reads the whole answer; a status that is neither a success nor in `allowed` is an error.
    pub(super) fn ask(&self, ask: &Ask<'_>, allowed: &[u16]) -> Result<Answer, Error> {
        self.insist(ask, allowed, |status, headers, mut body| {
            let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
            Ok(Answer { status, headers, body })
        })
    }

    /// Sends and hands the answer's body over unread.
    pub(super) fn open(&self, ask: &Ask<'_>, allowed: &[u16]) -> Result<(u16, Body), Error> {
        self.insist(ask, allowed, |status, _, body| Ok((status, body)))
    }

    fn insist<T>(
        &self,
        ask: &Ask<'_>,
        allowed: &[u16],
        mut take: impl FnMut(u16, HeaderMap, Body) -> Result<T, ureq::Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let mut tried = 0;
        loop {
            tried += 1;
            let refusal = match self.send(ask) {
                Ok((status, headers, body)) if (200..300).contains(&status) || allowed.contains(&status) => {
                    match take(status, headers, body) {
                        Ok(taken) => return Ok(taken),
                        Err(fault) => Refusal::of_line(&fault),
                    }
                }
                Ok((status, headers, body)) => Refusal::of_answer(status, &headers, body),
                Err(fault) => Refusal::of_line(&fault),
            };
            let (waited, pause) = (began.elapsed(), PAUSES.wait(tried, Chance::random()));
            if !refusal.may_pass() || waited + pause > ask.patience {
                return Err(refusal.into_error(&self.address, ask, waited));
            }
            thread::sleep(pause);
        }
    }

    fn send(&self, ask: &Ask<'_>) -> Result<(u16, HeaderMap, Body), ureq::Error> {
        let method = match ask.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        let Address { origin, host, root, region, .. } = &self.address;
        let (path, query) = (format!("{root}{}", ask.key), query(&ask.query));
        let unsigned = Unsigned {
            method,
            host,
            path: &path,
            query: &query,
            headers: &ask.headers,
            body: ask.body,
            region,
            moment: &Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string(),
        };
        let signed = sign(&self.keys, &unsigned);
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = http::Request::builder().method(method).uri(format!("{origin}{path}{mark}{query}"));
        for (name, value) in ask.headers.iter().chain(&signed) {
            request = request.header(*name, value);
        }
        let answer = if matches!(ask.method, Method::Put | Method::Post) {
            self.agent.run(request.body(ask.body)?)?
        } else {
            self.agent.run(request.body(())?)?
        };
        let (head, body) = answer.into_parts();
        Ok((head.status.as_u16(), head.headers, body))
    }
}

impl Refusal {
    fn of_line(fault: &ureq::Error) -> Self {
        match fault {
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Self::Untrusted(fault.to_string()),
            ureq::Error::BadUri(_) => Self::Untrusted("the address is none".to_owned()),
            _ => Self::Away(fault.to_string()),
        }
    }

    fn of_answer(status: u16, headers: &HeaderMap, mut body: Body) -> Self {
        let text = body.with_config().limit(ANSWER_BYTES_MAX).lossy_utf8(true).read_to_string().unwrap_or_default();
        let region = headers.get("x-amz-bucket-region").and_then(|region| region.to_str().ok()).map(str::to_owned);
        Self::Refused { status, code: within(&text, "Code"), message: within(&text, "Message"), region }
    }

    fn may_pass(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Untrusted(_) => false,
            Self::Refused { status, .. } => matches!(status, 408 | 409 | 429 | 500 | 502..=504),
        }
    }

    fn into_error(self, address: &Address, ask: &Ask<'_>, waited: Duration) -> Error {
        let may_pass = self.may_pass();
        let (kind, said, way_out) = match self {
            Self::Away(fault) => (ErrorKind::Unreachable, fault, AWAY.to_owned()),
            Self::Untrusted(fault) => (ErrorKind::Setup, fault, UNTRUSTED.to_owned()),
            Self::Refused { status, code, message, region } => {
                let (kind, way_out) = way_out(status, &code, region.as_deref());
                let kind = if may_pass { ErrorKind::Unreachable } else { kind };
                let said = [status.to_string(), code, message].map(|part| part.trim().to_owned());
                (kind, said.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" "), way_out)
            }
        };
        let (act, key, seconds) = (ask.act, ask.key, waited.as_secs());
        let tried = if may_pass { format!(", tried for {seconds} s") } else { String::new() };
        let what = if key.is_empty() {
            format!("cannot {act} in {address}")
        } else {
            format!("cannot {act} {key} in {address}")
        };
        Error::new(kind, format!("{what}: {said}{tried}; {way_out}"))
    }
}

const AWAY: &str = "check the server and the way to it; what was committed is kept";
const UNTRUSTED: &str = "check the endpoint; for a certificate of your own name its authority's file in AWS_CA_BUNDLE";

fn way_out(status: u16, code: &str, region: Option<&str>) -> (ErrorKind, String) {
    let plain = |kind, sentence: &str| (kind, sentence.to_owned());
    match (status, code) {
        (_, "RequestTimeTooSkewed") => plain(ErrorKind::Setup, "set this host's clock"),
        (301 | 307 | 400, _) if region.is_some() => {
            (ErrorKind::Setup, format!("the bucket is elsewhere: set region={}", region.unwrap_or_default()))
        }
        (_, "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError") => {
            plain(ErrorKind::Setup, "set region= to where the bucket is")
        }
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "NotSignedUp")
        | (401, _) => plain(
            ErrorKind::Setup,
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where it is set",
        ),
        (403, _) => plain(
            ErrorKind::Setup,
            "check the keys, and give them the right to list, get, put and delete below the prefix",
        ),
        (_, "NoSuchBucket") => plain(ErrorKind::Setup, "make the bucket, or name another storage"),
        (404, _) => plain(ErrorKind::NotFound, "it was removed: retry the task, which starts over"),
        (507, _) => plain(ErrorKind::Storage, "free room there"),
        _ if matches!(status, 408 | 409 | 429 | 500..=599) => plain(ErrorKind::Unreachable, AWAY),
        _ => plain(ErrorKind::Storage, "check the storage, or set another one"),
    }
}

/// The text of an element, as one line that may be shown.
fn within(answer: &str, element: &str) -> String {
    let text = xml::text(answer, element).unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARS_MAX).collect()
}

fn read_bundle(path: &str) -> Result<RootCerts, Error> {
    let broken = |fault: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Setup, format!("cannot read the certificates in AWS_CA_BUNDLE={path}: {fault}"))
    };
    let pem = std::fs::read(path).map_err(|fault| broken(&fault))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|fault| broken(&fault))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(broken(&"it holds none"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

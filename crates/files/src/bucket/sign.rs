//! Signatures as S3 servers expect them (version 4): over the method, the path, the query, the headers and the body.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::bucket_settings::BucketKeys;
use crate::hash::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is signed.
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    /// The host, with its port where it is not the usual one.
    pub(super) host: &'a str,
    /// From the root, of letters that need no encoding.
    pub(super) path: &'a str,
    /// As [`query`] gives it.
    pub(super) query: &'a str,
    /// Lower case.
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) body: &'a [u8],
    pub(super) region: &'a str,
    /// `20261122T100000Z`.
    pub(super) moment: &'a str,
}

/// The headers to be sent beside those that are signed.
pub(super) fn sign(keys: &BucketKeys, ask: &Unsigned<'_>) -> Vec<(&'static str, String)> {
    let body = hex(&Sha256::digest(ask.body));
    let mut added = vec![("x-amz-content-sha256", body.clone()), ("x-amz-date", ask.moment.to_owned())];
    if let Some(token) = &keys.session_token {
        added.push(("x-amz-security-token", token.clone()));
    }
    let mut signed: Vec<(&str, &str)> = vec![("host", ask.host)];
    signed.extend(ask.headers.iter().chain(&added).map(|(name, value)| (*name, value.as_str())));
    signed.sort_unstable();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut canonical = format!("{}\n{}\n{}\n", ask.method, ask.path, ask.query);
    for (name, value) in signed {
        // A String takes whatever is written to it.
        let _ = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _ = write!(canonical, "\n{names}\n{body}");
    let day = ask.moment.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/s3/aws4_request", ask.region);
    let text = format!("{ALGORITHM}\n{}\n{scope}\n{}", ask.moment, hex(&Sha256::digest(canonical)));
    let first = format!("AWS4{}", keys.secret_access_key).into_bytes();
    let key = [day, ask.region, "s3", "aws4_request"].iter().fold(first, |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    let id = &keys.access_key_id;
    let text = format!("{ALGORITHM} Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
    added.push(("authorization", text));
    added
}

/// The query as it is signed and sent: encoded, in the order of the names.
pub(super) fn query(pairs: &[(&'static str, String)]) -> String {
    let mut pairs: Vec<(String, String)> = pairs.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    #[allow(clippy::expect_used)]
    // proof: a key of any length is taken.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> BucketKeys {
        BucketKeys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        }
    }

    fn signature(method: &str, query: &str, headers: &[(&'static str, String)]) -> String {
        let ask = Unsigned {
            method,
            host: "examplebucket.s3.amazonaws.com",
            path: if query.is_empty() { "/test.txt" } else { "/" },
            query,
            headers,
            body: b"",
            region: "us-east-1",
            moment: "20130524T000000Z",
        };
        let signed = sign(&keys(), &ask).pop().unwrap().1;
        signed.split_once("Signature=").unwrap().1.to_owned()
    }

    /// The examples that the documentation of the protocol gives.
    #[test]
    fn signatures_are_those_of_the_published_examples() {
        let range = [("range", "bytes=0-9".to_owned())];
        assert_eq!(signature("GET", "", &range), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        let listing = query(&[("prefix", "J".to_owned()), ("max-keys", "2".to_owned())]);
        assert_eq!(signature("GET", &listing, &[]), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    }

    #[test]
    fn a_query_is_encoded_and_sorted() {
        let pairs = [("uploadId", "a/b+c= é".to_owned()), ("partNumber", "1".to_owned()), ("delete", String::new())];
        assert_eq!(query(&pairs), "delete=&partNumber=1&uploadId=a%2Fb%2Bc%3D%20%C3%A9");
    }
}

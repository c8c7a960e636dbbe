//! Which bucket files are kept in, and whose keys open it.

use std::fmt;

/// A bucket of an S3 server, for files that workers on several hosts share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// `s3://bucket/prefix?endpoint=https://host:port&region=name`; without an endpoint it is Amazon's.
    pub address: String,
    /// The keys; those of the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`) if `None`.
    pub keys: Option<BucketKeys>,
}

/// What opens a bucket. Never shown.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs)] // Named as the servers name them.
pub struct BucketKeys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl BucketSettings {
    /// Whether the text is the address of a bucket, and not the path of a folder.
    pub fn is_address(text: &str) -> bool {
        text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"))
    }

    /// A bucket that the keys in the environment open.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), keys: None }
    }

    /// Opens it with these keys instead.
    #[must_use]
    pub fn keys(mut self, access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        self.keys = Some(BucketKeys {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
        });
        self
    }
}

impl fmt::Debug for BucketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked() {
        let settings = BucketSettings::new("s3://files").keys("open", "sesame");
        assert!(!format!("{settings:?}").contains("sesame"));
        assert!(BucketSettings::is_address("S3://x") && !BucketSettings::is_address("/s3"));
    }
}

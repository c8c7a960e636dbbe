//! A SHA-256 that runs along with the writing, and whose state goes into the checkpoint.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// Bytes read at once where a prefix must be hashed again.
const READ_BYTES: usize = 256 << 10;

/// The hash of the bytes so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningHash(Sha256);

impl RunningHash {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The state as hex, to go on from later.
    pub(crate) fn state(&self) -> String {
        hex(&self.0.serialize())
    }

    /// Goes on from a state; `None` if it is none of this library's version.
    pub(crate) fn from_state(text: &str) -> Option<Self> {
        let bytes = unhex(text)?;
        let state = SerializedState::<Sha256>::try_from(bytes.as_slice()).ok()?;
        Sha256::deserialize(&state).ok().map(Self)
    }

    /// Hashes the first bytes of a file, where a state cannot be read.
    pub(crate) fn of_prefix(file: &File, bytes: u64) -> io::Result<Self> {
        let mut hash = Self::default();
        let mut block = vec![0; READ_BYTES];
        let mut prefix = file.take(bytes);
        loop {
            match prefix.read(&mut block)? {
                0 => return Ok(hash),
                read => hash.update(&block[..read]),
            }
        }
    }

    /// The digest of everything so far, as hex.
    pub(crate) fn digest(&self) -> String {
        hex(&self.0.clone().finalize())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // A String takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::RunningHash;

    /// The digest of "abc" as the standard gives it.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_goes_on_from_its_state() {
        for split in 0..=3 {
            let mut first = RunningHash::default();
            first.update(&b"abc"[..split]);
            let mut second = RunningHash::from_state(&first.state()).unwrap();
            second.update(&b"abc"[split..]);
            assert_eq!(second.digest(), ABC);
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in ["", "0", "zz", "é0", ABC] {
            assert!(RunningHash::from_state(text).is_none(), "{text:?}");
        }
    }
}

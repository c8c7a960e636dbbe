//! A published file as it is read: at its end it is known to be what was stored, or it is refused.

use std::fmt;
use std::io::{self, Read};

use crate::hash::RunningHash;

/// Reads a file and, at its end, compares it with the length and the SHA-256 that were stored with it. Whoever has read
/// to the end without an error has what the method wrote.
pub struct VerifiedFile {
    file: Box<dyn Read + Send>,
    hash: RunningHash,
    bytes: u64,
    expected: Expected,
}

#[derive(Debug)]
struct Expected {
    bytes: u64,
    sha256: String,
}

impl VerifiedFile {
    /// A file opened at its beginning, and what is to be in it.
    pub fn new(file: impl Read + Send + 'static, bytes: u64, sha256: &str) -> Self {
        let expected = Expected { bytes, sha256: sha256.to_owned() };
        Self { file: Box::new(file), hash: RunningHash::default(), bytes: 0, expected }
    }

    fn check(&self) -> io::Result<()> {
        if self.bytes == self.expected.bytes && self.hash.digest() == self.expected.sha256 {
            return Ok(());
        }
        let sentence = format!(
            "it is not what was stored: {} bytes where {} were written, or others; run the task again",
            self.bytes, self.expected.bytes
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, sentence))
    }
}

impl fmt::Debug for VerifiedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedFile")
            .field("bytes", &self.bytes)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl Read for VerifiedFile {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(block)?;
        if read == 0 && !block.is_empty() {
            self.check()?;
        }
        self.hash.update(&block[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(stored: &[u8], bytes: u64, sha256: &str) -> io::Result<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        File::create(&path).unwrap().write_all(stored).unwrap();
        let mut text = Vec::new();
        VerifiedFile::new(File::open(&path).unwrap(), bytes, sha256).read_to_end(&mut text).map(|_| text)
    }

    #[test]
    fn only_what_was_stored_is_read_to_its_end() {
        assert_eq!(read(b"abc", 3, SHA256_OF_ABC).unwrap(), b"abc");
        for (stored, bytes) in [(&b"abd"[..], 3), (b"ab", 3), (b"abcd", 3), (b"abc", 4)] {
            assert!(read(stored, bytes, SHA256_OF_ABC).unwrap_err().to_string().contains("not what was stored"));
        }
    }
}

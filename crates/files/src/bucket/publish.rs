//! A whole file on its way into the bucket: at once where it is small, in parts where it is not, never over another one.

use std::fs::File;
use std::os::unix::fs::FileExt;

use mission_core::{Error, ErrorKind};

use super::objects::{Condition, Headers, NAMESPACE, with};
use super::wire::{Ask, Method};
use super::xml::{escaped, text};
use super::{Bucket, FINISH_PATIENCE, OWNER, PATIENCE};
use crate::remote::{Publishing, Upload};

/// Larger files go in parts of this size, or of a larger one where there would be too many.
const PART_BYTES: u64 = 16 << 20;
const PARTS_MAX: u64 = 10_000;
const MEDIA_TYPE: &str = "application/octet-stream";

/// What stands on an object that this attempt publishes.
pub(super) fn owner(database_id: &str, desk: &str, token: i64) -> String {
    format!("{database_id}.{desk}.{token}")
}

impl Bucket {
    pub(super) fn publish_file(&self, upload: &Upload<'_>) -> Result<Publishing, Error> {
        let key = self.key(upload.location);
        let owner = owner(&self.database_id, upload.desk, upload.token);
        match self.look(&key, &owner, upload.bytes)? {
            Found::Ours => return Ok(Publishing::Done),
            Found::Theirs => return Ok(Publishing::Taken),
            // Of an earlier try of this attempt, before which it wrote less.
            Found::Other(_) => self.delete(&key)?,
            Found::Nothing => {}
        }
        let note = self.note_key(upload.desk, upload.token, upload.location);
        self.put(&note, &[], &[], FINISH_PATIENCE, "note")?;
        let media_type = if is_header(upload.media_type) { upload.media_type } else { MEDIA_TYPE };
        let headers = [("content-type", media_type), (OWNER, &*owner)];
        let sent = if upload.bytes <= PART_BYTES {
            self.send_whole(&key, &headers, upload)
        } else {
            self.send_in_parts(&key, &headers, upload, &note)
        };
        // An answer that was lost says nothing: what stands there does.
        let found = self.look(&key, &owner, upload.bytes)?;
        match (found, sent) {
            (Found::Ours, _) => {}
            (Found::Theirs, Ok(_)) => {
                self.delete(&note)?;
                return Ok(Publishing::Taken);
            }
            (_, Err(fault)) => return Err(fault),
            (found, Ok(_)) => {
                let stored = if let Found::Other(stored) = found { stored } else { 0 };
                let (bytes, name) = (upload.bytes, &self.name);
                let sentence =
                    format!("{key} was stored in {name} and has {stored} bytes there, not {bytes}: check the server");
                return Err(Error::new(ErrorKind::Storage, sentence));
            }
        }
        // Whoever cleared the desk meanwhile took the task over, and would never learn of this file.
        if self.head(&note, FINISH_PATIENCE)?.is_none() {
            self.delete(&key)?;
            let sentence = format!("{key} was taken back: another attempt has ended the task meanwhile");
            return Err(Error::new(ErrorKind::WrongState, sentence));
        }
        Ok(Publishing::Done)
    }

    fn look(&self, key: &str, owner: &str, bytes: u64) -> Result<Found, Error> {
        Ok(match self.head(key, FINISH_PATIENCE)? {
            None => Found::Nothing,
            Some(head) if head.owner.as_deref() != Some(owner) => Found::Theirs,
            Some(head) if head.bytes == Some(bytes) => Found::Ours,
            Some(head) => Found::Other(head.bytes.unwrap_or(0)),
        })
    }

    fn send_whole(&self, key: &str, headers: &Headers<'_>, upload: &Upload<'_>) -> Result<Condition, Error> {
        let bytes = read_part(upload.file, 0, upload.bytes)?;
        if self.refuses_taken_names {
            return self.put_new(key, headers, &bytes, FINISH_PATIENCE, "store");
        }
        self.put(key, headers, &bytes, FINISH_PATIENCE, "store").map(|()| Condition::Met)
    }

    fn send_in_parts(
        &self,
        key: &str,
        headers: &Headers<'_>,
        upload: &Upload<'_>,
        note: &str,
    ) -> Result<Condition, Error> {
        let ask = with(Ask::new(Method::Post, key, "begin to store", FINISH_PATIENCE).query("uploads", ""), headers);
        let answer = self.wire.ask(&ask, &[])?;
        let id = &*text(&answer.text(), "UploadId").ok_or_else(|| self.unreadable(&answer))?;
        let sent = self
            .put(note, &[], id.as_bytes(), FINISH_PATIENCE, "note")
            .and_then(|()| self.send_parts(key, id, upload))
            .and_then(|tags| self.complete(key, id, &tags));
        if sent.is_err() {
            // If this fails too, the sweep finds the upload by its note.
            let _ = self.abort(key, id);
        }
        sent
    }

    fn send_parts(&self, key: &str, id: &str, upload: &Upload<'_>) -> Result<Vec<String>, Error> {
        let size = PART_BYTES.max(upload.bytes.div_ceil(PARTS_MAX));
        let mut tags = Vec::new();
        let mut from = 0;
        while from < upload.bytes {
            let bytes = read_part(upload.file, from, size.min(upload.bytes - from))?;
            let ask = Ask::new(Method::Put, key, "store a part of", FINISH_PATIENCE)
                .query("partNumber", (tags.len() + 1).to_string())
                .query("uploadId", id);
            let answer = self.wire.ask(&ask.body(&bytes), &[])?;
            let tag = answer.header("etag").ok_or_else(|| self.unreadable(&answer))?;
            tags.push(tag.to_owned());
            from += bytes.len() as u64;
        }
        Ok(tags)
    }

    fn complete(&self, key: &str, id: &str, tags: &[String]) -> Result<Condition, Error> {
        let part = |(n, tag): (usize, &String)| {
            format!("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", n + 1, escaped(tag))
        };
        let parts: String = tags.iter().enumerate().map(part).collect();
        let body = format!("<CompleteMultipartUpload xmlns=\"{NAMESPACE}\">{parts}</CompleteMultipartUpload>");
        let mut ask = Ask::new(Method::Post, key, "complete", FINISH_PATIENCE).query("uploadId", id);
        if self.refuses_taken_names {
            ask = ask.header("if-none-match", "*");
        }
        let answer = self.wire.ask(&ask.body(body.as_bytes()), &[412])?;
        // A failure late in this act comes with the status of a success.
        if answer.status != 412 && answer.text().contains("<Error>") {
            let sentence = format!("cannot complete {key} in {}: the server gave up; retry the task", self.name);
            return Err(Error::new(ErrorKind::Unreachable, sentence));
        }
        Ok(if answer.status == 412 { Condition::Taken } else { Condition::Met })
    }

    /// Ends an upload in parts that comes to nothing; one that is no more is fine.
    pub(super) fn abort(&self, key: &str, id: &str) -> Result<(), Error> {
        let ask = Ask::new(Method::Delete, key, "give up the parts of", PATIENCE).query("uploadId", id);
        // Some servers refuse what they no longer know.
        self.wire.ask(&ask, &[403, 404]).map(drop)
    }
}

enum Found {
    Nothing,
    Ours,
    /// Ours, of another length.
    Other(u64),
    Theirs,
}

fn read_part(file: &File, from: u64, bytes: u64) -> Result<Vec<u8>, Error> {
    let mut part = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut part, from).map_err(|fault| {
        Error::new(ErrorKind::Storage, format!("cannot read the file in the making again: {fault}; retry the task"))
            .with_source(fault)
    })?;
    Ok(part)
}

/// What a user says a file holds goes into a header only if it can.
fn is_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text
}

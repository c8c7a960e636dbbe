//! Files in a bucket of a real S3 server, shared by two hosts.
#![cfg(feature = "s3")]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test may.

mod faults;
mod server;
mod sharing;
mod sweeping;

//! What writing and committing cost: figures to read, run by hand with `--ignored --nocapture` in a release build.

use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use crate::kit::Bench;

const BYTES: usize = 1 << 30;

fn mib_per_second(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / f64::from(1 << 20) / took.as_secs_f64()
}

fn timed(write: impl FnOnce()) -> Duration {
    let start = Instant::now();
    write();
    start.elapsed()
}

fn rows(file: &mut impl Write) {
    let mut written = 0;
    while written < BYTES / 4 {
        for _ in 0..1000 {
            file.write_all(b"1234567,2026-11-22 10:00:00\r\n").unwrap();
        }
        written += 29_000;
    }
    file.flush().unwrap();
}

#[test]
#[ignore = "a measurement"]
fn of_bytes_and_commits() {
    let bench = Bench::new();
    let block = vec![7; 1 << 20];
    let plain = bench.temp.path().join("plain");
    let took = timed(|| {
        let mut file = std::fs::File::create(&plain).unwrap();
        (0..BYTES >> 20).for_each(|_| file.write_all(&block).unwrap());
    });
    println!("blocks of 1 MiB, plain file: {:.0} MiB/s", mib_per_second(BYTES, took));
    std::fs::remove_file(&plain).unwrap();
    let files = bench.attempt(1);
    let mut file = files.create("a.bin").unwrap();
    let took = timed(|| (0..BYTES >> 20).for_each(|_| file.write_all(&block).unwrap()));
    println!("blocks of 1 MiB, with the hash: {:.0} MiB/s", mib_per_second(BYTES, took));
    file.discard().unwrap();

    let took = timed(|| rows(&mut BufWriter::with_capacity(256 << 10, std::fs::File::create(&plain).unwrap())));
    println!("rows of 29 bytes, buffered plain file: {:.0} MiB/s", mib_per_second(BYTES / 4, took));
    let mut file = files.create("a.csv").unwrap();
    let took = timed(|| rows(&mut file));
    println!("rows of 29 bytes, with the hash: {:.0} MiB/s", mib_per_second(BYTES / 4, took));
    let took = timed(|| drop(file.commit().unwrap()));
    println!("commit of {} MiB at once: {took:.1?}", BYTES >> 22);

    for kib in [0, 4, 256, 4096] {
        let mut commits: Vec<Duration> = Vec::new();
        for _ in 0..50 {
            file.write_all(&vec![1; kib << 10]).unwrap();
            commits.push(timed(|| drop(file.commit().unwrap())));
        }
        commits.sort();
        println!("commit after {kib} KiB: median {:.2?}, longest {:.2?}", commits[25], commits[49]);
    }
    let took = timed(|| drop(file.finish(None).unwrap()));
    println!("finish: {took:.1?}");
}

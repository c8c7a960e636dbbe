//! The time since the program began, read cheaply enough to do it for every row of an export.

use std::time::Duration;

/// Monotonic time in milliseconds, at most ten milliseconds old.
///
/// Linux keeps it in memory for everyone to read, so it costs a quarter of [`std::time::Instant::now`] and does
/// not become a system call where the processor's own clock cannot be trusted.
#[cfg(target_os = "linux")]
pub(crate) fn coarse_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0);
    seconds * 1000 + millis
}

/// Monotonic time in milliseconds.
#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_ms() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Monotonic time in milliseconds that goes on while the machine sleeps, as a lease does.
#[cfg(target_os = "linux")]
pub(crate) fn waking_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0);
    seconds * 1000 + millis
}

/// Monotonic time in milliseconds.
#[cfg(not(target_os = "linux"))]
pub(crate) fn waking_ms() -> u64 {
    coarse_ms()
}

/// How long ago a reading of [`coarse_ms`] was.
pub(crate) fn coarse_since(earlier_ms: u64) -> Duration {
    Duration::from_millis(coarse_ms().saturating_sub(earlier_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_coarse_clock_keeps_up_with_the_fine_one() {
        let (fine, coarse) = (Instant::now(), coarse_ms());
        while fine.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        let coarse = coarse_since(coarse);
        assert!(
            coarse >= Duration::from_millis(40) && coarse <= fine.elapsed() + Duration::from_millis(20),
            "{coarse:?}"
        );
    }
}

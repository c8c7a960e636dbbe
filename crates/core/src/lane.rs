//! Lanes: how the tasks of one type are shared out among their creators.

/// Lanes of a fair type; lane 0 is for tasks without a creator and for types that are not fair. So many lines more a worker
/// may have to look at, for each method, type and priority.
const LANES: u32 = 63;

/// The lane of a creator's tasks where their type is fair, 1 to 63: the CRC-32 of the name's UTF-8, modulo 63, plus 1. Whoever
/// inserts tasks by plain SQL can tell it, too: MySQL's `crc32`, PHP's `crc32`, Python's `zlib.crc32` agree.
/// `None` for nobody. Two creators may have one lane, and share it then.
///
/// ```
/// assert_eq!(mission_core::fair_lane(Some("alice")), Some(48));
/// assert_eq!(mission_core::fair_lane(None), None);
/// ```
pub fn fair_lane(creator: Option<&str>) -> Option<i64> {
    let creator = creator.filter(|creator| !creator.is_empty())?;
    Some(i64::from(crc32(creator.as_bytes()) % LANES) + 1)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ CRC_OF_BYTE[usize::from(crc.to_le_bytes()[0] ^ byte)])
}

/// The remainders of all bytes.
static CRC_OF_BYTE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_that_everybody_has() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32("张三".as_bytes()), 0x7984_b0ca);
    }

    #[test]
    fn nobody_has_no_lane() {
        assert_eq!((fair_lane(None), fair_lane(Some(""))), (None, None));
    }

    #[test]
    fn creators_are_spread_over_all_lanes() {
        let mut counts = [0; LANES as usize];
        for number in 0..6300 {
            let lane = fair_lane(Some(&format!("user-{number}"))).unwrap();
            assert!((1..=63).contains(&lane), "{lane}");
            counts[lane as usize - 1] += 1;
        }
        // A hundred each, if it were chance; no lane has none, none twice as many.
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }
}

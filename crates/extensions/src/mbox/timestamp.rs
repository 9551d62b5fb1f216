//! The originals' state of a mailbox: a pickle of the time of the last run, and nothing else.
//!
//! The general reader of pickles can run anything; this one knows the two texts that the originals write, and refuses every
//! other.

use jiff::civil::DateTime;
use redcedar_engine::state::pickle::{decode_quoted, decode_unicode, encode_unicode};

/// How version 3 of the original begins, before the ten bytes of the time, and how it goes on.
const THREE: (&[u8], &[u8]) =
    (b"cdatetime\ndatetime\np0\n(c_codecs\nencode\np1\n(V", b"\np2\nVlatin1\np3\ntp4\nRp5\ntp6\nRp7\n.");

/// The same for version 2, which version 3 cannot read.
const TWO: (&[u8], &[u8]) = (b"cdatetime\ndatetime\np0\n(S", b"\np1\ntp2\nRp3\n.");

/// What is no such state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not the time that Cedar Backup writes there")]
pub(super) struct NoTimestamp;

/// Reads the local time, to the microsecond.
pub(super) fn parse(file: &[u8]) -> Result<DateTime, NoTimestamp> {
    payload(file).and_then(|payload| decode(&payload)).ok_or(NoTimestamp)
}

/// Writes it as version 3 does. What is below a microsecond is cut off.
pub(super) fn write(time: DateTime) -> Vec<u8> {
    let [year_high, year_low] = time.year().to_be_bytes();
    let [_, high, middle, low] = (time.subsec_nanosecond() / 1000).to_be_bytes();
    let small = [time.month(), time.day(), time.hour(), time.minute(), time.second()];
    let [month, day, hour, minute, second] = small.map(i8::cast_unsigned);
    let payload = [year_high, year_low, month, day, hour, minute, second, high, middle, low];
    let mut file = THREE.0.to_vec();
    // Its characters are those of Latin-1.
    encode_unicode(payload.map(char::from).iter().collect::<String>().as_bytes(), &mut file);
    file.extend_from_slice(THREE.1);
    file
}

fn between<'f>(file: &'f [u8], (before, after): (&[u8], &[u8])) -> Option<&'f [u8]> {
    file.strip_prefix(before)?.strip_suffix(after).filter(|payload| !payload.contains(&b'\n'))
}

fn payload(file: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    if let Some(text) = between(file, THREE) {
        decode_unicode(text, &mut decoded)?;
        let text = String::from_utf8(decoded).ok()?;
        return text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    }
    decode_quoted(between(file, TWO)?, &mut decoded)?;
    Some(decoded)
}

fn decode(payload: &[u8]) -> Option<DateTime> {
    let &[year_high, year_low, month, day, hour, minute, second, high, middle, low] = payload else {
        return None;
    };
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(i8::try_from);
    let microseconds = i32::from_be_bytes([0, high, middle, low]);
    let year = i16::from_be_bytes([year_high, year_low]);
    let nanoseconds = microseconds.checked_mul(1000)?;
    DateTime::new(year, month.ok()?, day.ok()?, hour.ok()?, minute.ok()?, second.ok()?, nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn three(payload: &[u8]) -> Vec<u8> {
        [THREE.0, payload, THREE.1].concat()
    }

    #[test]
    fn times_are_written_byte_for_byte_as_version_3_does() {
        let plain = date(2026, 11, 22).at(11, 47, 0, 877_418_000);
        let file = write(plain);
        assert_eq!(file, three(b"\x07\xea\x0b\x16\x0b\x2f\\u0000\\u000d\x63\x6a"));
        assert_eq!(file.len(), 96);
        let escaped = date(2024, 10, 26).at(10, 13, 26, 92_999);
        let file = write(escaped);
        assert_eq!(file, three(b"\x07\xe8\\u000a\\u001a\\u000a\\u000d\\u001a\\u0000\\u0000\\u005c"));
        assert_eq!(file.len(), 126);
        assert_eq!(parse(&file), Ok(date(2024, 10, 26).at(10, 13, 26, 92_000)));
        assert_eq!(parse(&write(plain)), Ok(plain));
    }

    #[test]
    fn times_of_version_2_are_read() {
        let file = [TWO.0, b"'\\x07\\xea\\x0b\\x16\\x0b/\\x00\\rcj'", TWO.1].concat();
        assert_eq!(parse(&file), Ok(date(2026, 11, 22).at(11, 47, 0, 877_418_000)));
    }

    #[test]
    fn anything_else_is_refused() {
        let good = write(date(2026, 11, 22).at(1, 2, 3, 0));
        for bad in [
            b"".to_vec(),
            good[1..].to_vec(),
            good[..good.len() - 1].to_vec(),
            [&good[..], b"."].concat(),
            three(b"\x07\xea\x0b\x16\x0b\x2f"),
            three(b"\x07\xea\x0d\x16\x0b\x2f\x01\x01\x01\x01"),
            three(b"\x07\xea\x0b\x16\x0b\x2f\x01\xff\xff\xff"),
            three(b"\x07\xea\x0b\x16\x0b\x2f\x01\np9\n\x01\x01\x01"),
            b"cposix\nsystem\np0\n(S'id'\np1\ntp2\nRp3\n.".to_vec(),
        ] {
            assert_eq!(parse(&bad), Err(NoTimestamp), "{}", bad.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn every_time_is_read_back(year in 1_i16..=9999, month in 1_i8..=12, day in 1_i8..=28, second in 0_i32..86_400, micro in 0_i32..1_000_000) {
            let time = date(year, month, day).at(0, 0, 0, micro * 1000) + jiff::Span::new().seconds(second);
            proptest::prop_assert_eq!(parse(&write(time)), Ok(time));
        }
    }
}

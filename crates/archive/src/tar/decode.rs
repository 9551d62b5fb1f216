//! From the bytes of headers and records to values. Nothing in here reads; nothing in here trusts its input.

use bstr::ByteSlice;

use super::BLOCK;
use crate::Timestamp;

/// What `ustar` and GNU headers have at [`MAGIC_OFFSET`]; what follows it tells the two apart.
pub(crate) const MAGIC: &[u8] = b"ustar";
pub(crate) const MAGIC_OFFSET: usize = 257;

/// The fields of one header block, its checksum proven.
#[derive(Debug, Clone)]
pub(crate) struct RawHeader {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) size: u64,
    pub(crate) modified: i64,
    pub(crate) kind: u8,
    pub(crate) link: Vec<u8>,
    pub(crate) user: Vec<u8>,
    pub(crate) group: Vec<u8>,
    pub(crate) rdev: (u32, u32),
}

impl RawHeader {
    /// Nothing when the checksum is wrong or a number is none.
    pub(crate) fn parse(block: &[u8; BLOCK]) -> Option<Self> {
        if !checksum_is_right(block) {
            return None;
        }
        let mut name = text(&block[0..100]).to_vec();
        // POSIX only: GNU keeps other things in the place of the prefix.
        if &block[MAGIC_OFFSET..MAGIC_OFFSET + 6] == b"ustar\0" {
            let prefix = text(&block[345..500]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        Some(Self {
            name,
            mode: u32::try_from(number(&block[100..108])?).ok()? & 0o7777,
            uid: u64::try_from(number(&block[108..116])?).ok()?,
            gid: u64::try_from(number(&block[116..124])?).ok()?,
            size: u64::try_from(number(&block[124..136])?).ok()?,
            modified: number(&block[136..148])?,
            kind: block[156],
            link: text(&block[157..257]).to_vec(),
            user: text(&block[265..297]).to_vec(),
            group: text(&block[297..329]).to_vec(),
            rdev: (device_number(&block[329..337])?, device_number(&block[337..345])?),
        })
    }
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn device_number(field: &[u8]) -> Option<u32> {
    u32::try_from(number(field)?).ok()
}

/// A number: octal digits with blanks or NULs around them, or two's complement in base 256. An empty field is 0.
pub(crate) fn number(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 == 0 {
        let digits = field.trim_with(|c| c == ' ' || c == '\0');
        return match digits {
            [] => Some(0),
            digits => i64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok().filter(|n| *n >= 0),
        };
    }
    // The uppermost bit marks the form, the next one is the sign.
    let head = i128::from(first & 0x3f) - i128::from(first & 0x40);
    let value = rest
        .iter()
        .try_fold(head, |value, &byte| value.checked_mul(256).map(|value| value + i128::from(byte)))?;
    i64::try_from(value).ok()
}

fn checksum_is_right(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(&block[148..156]) else { return false };
    let counted = |byte_value: fn(u8) -> i64| -> i64 {
        let outside: i64 = block[..148].iter().chain(&block[156..]).map(|&byte| byte_value(byte)).sum();
        outside + 8 * i64::from(b' ')
    };
    // Some old programs added the bytes as signed numbers.
    stored == counted(i64::from) || stored == counted(|byte| i64::from(byte.cast_signed()))
}

/// Whether a header of today's formats begins here; what is searched for where one is missing.
pub(crate) fn looks_like_a_header(block: &[u8; BLOCK]) -> bool {
    block[MAGIC_OFFSET..].starts_with(MAGIC) && RawHeader::parse(block).is_some()
}

/// The extents of a sparse file, as (offset, length), from one table of an old GNU header. A table ends where a field is
/// empty.
pub(crate) fn extents(table: &[u8]) -> Option<Vec<(u64, u64)>> {
    let mut extents = Vec::new();
    for entry in table.as_chunks::<24>().0 {
        if entry[0] == 0 && entry[12] == 0 {
            break;
        }
        extents
            .push((u64::try_from(number(&entry[..12])?).ok()?, u64::try_from(number(&entry[12..])?).ok()?));
    }
    Some(extents)
}

/// The records of a pax header: `LENGTH KEY=VALUE\n`, the length counting itself. Nothing when they are malformed.
pub(crate) fn pax_records(mut data: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    while !data.is_empty() {
        let blank = data.find_byte(b' ')?;
        let length = decimal(&data[..blank])?;
        let record = data.get(blank + 1..usize::try_from(length).ok()?)?.strip_suffix(b"\n")?;
        let equals = record.find_byte(b'=')?;
        records.push((&record[..equals], &record[equals + 1..]));
        data = &data[usize::try_from(length).ok()?..];
    }
    Some(records)
}

/// A decimal number without sign.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

/// A pax time: seconds since 1970 with a fraction, perhaps negative.
pub(crate) fn pax_time(value: &[u8]) -> Option<Timestamp> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let (whole, fraction) = value.split_once_str(".").unwrap_or((value, b""));
    let seconds = i64::try_from(decimal(whole)?).ok()?;
    let mut nanoseconds = 0;
    for place in 0..9 {
        let digit = fraction.get(place).copied().unwrap_or(b'0');
        nanoseconds = nanoseconds * 10 + u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    Some(match (negative, nanoseconds) {
        (false, _) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds: 0 },
        (true, _) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\x20\0"), Some(8192));
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xfe"), Some(-2));
        assert_eq!(number(b"12345x7\0"), None);
        assert_eq!(number(b"-000001\0"), None);
        assert_eq!(number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }

    #[test]
    fn times_before_1970_round_down() {
        assert_eq!(pax_time(b"-1.25"), Some(Timestamp { seconds: -2, nanoseconds: 750_000_000 }));
        assert_eq!(pax_time(b"17.000000001"), Some(Timestamp { seconds: 17, nanoseconds: 1 }));
        assert_eq!(pax_time(b"17"), Some(Timestamp { seconds: 17, nanoseconds: 0 }));
        assert_eq!(pax_time(b"1.x"), None);
    }

    #[test]
    fn records_hold_any_bytes() {
        assert_eq!(
            pax_records(b"10 a=b\n=\n\n6 c=d\n"),
            Some(vec![(&b"a"[..], &b"b\n=\n"[..]), (b"c", b"d")])
        );
        assert_eq!(pax_records(b"99 a=b\n"), None);
        assert_eq!(pax_records(b"3 a\n"), None);
        assert_eq!(pax_records(b"0 a=b\n"), None);
    }
}

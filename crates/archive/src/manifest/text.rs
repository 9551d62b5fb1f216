//! How lines of manifests say names and times, and how lines are read: the same in every manifest of ours.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::{Deserialize, Serialize};

use super::ManifestError;
use crate::{Timestamp, digest};

/// No line is longer: the longest is one with three paths of 4,096 bytes, each byte escaped.
const LONGEST_LINE: u64 = 1 << 20;

/// Text that is borrowed from the line wherever it holds no escape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    /// Text that is there already.
    pub fn borrowed(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The text as it is.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// A name as JSON has it: text in one key or, when the bytes are not UTF-8, hexadecimal in another.
pub fn name(bytes: &OsStr) -> (Option<Text<'_>>, Option<Text<'_>>) {
    match std::str::from_utf8(bytes.as_bytes()) {
        Ok(text) => (Some(Text::borrowed(text)), None),
        Err(_) => (None, Some(Text(Cow::Owned(digest::to_hex(bytes.as_bytes()))))),
    }
}

/// The name that is there as text or in hexadecimal; see [`name`].
///
/// # Errors
/// With the reason, when it is no name. A NUL byte is in no file name.
pub fn from_name(text: Option<Text<'_>>, hex: Option<Text<'_>>) -> Result<Option<OsString>, &'static str> {
    let bytes = match (text, hex) {
        (Some(text), _) => text.into_string().into_bytes(),
        (None, Some(hex)) => digest::from_hex(hex.as_bytes()).ok_or("a name is not hexadecimal")?,
        (None, None) => return Ok(None),
    };
    if bytes.contains(&0) {
        return Err("a name has a NUL byte");
    }
    Ok(Some(OsString::from_vec(bytes)))
}

/// Fast enough not to be felt, and within a few per cent of higher levels: half of a manifest is digests.
const LEVEL: i32 = 1;

/// Writes lines of JSON, compressed. Without [`LineWriter::finish`] what they are written to is cut off, and readers say so.
pub struct LineWriter<W: Write> {
    compressor: zstd::stream::write::Encoder<'static, W>,
    buffer: Vec<u8>,
}

impl<W: Write> LineWriter<W> {
    /// Writes to `output`, which is empty.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(output: W) -> io::Result<Self> {
        let mut compressor = zstd::stream::write::Encoder::new(output, LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self { compressor, buffer: Vec::new() })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        self.compressor.write_all(&self.buffer)
    }

    /// Ends the stream and gives the output back.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.compressor.finish()
    }
}

/// Reads a line without its newline; false at the end. A last line without newline is an incomplete one.
///
/// # Errors
/// When it cannot be read, is too long or incomplete.
pub fn read_line(input: &mut impl BufRead, buffer: &mut Vec<u8>, number: u64) -> Result<bool, ManifestError> {
    buffer.clear();
    input.take(LONGEST_LINE).read_until(b'\n', buffer)?;
    match buffer.pop() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) if buffer.len() as u64 + 1 == LONGEST_LINE => {
            Err(ManifestError::Syntax { line: number, reason: "it is too long".to_owned() })
        }
        Some(_) => Err(ManifestError::Truncated { lines: number - 1 }),
    }
}

/// Seconds since 1970 as a decimal number, with nine digits after the point where there is a fraction. A time before 1970
/// is a negative number: half a second before is `-0.500000000`.
pub fn decimal(time: Timestamp) -> String {
    match (time.seconds, time.nanoseconds) {
        (seconds, 0) => seconds.to_string(),
        (seconds @ 0.., nanoseconds) => format!("{seconds}.{nanoseconds:09}"),
        (seconds, nanoseconds) => format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds),
    }
}

/// Reads what [`decimal`] writes; fewer digits after the point are fine.
pub fn from_decimal(text: &str) -> Option<Timestamp> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let scale = 10_i128.pow(9 - u32::try_from(fraction.len()).ok()?);
    let nanoseconds = whole.checked_mul(1_000_000_000)? + fraction.parse::<i128>().ok()? * scale;
    let nanoseconds = if negative { -nanoseconds } else { nanoseconds };
    Some(Timestamp {
        seconds: i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?,
        nanoseconds: u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_decimal_numbers() {
        let time = |seconds, nanoseconds| Timestamp { seconds, nanoseconds };
        for (value, text) in [
            (time(1_795_500_000, 0), "1795500000"),
            (time(1, 5), "1.000000005"),
            (time(-1, 500_000_000), "-0.500000000"),
            (time(-2, 0), "-2"),
            (time(-2, 1), "-1.999999999"),
            (time(i64::MIN, 1), "-9223372036854775807.999999999"),
            (time(i64::MAX, 999_999_999), "9223372036854775807.999999999"),
        ] {
            assert_eq!(decimal(value), text);
            assert_eq!(from_decimal(text), Some(value));
        }
        assert_eq!(from_decimal("7.25"), Some(time(7, 250_000_000)));
        for bad in ["", "-", ".5", "1.", "+1", "1.0000000000", "1e3", "9223372036854775808"] {
            assert_eq!(from_decimal(bad), None, "{bad}");
        }
    }
}

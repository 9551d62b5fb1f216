//! From the bytes of a file to text.
//!
//! Cedar Backup 3 reads with the caller's locale and ignores the declaration, Cedar Backup 2 follows the declaration.
//! The rule here gives every file that either accepts the meaning it has there: what is valid UTF-8 is UTF-8, the rest
//! is as declared.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes that are not text in any encoding we have reason to assume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("not valid UTF-8, and no other encoding is declared")]
    NotUtf8,
    #[error("not valid UTF-8, and the declared encoding `{0}` is unknown or has several bytes per character")]
    UnknownEncoding(String),
    #[error("not valid {0}")]
    Invalid(&'static str),
}

/// Decodes a file by the rule of this module.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    match bytes {
        [0xff, 0xfe, rest @ ..] => return decode_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return decode_utf16(rest, u16::from_be_bytes),
        _ => {}
    }
    let Some(range) = declared_encoding(bytes) else { return Err(DecodeError::NotUtf8) };
    decode_single_byte(bytes, &String::from_utf8_lossy(&bytes[range]))
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, DecodeError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(DecodeError::Invalid("UTF-16"));
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Cow::Owned).map_err(|_| DecodeError::Invalid("UTF-16"))
}

fn decode_single_byte<'a>(bytes: &'a [u8], label: &str) -> Result<Cow<'a, str>, DecodeError> {
    // What the web calls Latin-1 and ASCII is windows-1252; XML means what it says.
    if ["iso-8859-1", "iso8859-1", "iso_8859-1", "latin-1", "latin1", "l1"]
        .iter()
        .any(|name| label.eq_ignore_ascii_case(name))
    {
        return Ok(encoding_rs::mem::decode_latin1(bytes));
    }
    if ["us-ascii", "ascii"].iter().any(|name| label.eq_ignore_ascii_case(name)) {
        return Err(DecodeError::Invalid("US-ASCII"));
    }
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes())
        .filter(|encoding| encoding.is_single_byte())
        .ok_or_else(|| DecodeError::UnknownEncoding(label.to_owned()))?;
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or(DecodeError::Invalid(encoding.name()))
}

/// Where the XML declaration names an encoding.
pub(crate) fn declared_encoding(bytes: &[u8]) -> Option<Range<usize>> {
    let rest = bytes.strip_prefix(b"<?xml")?;
    rest.first().filter(|byte| byte.is_ascii_whitespace())?;
    let end = bytes.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&bytes[..end]).ok()?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (label, _) = value[1..].split_once(quote)?;
    let start = declaration.len() - value.len() + 1;
    Some(start..start + label.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(label: &str, content: &[u8]) -> Vec<u8> {
        [format!("<?xml version='1.0' encoding=\"{label}\"?>").as_bytes(), content].concat()
    }

    #[test]
    fn only_a_declaration_declares() {
        for (text, label) in [
            ("<?xml version = '1.0' encoding = \"x-1\" ?><a encoding='y'/>", Some("x-1")),
            ("<?xml version='1.0' encoding='x' standalone='no'?>", Some("x")),
            ("<?xml version='1.0'?><a encoding='y'/>", None),
            ("<?xmlx encoding='y'?><a/>", None),
            ("<a encoding='y'/>", None),
        ] {
            assert_eq!(declared_encoding(text.as_bytes()).map(|range| &text[range]), label, "{text}");
        }
    }

    #[test]
    fn the_declared_encoding_counts_only_for_what_is_not_utf8() {
        let utf8 = declared("iso-8859-1", "é".as_bytes());
        assert!(decode(&utf8).unwrap().ends_with('é'));
        let odd = declared("no-such-thing", "é".as_bytes());
        assert!(decode(&odd).unwrap().ends_with('é'));
    }

    #[test]
    fn single_byte_encodings_are_read_as_declared() {
        for (label, byte, expected) in [
            ("iso-8859-1", 0xe9, 'é'),
            ("ISO-8859-1", 0x93, '\u{93}'),
            ("windows-1252", 0x93, '“'),
            ("iso-8859-15", 0xa4, '€'),
            ("iso-8859-2", 0xb1, 'ą'),
            ("koi8-r", 0xc1, 'а'),
        ] {
            let bytes = declared(label, &[byte]);
            assert_eq!(decode(&bytes).unwrap().chars().last(), Some(expected), "{label}");
        }
    }

    #[test]
    fn utf16_needs_its_byte_order_mark() {
        let little: Vec<u8> = "\u{feff}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}<a>é</a>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&little).unwrap(), "<a>é</a>");
        assert_eq!(decode(&big).unwrap(), "<a>é</a>");
        assert_eq!(decode(&little[..little.len() - 1]), Err(DecodeError::Invalid("UTF-16")));
    }

    #[test]
    fn what_is_in_no_known_encoding_is_refused() {
        assert_eq!(decode(b"<a>\xe9</a>"), Err(DecodeError::NotUtf8));
        assert_eq!(decode(&declared("us-ascii", b"\xe9")), Err(DecodeError::Invalid("US-ASCII")));
        assert_eq!(decode(&declared("utf-8", b"\xe9")), Err(DecodeError::UnknownEncoding("utf-8".into())));
        assert_eq!(
            decode(&declared("shift_jis", b"\xe9\xe9")),
            Err(DecodeError::UnknownEncoding("shift_jis".into()))
        );
    }
}

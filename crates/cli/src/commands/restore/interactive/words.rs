//! The words of a line, quoted as for a shell.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Splits at blanks. Quotes of either kind, and a backslash before any one byte, take away what it means.
///
/// # Errors
/// With the reason, when a quote is not closed or nothing follows a backslash.
pub(super) fn split(line: &[u8]) -> Result<Vec<OsString>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (_, Some(open)) if byte == open => quote = None,
            (b'\'' | b'"', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (b'\\', None | Some(b'"')) => {
                word.get_or_insert_default().push(bytes.next().ok_or("nothing follows the backslash")?);
            }
            (b' ' | b'\t' | b'\r', None) => words.extend(word.take().map(OsString::from_vec)),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word.map(OsString::from_vec));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_blanks_and_quotes_keep_them_together() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("  ls\t/etc \r", &["ls", "/etc"]),
            (r#"mark 'a b' "c d"e f\ g"#, &["mark", "a b", "c de", "f g"]),
            (r#"'it'\''s' "\"" '\'"#, &["it's", "\"", "\\"]),
            ("x ''", &["x", ""]),
            ("ä", &["ä"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line.as_bytes()).unwrap(), words, "{line}");
        }
        assert_eq!(split(b"\xff").unwrap(), [OsString::from_vec(vec![0xff])]);
        for line in ["'x", "\"x", "x\\"] {
            assert!(split(line.as_bytes()).is_err(), "{line}");
        }
    }
}

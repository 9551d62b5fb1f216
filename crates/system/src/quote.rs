//! Commands that can be pasted into a shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

use bstr::ByteSlice;

/// Quotes one word for a POSIX shell; a word with control characters or bytes that are not UTF-8 becomes `$'…'`, which all
/// but the oldest shells know.
pub fn word(text: &OsStr) -> String {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return text.to_string_lossy().into_owned();
    }
    match bytes.to_str() {
        Ok(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => dollar_quoted(bytes),
    }
}

/// Quotes one word for any POSIX shell, in scripts: what is not UTF-8 is put together by `printf`.
pub fn posix_word(text: &OsStr) -> String {
    match text.as_bytes().to_str() {
        Ok(plain) if plain.chars().any(char::is_control) => format!("'{}'", plain.replace('\'', r"'\''")),
        Ok(_) => word(text),
        Err(_) => {
            let mut octal = String::new();
            for byte in text.as_bytes() {
                write!(octal, "\\{byte:03o}").expect("writing to a string succeeds");
            }
            format!("\"$(printf '{octal}')\"")
        }
    }
}

fn dollar_quoted(bytes: &[u8]) -> String {
    let mut quoted = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b' '..=b'~' => quoted.push(char::from(byte)),
            // Three octal digits always, so that a digit that follows cannot be taken as part of it.
            _ => write!(quoted, "\\{byte:03o}").expect("writing to a string succeeds"),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_scripts_need_no_more_than_a_posix_shell() {
        let cases: [(&[u8], &str); 4] = [
            (b"a=1", "a=1"),
            (b"My Files", "'My Files'"),
            (b"a\nb'", "'a\nb'\\'''"),
            (b"a\xe9", r#""$(printf '\141\351')""#),
        ];
        for (bytes, quoted) in cases {
            assert_eq!(posix_word(OsStr::from_bytes(bytes)), quoted);
        }
    }

    #[test]
    fn words_survive_a_shell() {
        let cases: [(&[u8], &str); 7] = [
            (b"/mnt/backup", "/mnt/backup"),
            (b"", "''"),
            (b"My Files", "'My Files'"),
            (b"it's", r"'it'\''s'"),
            ("Bücher".as_bytes(), "'Bücher'"),
            (b"a\n1'\\", r"$'a\0121\'\\'"),
            (b"caf\xe9", r"$'caf\351'"),
        ];
        for (bytes, quoted) in cases {
            assert_eq!(word(OsStr::from_bytes(bytes)), quoted);
        }
    }
}

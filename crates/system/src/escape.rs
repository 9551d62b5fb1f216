//! File names as text for people: names are bytes, messages are one line of UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Shows a file name in a message: control characters, backslashes of escapes and bytes that are not UTF-8 appear as
/// `\n`, `\t`, `\xNN`; everything else as it is. So a name can neither forge a log line nor move the cursor.
pub fn display(name: &(impl AsRef<Path> + ?Sized)) -> Display<'_> {
    Display(name.as_ref().as_os_str().as_bytes())
}

/// Shows bytes as [`display`] shows a path.
pub fn display_bytes(bytes: &[u8]) -> Display<'_> {
    Display(bytes)
}

/// See [`display`].
#[derive(Debug, Clone, Copy)]
pub struct Display<'a>(&'a [u8]);

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write_text(f, chunk.valid())?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        match character {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => fmt::Write::write_char(f, c)?,
        }
    }
    Ok(())
}

/// Makes a message of several lines (the tail of a child's output, say) safe for a log: line breaks stay, other control
/// characters are escaped.
pub fn multiline(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.split('\n')
            .map(|line| display_bytes(line.as_bytes()).to_string())
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_control_characters_and_foreign_bytes_stays_on_one_line() {
        assert_eq!(display_bytes(b"a\nb\xff\x1b[1m caf\xc3\xa9").to_string(), "a\\nb\\xff\\u{1b}[1m café");
    }

    #[test]
    fn line_breaks_of_a_message_stay() {
        assert_eq!(multiline("a\nb\x07"), "a\nb\\u{7}");
    }
}

//! The state file of the original, `NAME.svnlast`: a pickle, protocol 0, of the last revision that was dumped.
//!
//! A pickle is a program for a machine that can run anything. This reader knows the two forms of a number and nothing else.

/// The suffix after the normalised path of a repository.
pub(super) const SUFFIX: &str = ".svnlast";

/// The last revision, if the file says one: `I5\n.`, or `L5L\n.` for numbers beyond 31 bits. None is `-1`.
pub(super) fn parse(file: &[u8]) -> Result<Option<u64>, &'static str> {
    let text = std::str::from_utf8(file).map_err(|_| "it is no number")?;
    let text = text.strip_suffix("\n.").ok_or("it is no number, or not whole")?;
    let digits = match text.strip_prefix('I') {
        Some(digits) => Some(digits),
        None => text.strip_prefix('L').and_then(|rest| rest.strip_suffix('L')),
    };
    let number = digits.ok_or("it is no number")?.parse::<i64>().map_err(|_| "it is no number")?;
    Ok(u64::try_from(number).ok())
}

/// The file for a revision, as the original writes it.
pub(super) fn write(revision: u64) -> Vec<u8> {
    let is_short = i32::try_from(revision).is_ok();
    if is_short { format!("I{revision}\n.") } else { format!("L{revision}L\n.") }.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_forms_of_the_original() {
        assert_eq!(write(5), b"I5\n.");
        assert_eq!(write(2_147_483_647), b"I2147483647\n.");
        assert_eq!(write(2_147_483_648), b"L2147483648L\n.");
        for revision in [0, 5, 2_147_483_647, 2_147_483_648, 1 << 40] {
            assert_eq!(parse(&write(revision)), Ok(Some(revision)));
        }
        assert_eq!(parse(b"I-1\n."), Ok(None));
    }

    #[test]
    fn nothing_else_is_read() {
        for other in [
            b"".as_slice(),
            b"I5\n",
            b"I5",
            b"5\n.",
            b"L5\n.",
            b"I\n.",
            b"I5\nI6\n.",
            b"cos\nsystem\n(S'touch /tmp/x'\ntR.",
            b"\x80\x04K\x05.",
            b"I99999999999999999999\n.",
        ] {
            assert!(parse(other).is_err(), "{}", other.escape_ascii());
        }
    }
}

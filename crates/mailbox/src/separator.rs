//! The line that begins a message: `From `, an address, and a date.

use bstr::ByteSlice;

/// Whether a line begins a message. Like grepmail, this asks for a time and a year; `From here on` is prose.
pub(crate) fn is_separator(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From") else { return false };
    if !rest.first().is_some_and(u8::is_ascii_whitespace) {
        return false;
    }
    // The first colon belongs to the time: an address with one hides the date behind it.
    let Some(colon) = rest.find_byte(b':') else { return false };
    let Some(after_time) = minutes(&rest[colon..]) else { return false };
    let after_time = minutes(after_time).unwrap_or(after_time);
    after_time.first().is_some_and(u8::is_ascii_whitespace) && has_year(after_time)
}

/// `:NN`
fn minutes(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b':', a, b, rest @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => Some(rest),
        _ => None,
    }
}

/// Names of zones in any number, then four digits: a year or, where the year comes before the time, a zone.
fn has_year(text: &[u8]) -> bool {
    text.fields().find(|word| !is_zone_name(word)).is_some_and(|word| {
        let digits = word.strip_prefix(b"+").or_else(|| word.strip_prefix(b"-")).unwrap_or(word);
        digits.len() == 4 && digits.iter().all(u8::is_ascii_digit)
    })
}

fn is_zone_name(word: &[u8]) -> bool {
    match word {
        [b'(', name @ .., b')'] | name => name.len() >= 3 && name.iter().all(u8::is_ascii_uppercase),
    }
}

/// Whether a line looks like one of a header. What follows a separator and does not is taken for prose in a message.
pub(crate) fn is_header(line: &[u8]) -> bool {
    if line.starts_with(b">From ") || is_separator(line) {
        return true;
    }
    let Some(colon) = line.find_byte(b':') else { return false };
    let name = line[..colon].trim_end_with(|character| matches!(character, ' ' | '\t'));
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Whether what follows this line is a message that somebody quoted, as mail programs mark it.
pub(crate) fn announces_quotation(line: &[u8]) -> bool {
    line.starts_with(b"-----") && line.contains_str("Message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_has_a_time_and_a_year() {
        for line in [
            "From c@d Tue Nov 24 10:00:00 2026\n",
            "From c@d Tue Nov 24 10:00:00 UTC 2026\n",
            "From c@d Tue Nov 24 10:00:00 2026 +0100\n",
            "From c@d Tue Nov 24 10:00:00 +0100 2026\r\n",
            "From c@d Tue Nov 24 10:00 2026\n",
            "From c@d Tue, 24 Nov 2026 10:00:00 +0100\n",
            "From x 1:00:00 2026\n",
            "From x 10:00:00 2026 12:00\n",
            "From - Tue Nov 24 10:00:00 2026 remote from host\n",
            "From\tc@d Tue Nov 24 10:00:00 2026\n",
            "From  x  24:99:99 9999",
            "From x 10:00:00 +0100 (CET) 2026\n",
            "From x 10:00 CET DST 2026\n",
        ] {
            assert!(is_separator(line.as_bytes()), "{line:?}");
        }
        for line in [
            "From c@d\n",
            "From here on it goes down\n",
            "From c@d 10:00:00\n",
            "From c@d Tue Nov 24 10:00:00 26\n",
            "from c@d Tue Nov 24 10:00:00 2026\n",
            ">From c@d Tue Nov 24 10:00:00 2026\n",
            " From c@d Tue Nov 24 10:00:00 2026\n",
            "Fromc@d Tue Nov 24 10:00:00 2026\n",
            "From c@d 2026-11-24 10:00:00\n",
            "From c:d@x Tue Nov 24 10:00:00 2026\n",
            "From x 10:00:00x 2026\n",
            "From x 10:00:00 2026x\n",
            "From x 10:00:00 20261\n",
            "From x 10:00:00 foo 2026\n",
            "From x 10:00 A 2026\n",
            "From x 10:00 100 2026\n",
            "From x 10:00 PM 2026\n",
            "From x 10:00:00:00 2026\n",
            "From x 10:00:0 2026\n",
            "From Mon, 1:2 2026\n",
            "",
        ] {
            assert!(!is_separator(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn prose_is_no_header() {
        for line in ["X-Foo: y\n", "Subject:\n", "Date : x\n", ">From x\n", "From x 10:00 2026\n"] {
            assert!(is_header(line.as_bytes()), "{line:?}");
        }
        for line in ["", "\n", "foo\n", "foo bar: x\n", ": x\n", " continued: x\n", "Gr\u{fc}\u{df}e: x\n"] {
            assert!(!is_header(line.as_bytes()), "{line:?}");
        }
    }
}

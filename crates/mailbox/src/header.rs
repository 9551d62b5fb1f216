//! What the header of a message says: who it is, and when it was sent.

use std::borrow::Cow;

use bstr::ByteSlice;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::date;
use crate::lines::is_blank;

/// What identifies a message: its `Message-Id` or, where there is none, its whole header. A digest of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 16]);

/// When a message was sent, as far as its header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Seconds since 1970, by the first date that can be understood; none when no date can be.
    pub instant: Option<i64>,
    /// Whether a date that would have counted more could not be understood.
    pub is_doubtful: bool,
}

impl Key {
    /// That of a message whose header, with the line that begins it, is `header`.
    pub(crate) fn of(header: &[u8]) -> Self {
        let digest = match message_id(header) {
            Some(id) => Sha256::new_with_prefix(b"id ").chain_update(id).finalize(),
            None => Sha256::new_with_prefix(b"header ").chain_update(header).finalize(),
        };
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}

/// When a message was sent: by the first `Received` field (the last machine that had it), else by `Date`, else by the line that
/// begins it. Dates without a zone are of the zone `zone`.
pub(crate) fn sent(header: &[u8], zone: &TimeZone) -> Sent {
    let received = field(header, b"Received");
    let received =
        received.as_deref().map(|text| &text[text.rfind_byte(b';').map_or(0, |place| place + 1)..]);
    let date = field(header, b"Date");
    let separator = header.lines().next().unwrap_or_default();
    let mut is_doubtful = false;
    for text in [received, date.as_deref(), Some(after_address(separator))].into_iter().flatten() {
        match date::parse(text, zone) {
            Some(instant) => return Sent { instant: Some(instant), is_doubtful },
            None => is_doubtful = true,
        }
    }
    Sent { instant: None, is_doubtful }
}

/// What the parts of the message are set apart by, if it has parts.
pub(crate) fn boundary(header: &[u8]) -> Option<Vec<u8>> {
    let content_type = field(header, b"Content-Type")?;
    let lower = content_type.to_ascii_lowercase();
    let place = lower.find(b"boundary")? + b"boundary".len();
    let value = content_type[place..].trim_start().strip_prefix(b"=")?.trim_start();
    let boundary = match value.strip_prefix(b"\"") {
        Some(quoted) => &quoted[..quoted.find_byte(b'"')?],
        None => &value[..value.find_byteset(b"; \t\r\n").unwrap_or(value.len())],
    };
    (!boundary.is_empty()).then(|| boundary.to_vec())
}

/// The text between the angle brackets of `Message-Id`.
fn message_id(header: &[u8]) -> Option<Vec<u8>> {
    let field = field(header, b"Message-Id")?;
    let id = field.trim_start().strip_prefix(b"<")?;
    let id = &id[..id.find_byte(b'>')?];
    (!id.is_empty()).then(|| id.to_vec())
}

/// The text of the first field by a name, its continuations joined.
fn field<'h>(header: &'h [u8], name: &[u8]) -> Option<Cow<'h, [u8]>> {
    let mut lines = header.lines_with_terminator().skip(1).peekable();
    let first = lines.find_map(|line| {
        let (label, text) = line.split_at_checked(name.len())?;
        text.strip_prefix(b":").filter(|_| label.eq_ignore_ascii_case(name))
    })?;
    let mut text = Cow::Borrowed(without_break(first));
    while let Some(line) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t')) && !is_blank(line))
    {
        text.to_mut().extend_from_slice(without_break(line));
    }
    Some(text)
}

fn without_break(line: &[u8]) -> &[u8] {
    line.trim_end_with(|character| matches!(character, '\n' | '\r'))
}

/// What follows the address in the line that begins a message.
fn after_address(separator: &[u8]) -> &[u8] {
    let rest = separator.get(5..).unwrap_or_default();
    let end = rest.find_byteset(b" \t").unwrap_or(rest.len());
    &rest[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: &str = "From a@b Tue Nov 10 10:00:00 2020\n";

    fn of(text: &str) -> Sent {
        sent(format!("{FROM}{text}\n").as_bytes(), &TimeZone::UTC)
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn received_counts_before_date_and_date_before_the_first_line() {
        let received = "Received: from x by y;\n\tTue, 24 Nov 2026 10:00:00 +0100\nReceived: z; 1 Jan 2001 00:00:00 +0000\n";
        let date = "DATE: 25 Nov 2026 10:00 GMT\n";
        for (text, instant, is_doubtful) in [
            (format!("{received}{date}"), at("2026-11-24T09:00:00Z"), false),
            (format!("Subject: x\n{date}"), at("2026-11-25T10:00:00Z"), false),
            (format!("Received: by x\n{date}"), at("2026-11-25T10:00:00Z"), true),
            ("Subject: x\n".to_owned(), at("2020-11-10T10:00:00Z"), false),
            ("Date: gestern\n".to_owned(), at("2020-11-10T10:00:00Z"), true),
            ("Date-X: 25 Nov 2026 10:00 GMT\n".to_owned(), at("2020-11-10T10:00:00Z"), false),
        ] {
            assert_eq!(of(&text), Sent { instant: Some(instant), is_doubtful }, "{text}");
        }
        let undated = sent(b"From a@b x:00 2020\nDate: x\n\n", &TimeZone::UTC);
        assert_eq!(undated, Sent { instant: None, is_doubtful: true });
    }

    #[test]
    fn a_message_is_its_id_and_without_one_its_header() {
        let key = |text: &str| Key::of(format!("{FROM}{text}\n").as_bytes());
        assert_eq!(key("Message-ID: <a@b>\nX: 1\n"), key("Subject: x\nmessage-id:\n <a@b>\n"));
        assert_ne!(key("Message-ID: <a@b>\n"), key("Message-ID: <A@b>\n"));
        assert_ne!(key("Message-ID: a@b\nX: 1\n"), key("Message-ID: a@b\nX: 2\n"));
        assert_ne!(key("Message-ID: <>\nX: 1\n"), key("Message-ID: <>\nX: 2\n"));
        assert_eq!(key("X: 1\n"), key("X: 1\n"));
    }

    #[test]
    fn the_boundary_of_parts_is_found_quoted_or_not() {
        let found = |text: &str| boundary(format!("{FROM}{text}\n").as_bytes());
        for text in [
            "Content-Type: multipart/mixed; boundary=\"a b\"; x=y\n",
            "content-type: multipart/mixed;\n\tBoundary = \"a b\"\n",
        ] {
            assert_eq!(found(text).unwrap(), b"a b", "{text}");
        }
        assert_eq!(found("Content-Type: multipart/mixed; boundary=ab; x=y\n").unwrap(), b"ab");
        for text in [
            "Content-Type: text/plain\n",
            "Content-Type: x; boundary=\n",
            "Content-Type: x; boundary=\"\n",
            "X: boundary=a\n",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

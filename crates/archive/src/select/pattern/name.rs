//! File names as the text that patterns are matched against.

use std::borrow::Cow;

/// Decodes a name. Bytes that are not UTF-8 become one character each, out of the last that are for private use.
pub(in super::super) fn decode(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(name.len() + 16);
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    Cow::Owned(text)
}

/// What stands for a byte that is not UTF-8: U+10FF80 to U+10FFFF.
pub(super) fn stand_in(byte: u8) -> char {
    char::from_u32(0x10_ff00 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

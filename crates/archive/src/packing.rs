//! Numbers and texts in few bytes, for files that only this program reads. Numbers are LEB128.

/// Appends a number.
pub fn put_number(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

/// Appends the length of bytes, and them.
pub fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_number(into, bytes.len() as u64);
    into.extend_from_slice(bytes);
}

/// Reads what was written, from the front. Nothing comes of what was not.
#[derive(Debug)]
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// So many bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// As many bytes as it takes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A number, if it is one of this type.
    pub fn number<N: TryFrom<u64>>(&mut self) -> Option<N> {
        let mut number = 0_u64;
        for place in (0..64).step_by(7) {
            let byte = self.byte()?;
            // Of the last byte there is room for one bit.
            if place == 63 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << place;
            if byte < 0x80 {
                return N::try_from(number).ok();
            }
        }
        None
    }

    /// Bytes that begin with their length.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_read_as_they_were_written_and_never_beyond_their_end() {
        let numbers = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX];
        let mut packed = Vec::new();
        for number in numbers {
            put_number(&mut packed, number);
        }
        put_bytes(&mut packed, b"text");
        let mut cursor = Cursor(&packed);
        for number in numbers {
            assert_eq!(cursor.number(), Some(number));
        }
        assert_eq!(cursor.bytes(), Some(&b"text"[..]));
        assert!(cursor.0.is_empty() && cursor.byte().is_none());
        assert_eq!(Cursor(&packed[packed.len() - 5..packed.len() - 1]).bytes(), None);
        assert_eq!(Cursor(&[0xff; 12]).number::<u64>(), None);
        assert_eq!(Cursor(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]).number::<u64>(), None);
        assert_eq!(Cursor(&[0x80, 2]).number::<u8>(), None);
    }
}

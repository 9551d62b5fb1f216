//! Extended attributes as pax records.

use super::ATTRIBUTE_PREFIX;

/// `LENGTH SCHILY.xattr.NAME=VALUE\n` for each attribute. Values are binary; in names `%` and `=` are written `%25` and
/// `%3D`, as GNU tar does.
pub(super) fn records(attributes: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut output = Vec::new();
    for (name, value) in attributes {
        let mut record = vec![b' '];
        record.extend_from_slice(ATTRIBUTE_PREFIX);
        for byte in name {
            match byte {
                b'%' => record.extend_from_slice(b"%25"),
                b'=' => record.extend_from_slice(b"%3D"),
                other => record.push(*other),
            }
        }
        record.push(b'=');
        record.extend_from_slice(value);
        record.push(b'\n');
        output.extend_from_slice(total_length(record.len()).to_string().as_bytes());
        output.extend_from_slice(&record);
    }
    output
}

/// The name of an attribute as a record has it, without the escapes of [`records`].
pub(super) fn attribute_name(escaped: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let [first, after @ ..] = rest {
        let (byte, after) = match rest {
            [b'%', b'2', b'5', after @ ..] => (b'%', after),
            [b'%', b'3', b'D', after @ ..] => (b'=', after),
            _ => (*first, after),
        };
        name.push(byte);
        rest = after;
    }
    name
}

/// The length of a record that has `rest` bytes after its length: the digits count themselves.
fn total_length(rest: usize) -> usize {
    let mut total = rest;
    loop {
        let again = rest + total.to_string().len();
        if again == total {
            return total;
        }
        total = again;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_itself() {
        for (rest, total) in [(1, 2), (8, 9), (9, 11), (97, 99), (98, 101), (996, 999), (997, 1001)] {
            assert_eq!(total_length(rest), total, "{rest}");
        }
    }

    #[test]
    fn names_are_escaped_and_values_are_not() {
        let attributes = [(b"user.a=b%".to_vec(), b"\0=\n".to_vec())];
        assert_eq!(records(&attributes), b"34 SCHILY.xattr.user.a%3Db%25=\0=\n\n");
        assert_eq!(attribute_name(b"user.a%3Db%25"), b"user.a=b%");
        assert_eq!(attribute_name(b"user.%253D%4"), b"user.%3D%4");
    }
}

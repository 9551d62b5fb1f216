//! What stands at the beginning of a disc or image, read without any program.

use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where the first descriptor is, in bytes, and how long it is.
const DESCRIPTOR: (u64, usize) = (16 * 2048, 2048);

/// What begins a disc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing but zeros, or nothing at all.
    Blank,
    /// An ISO 9660 image.
    Image(Volume),
    /// Something else.
    Foreign,
}

/// What an image says of itself. Of discs that are written once it is the first session that does, of others the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its label.
    pub label: String,
    /// What made it. Discs of ours have their serial here.
    pub application: String,
}

/// Reads the beginning of a disc or image.
///
/// # Errors
/// When it cannot be read, as when there is no disc in the drive.
pub fn read(device: &Path) -> io::Result<Beginning> {
    let file = fs_err::File::open(device)?;
    let mut start = vec![0; usize::try_from(DESCRIPTOR.0).map_err(io::Error::other)? + DESCRIPTOR.1];
    let length = read_to_end(&mut |buffer, offset| file.file().read_at(buffer, offset), &mut start)?;
    Ok(parse(&start[..length]))
}

fn read_to_end(
    read_at: &mut dyn FnMut(&mut [u8], u64) -> io::Result<usize>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match read_at(&mut buffer[length..], length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn parse(start: &[u8]) -> Beginning {
    let descriptor = usize::try_from(DESCRIPTOR.0).ok().and_then(|offset| start.get(offset..));
    match descriptor {
        Some(descriptor) if descriptor.len() >= DESCRIPTOR.1 && descriptor.starts_with(b"\x01CD001") => {
            Beginning::Image(Volume {
                label: text(&descriptor[40..72]),
                application: text(&descriptor[574..702]),
            })
        }
        _ if start.iter().all(|byte| *byte == 0) => Beginning::Blank,
        _ => Beginning::Foreign,
    }
}

/// Text without the blanks and zeros that fill it up.
fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim_end_matches([' ', '\0']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(label: &str, application: &str) -> Vec<u8> {
        let mut image = vec![0; 40 * 2048];
        image[32768..32774].copy_from_slice(b"\x01CD001");
        let mut put = |offset: usize, length: usize, text: &str| {
            image[offset..offset + length].fill(b' ');
            image[offset..offset + text.len()].copy_from_slice(text.as_bytes());
        };
        put(32768 + 40, 32, label);
        put(32768 + 574, 128, application);
        image
    }

    #[test]
    fn an_image_says_what_it_is_called_and_what_made_it() {
        let volume = |label: &str, application: &str| {
            Beginning::Image(Volume { label: label.to_owned(), application: application.to_owned() })
        };
        assert_eq!(
            parse(&image("CEDAR BACKUP 29-JUL-2026", "X 1")),
            volume("CEDAR BACKUP 29-JUL-2026", "X 1")
        );
        assert_eq!(parse(&image("", "")), volume("", ""));
    }

    #[test]
    fn nothing_zeros_and_anything_else_are_told_apart() {
        assert_eq!(parse(b""), Beginning::Blank);
        assert_eq!(parse(&[0; 100]), Beginning::Blank);
        assert_eq!(parse(&vec![0; 40_000]), Beginning::Blank);
        assert_eq!(parse(b"text"), Beginning::Foreign);
        assert_eq!(parse(&image("x", "")[..33_000]), Beginning::Foreign, "cut off");
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("disc");
        assert_eq!(read(&path).unwrap_err().kind(), ErrorKind::NotFound);
        fs_err::write(&path, image("X", "")).unwrap();
        assert!(matches!(read(&path).unwrap(), Beginning::Image(volume) if volume.label == "X"));
        fs_err::write(&path, "").unwrap();
        assert_eq!(read(&path).unwrap(), Beginning::Blank);
    }
}

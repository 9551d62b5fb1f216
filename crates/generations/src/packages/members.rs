//! Indexes that are tar archives, compressed or not.

use std::io::{self, BufRead, BufReader, Read, Seek};

use redcedar_archive::Compression;
use redcedar_archive::compress::read::stream;
use redcedar_archive::tar::read::{Event, MemberKind, Members};

/// No file in an index is larger.
const LARGEST: u64 = 256 << 20;

/// Decompresses a file; how it is compressed is told by its first bytes.
pub(super) fn decompress(mut file: std::fs::File) -> io::Result<Box<dyn BufRead>> {
    let mut beginning = Vec::new();
    (&mut file).take(4).read_to_end(&mut beginning)?;
    file.rewind()?;
    let compression = match beginning[..] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [b'B', b'Z', b'h', ..] => Compression::Bzip2,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        [0x04, 0x22, 0x4d, 0x18] => {
            return Ok(Box::new(lz4_flex::frame::FrameDecoder::new(BufReader::new(file))));
        }
        [0xfd, b'7', b'z', b'X'] => {
            return Err(io::Error::other("it is compressed by xz, which is not understood here"));
        }
        _ => Compression::None,
    };
    Ok(Box::new(BufReader::new(stream(file, compression)?)))
}

/// Calls `each` with name and content of every regular file of a tar archive.
pub(super) fn for_each(file: std::fs::File, mut each: impl FnMut(&[u8], &[u8])) -> io::Result<()> {
    let mut members = Members::new(decompress(file)?);
    let mut content = Vec::new();
    while let Some(event) = members.next_member().map_err(io::Error::other)? {
        match event {
            Event::Member(member) if member.kind == MemberKind::File => {
                content.clear();
                members.content().take(LARGEST).read_to_end(&mut content)?;
                each(&member.path, &content);
            }
            Event::Member(_) => {}
            Event::Damage(damage) => return Err(io::Error::other(format!("it is damaged: {damage:?}"))),
        }
    }
    Ok(())
}

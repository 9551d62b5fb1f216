use std::io::{Read, Seek, SeekFrom, Write};
use std::process::Stdio;

use redcedar_testing::program;
use sha2::{Digest, Sha256};

use super::output::Written;
use super::*;
use crate::ArchiveError;

/// Bytes that nothing compresses, the same for the same seed.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A mixture in which stretches that shrink and stretches that do not begin and end anywhere.
fn mixture(length: usize) -> Vec<u8> {
    let mut data = Vec::new();
    let mut seed = 1;
    while data.len() < length {
        let text = format!("line {seed} of a file like many others\n").repeat(2000 + seed * 311);
        data.extend_from_slice(text.as_bytes());
        data.extend(noise(seed * 77_777 % 300_000, seed as u64));
        seed += 1;
    }
    data.truncate(length);
    data
}

fn unpacked_by(program: &str, packed: &[u8]) -> Vec<u8> {
    let mut child = program::command(program)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(packed).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program}: {}", output.status);
    output.stdout
}

fn unpacked(compression: Compression, packed: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => packed.to_vec(),
        Compression::Gzip => unpacked_by("gzip", packed),
        Compression::Bzip2 => unpacked_by("bzip2", packed),
        Compression::Zstd => unpacked_by("zstd", packed),
    }
}

fn packed(compression: Compression, fill: impl FnOnce(&mut BlockWriter)) -> (Vec<u8>, Written) {
    let mut output = tempfile::tempfile().unwrap();
    let mut writer =
        BlockWriter::new(output.try_clone().unwrap(), compression, 2, Some(OsStr::new("x.tar.gz")));
    fill(&mut writer);
    let written = writer.finish().unwrap();
    let mut bytes = Vec::new();
    output.seek(SeekFrom::Start(0)).unwrap();
    output.read_to_end(&mut bytes).unwrap();
    (bytes, written)
}

#[test]
fn the_systems_programs_read_it_back() {
    for compression in Compression::ALL {
        let data = mixture(5 * compression.block_size() / 2);
        let (bytes, written) = packed(compression, |writer| {
            for piece in data.chunks(70_001) {
                writer.write(piece).unwrap();
            }
            assert_eq!(writer.position(), data.len() as u64);
        });
        assert_eq!(unpacked(compression, &bytes), data, "{compression:?}");
        assert_eq!(written.size, bytes.len() as u64);
        assert_eq!(written.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        assert_eq!(written.uncompressed_size, data.len() as u64);
    }
}

#[test]
fn reading_can_begin_at_every_block() {
    for compression in Compression::ALL {
        let data = mixture(5 * compression.block_size() / 2);
        let (bytes, written) = packed(compression, |writer| writer.write(&data).unwrap());
        assert!(written.blocks.len() >= data.len().div_ceil(compression.block_size()), "{compression:?}");
        assert_eq!(written.blocks[0].1, 0);
        for (packed_start, start) in written.blocks {
            let rest = unpacked(compression, &bytes[usize::try_from(packed_start).unwrap()..]);
            assert!(rest == data[usize::try_from(start).unwrap()..], "{compression:?} from {start}");
        }
    }
}

#[test]
fn our_own_reader_reads_every_block_back() {
    for compression in Compression::ALL {
        let mut data = mixture(5 * compression.block_size() / 2);
        // Several stretches of a block that are the same: all members of their kind end in the same bytes.
        let (zeros, noise) = (vec![0; 1 << 16], noise(1 << 16, 4));
        data.truncate(compression.block_size());
        data.extend([&zeros[..], &noise, &zeros, &noise, &zeros].concat());
        let (bytes, written) = packed(compression, |writer| writer.write(&data).unwrap());
        let mut decoder = read::BlockDecoder::new(compression);
        let starts = written.blocks.iter().copied();
        let ends = starts.clone().skip(1).chain([(written.size, written.uncompressed_size)]);
        let place =
            |(packed, plain): (u64, u64)| (usize::try_from(packed).unwrap(), usize::try_from(plain).unwrap());
        for ((packed_start, start), (packed_end, end)) in starts.map(place).zip(ends.map(place)) {
            let mut output = vec![0; end - start];
            decoder.decode(&bytes[packed_start..packed_end], packed_start as u64, &mut output).unwrap();
            assert!(output == data[start..end], "{compression:?} from {start}");
        }
    }
}

#[test]
fn what_is_taken_back_was_never_there() {
    let (head, right) = (mixture(1_100_000), mixture(500_000));
    for compression in Compression::ALL {
        let wrong = noise(5 * compression.block_size(), 5);
        // A little, and more than the pipeline holds: whatever had been written is gone again.
        for length in [10, wrong.len()] {
            let fill = |writer: &mut BlockWriter, length: usize| {
                writer.write(&head).unwrap();
                let mark = writer.mark().unwrap();
                for _ in 0..2 {
                    writer.write(&wrong[..length]).unwrap();
                    writer.rewind(mark).unwrap();
                }
                assert_eq!(writer.position(), head.len() as u64);
                writer.write(&right).unwrap();
            };
            let taken_back = packed(compression, |writer| fill(writer, length));
            let never_there = packed(compression, |writer| fill(writer, 0));
            assert!(taken_back == never_there, "{compression:?}, {length} bytes");
            assert!(unpacked(compression, &taken_back.0) == [&head[..], &right[..]].concat());
        }
    }
}

#[test]
fn everything_can_be_taken_back() {
    let data = noise(3 << 20, 9);
    let (bytes, written) = packed(Compression::Gzip, |writer| {
        let mark = writer.mark().unwrap();
        writer.write(&data).unwrap();
        writer.rewind(mark).unwrap();
        writer.write(b"x").unwrap();
    });
    assert_eq!(unpacked_by("gzip", &bytes), b"x");
    assert_eq!(written.blocks.iter().map(|(_, plain)| *plain).collect::<Vec<_>>(), [0]);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for compression in Compression::ALL {
        let data = mixture(5 * compression.block_size() / 2);
        let once = packed(compression, |writer| writer.write(&data).unwrap());
        let again =
            packed(compression, |writer| data.chunks(999).for_each(|piece| writer.write(piece).unwrap()));
        assert!(once == again, "{compression:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_and_stays_one() {
    for compression in Compression::ALL {
        let full = fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap().into_parts().0;
        let mut writer = BlockWriter::new(full, compression, 2, None);
        let data = noise(1 << 20, 7);
        let failed = (0..100).find_map(|_| writer.write(&data).err());
        assert!(
            matches!(&failed, Some(ArchiveError::Write(error)) if error.kind() == std::io::ErrorKind::StorageFull),
            "{compression:?}: {failed:?}"
        );
        assert!(matches!(writer.finish(), Err(ArchiveError::Failed)), "{compression:?}");
    }
}

#[test]
fn zeros_are_counted() {
    let (bytes, _) = packed(Compression::Gzip, |writer| writer.write_zeros(3_000_000).unwrap());
    assert!(unpacked_by("gzip", &bytes) == vec![0; 3_000_000]);
    assert!(bytes.len() < 10_000);
}

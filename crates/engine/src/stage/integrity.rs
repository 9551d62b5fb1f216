//! Whether a file that no manifest describes has arrived whole, as far as its own form tells: compressed data decompresses to its
//! end, and a tar archive has its end marker.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::Compression;
use redcedar_archive::compress::read::stream;
use redcedar_archive::reader::{Damage, Event, Members};

use super::watch::{Stop, Watch};

/// How many zeros end a tar archive.
const END_MARKER: usize = 1024;

/// What a look at a file came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is whole, or nothing in it can tell.
    Whole,
    /// It is whole, and was already damaged when it was written: so many members cannot be found in it.
    BadlyWritten(usize),
    /// It is not whole, and why.
    Damaged(String),
}

/// Reads a file to its end.
pub(super) fn check(file: File, name: &OsStr, watch: &Watch<'_>) -> Result<Finding, Stop> {
    let form = form(name);
    if form == (Form { compression: Compression::None, is_tar: false }) {
        return Ok(Finding::Whole);
    }
    let finding = match open(file, form.compression) {
        Ok(reader) if form.is_tar => check_tar(Watched::new(reader, watch)),
        Ok(reader) => check_stream(Watched::new(reader, watch)),
        Err(error) => Finding::Damaged(error.to_string()),
    };
    // The reader could not say it in its own words.
    watch.check()?;
    Ok(finding)
}

fn open(mut file: File, compression: Compression) -> io::Result<impl Read> {
    if file.metadata()?.len() == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
    }
    file.rewind()?;
    stream(file, compression)
}

#[derive(Debug, PartialEq, Eq)]
struct Form {
    compression: Compression,
    is_tar: bool,
}

fn form(name: &OsStr) -> Form {
    if let Some((_, compression)) = Compression::of_archive(name) {
        return Form { compression, is_tar: true };
    }
    let has_suffix = |compression: &Compression| {
        let suffix = compression.suffix().as_bytes();
        !suffix.is_empty() && name.as_bytes().ends_with(suffix)
    };
    let compression = Compression::ALL.into_iter().find(has_suffix).unwrap_or(Compression::None);
    Form { compression, is_tar: false }
}

fn check_stream(mut reader: impl Read) -> Finding {
    match io::copy(&mut reader, &mut io::sink()) {
        Ok(_) => Finding::Whole,
        Err(error) => Finding::Damaged(error.to_string()),
    }
}

fn check_tar(mut reader: Watched<'_, impl Read>) -> Finding {
    let mut members = Members::new(&mut reader);
    let (mut places, mut lost) = (0, None);
    loop {
        match members.next_member() {
            Ok(None) => break,
            Ok(Some(Event::Member(_))) => {}
            // A file that shrank while it was stored: what follows is in the wrong place, and there.
            Ok(Some(Event::Damage(Damage::Skipped { from, to, .. }))) => {
                places += 1;
                lost = to.is_none().then_some(from);
            }
            Ok(Some(Event::Damage(Damage::Truncated { at } | Damage::NoEndMarker { at }))) => {
                return Finding::Damaged(format!("the tar archive has no end; it breaks off at byte {at}"));
            }
            Err(error) => return Finding::Damaged(error.to_string()),
        }
    }
    if let Err(error) = members.drain() {
        return Finding::Damaged(error.to_string());
    }
    match lost {
        Some(from) if reader.zeros < END_MARKER => {
            Finding::Damaged(format!("there is no tar archive from byte {from} on"))
        }
        _ if places > 0 => Finding::BadlyWritten(places),
        _ => Finding::Whole,
    }
}

/// Fails once the watch wants to stop.
struct Watched<'a, R> {
    reader: R,
    watch: &'a Watch<'a>,
    /// How many zeros were read last.
    zeros: usize,
}

impl<'a, R: Read> Watched<'a, R> {
    fn new(reader: R, watch: &'a Watch<'a>) -> Self {
        Self { reader, watch, zeros: 0 }
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.check().map_err(io::Error::other)?;
        let count = self.reader.read(buffer)?;
        let zeros = buffer[..count].iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if zeros == count { self.zeros.saturating_add(zeros) } else { zeros };
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::Duration;

    use redcedar_system::Interrupt;

    fn found(name: &str, content: &[u8]) -> Finding {
        let interrupt = Interrupt::new();
        let watch = Watch::start(&interrupt, Duration::from_mins(1), Duration::ZERO);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        check(file, OsStr::new(name), &watch).unwrap()
    }

    fn tar() -> Vec<u8> {
        let mut tar = redcedar_testing::program::command("tar");
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join("file"), vec![7; 3000]).unwrap();
        redcedar_testing::program::succeed(tar.args(["-cf", "-", "file"]).current_dir(root.path()))
    }

    fn compressed(program: &str, content: &[u8]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), content).unwrap();
        redcedar_testing::program::succeed(
            redcedar_testing::program::command(program).arg("-c").arg(file.path()),
        )
    }

    #[test]
    fn whole_files_are_whole_and_cut_ones_are_not() {
        let tar = tar();
        for (suffix, program) in [("", ""), (".gz", "gzip"), (".bz2", "bzip2"), (".zst", "zstd")] {
            let pack = |content: &[u8]| {
                if program.is_empty() { content.to_vec() } else { compressed(program, content) }
            };
            let archive = pack(&tar);
            let name = format!("etc.tar{suffix}");
            assert_eq!(found(&name, &archive), Finding::Whole, "{name}");
            for left in [0, 1, archive.len() / 10, archive.len() - archive.len() / 10 * 9] {
                assert!(matches!(found(&name, &archive[..left]), Finding::Damaged(_)), "{name} {left}");
            }
            assert!(matches!(found(&name, b"<html>not found</html>"), Finding::Damaged(_)), "{name}");
            // What is in the stream is whole, and breaks off all the same.
            let unended = pack(&tar[..512 + 3072]);
            assert!(matches!(found(&name, &unended), Finding::Damaged(_)), "{name}");
            if suffix.is_empty() {
                continue;
            }
            let dump = pack(b"-- dump\n");
            let name = format!("mysqldump.txt{suffix}");
            assert_eq!(found(&name, &dump), Finding::Whole, "{name}");
            for left in [0, dump.len() - 1] {
                assert!(matches!(found(&name, &dump[..left]), Finding::Damaged(_)), "{name} {left}");
            }
        }
    }

    #[test]
    fn what_shrank_while_it_was_stored_is_no_fault_of_the_copy() {
        let (tar, members) = (tar(), 512 + 3072);
        let short = [&tar[..512], &tar[1024..members]].concat();
        // The next member is swallowed, and nothing or another one follows it.
        for rest in [tar.clone(), [&tar[..members], &tar].concat()] {
            let archive = [&short[..], &rest].concat();
            assert_eq!(found("etc.tar", &archive), Finding::BadlyWritten(1));
            assert!(matches!(found("etc.tar", &archive[..2 * members]), Finding::Damaged(_)));
        }
    }

    #[test]
    fn other_files_cannot_tell() {
        for name in ["dump.txt", "etc.tar.gz.gpg", "etc.tar_00000", "note"] {
            assert_eq!(found(name, b"anything"), Finding::Whole, "{name}");
        }
    }

    #[test]
    fn an_interrupt_ends_the_look() {
        let interrupt = Interrupt::new();
        interrupt.raise();
        let watch = Watch::start(&interrupt, Duration::from_mins(1), Duration::ZERO);
        let file = tempfile::tempfile().unwrap();
        assert!(matches!(check(file, OsStr::new("etc.tar"), &watch), Err(Stop::Interrupted(_))));
    }
}

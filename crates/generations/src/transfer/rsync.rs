//! The command that copies, what it is told to copy, and what its end means.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_system::command::Command;

use super::far::Far;
use super::store::Store;

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything that was still there is there.
    Complete,
    /// Something could not be read or written.
    Partial,
    /// It stopped somewhere.
    Failed,
}

impl End {
    /// Of the exit status of rsync.
    pub(super) fn of(status: i32) -> Self {
        match status {
            // 24: files were gone when their turn came.
            0 | 24 => Self::Complete,
            23 => Self::Partial,
            _ => Self::Failed,
        }
    }
}

/// Copies the listed paths into `directory`, whose unchanged files become further names of those in `bases`.
///
/// Times are compared to the nanosecond. What is gone by now is no error. A far side that says nothing for an hour is given up.
pub(super) fn command(far: &Far<'_>, store: &Store, directory: &str, bases: &[String]) -> Command {
    let fixed = [
        "-aHAX",
        "--numeric-ids",
        "--sparse",
        "--modify-window=-1",
        "--ignore-missing-args",
        "--timeout=3600",
        "--stats",
        "--from0",
        "--files-from=-",
    ];
    let mut command = Command::new("rsync").args(fixed);
    for base in bases {
        command = command.arg(joined("--link-dest=", &store.within(base)));
    }
    let remote = far.remote();
    command = command.arg("--protect-args").arg(joined("--rsh=", &far.rsh()));
    if let Some(program) = &remote.rsync {
        command = command.arg(format!("--rsync-path={program}"));
    }
    let fake_super = remote.fake_super.unwrap_or(!store.is_root);
    if fake_super {
        command = command.arg("-M--fake-super");
    }
    if store.needs_no_care {
        // Since 3.5.0 rsync goes from directory to directory for each file that it links, with ten times the calls.
        command = command.arg("-M--insecure-links");
    }
    let host = &remote.host;
    let mut target =
        OsString::from(if host.contains(':') { format!("[{host}]:") } else { format!("{host}:") });
    target.push(store.within(directory));
    target.push("/");
    command.arg("--").arg("/").arg(target)
}

fn joined(option: &str, value: &OsStr) -> OsString {
    let mut joined = OsString::from(option);
    joined.push(value);
    joined
}

/// Paths as rsync reads them, each with a NUL behind it. They begin with a slash, so that none is taken as a comment. The root
/// itself is none of them: rsync would take it as everything that is in it.
pub(super) struct Listing<'p, I> {
    paths: I,
    current: Option<&'p [u8]>,
}

impl<'p, I: Iterator<Item = &'p Path>> Listing<'p, I> {
    pub(super) fn new(paths: I) -> Self {
        Self { paths, current: None }
    }
}

impl<'p, I: Iterator<Item = &'p Path>> Read for Listing<'p, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() {
            match self.current.take() {
                Some([]) => {
                    buffer[written] = 0;
                    written += 1;
                }
                Some(rest) => {
                    let count = rest.len().min(buffer.len() - written);
                    buffer[written..written + count].copy_from_slice(&rest[..count]);
                    written += count;
                    self.current = Some(&rest[count..]);
                }
                None => match self.paths.next() {
                    Some(path) if path == Path::new("/") => {}
                    Some(path) => self.current = Some(path.as_os_str().as_bytes()),
                    None => break,
                },
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_listed_with_a_nul_behind_it_however_little_is_read_at_a_time() {
        let paths = ["/", "/a", "/#b\nc", "/\u{e9}"].map(Path::new);
        for size in [1, 2, 3, 100] {
            let (mut listing, mut all) = (Listing::new(paths.into_iter()), Vec::new());
            let mut buffer = vec![0xff; size];
            loop {
                match listing.read(&mut buffer).unwrap() {
                    0 => break,
                    count => all.extend_from_slice(&buffer[..count]),
                }
            }
            assert_eq!(all, "/a\0/#b\nc\0/\u{e9}\0".as_bytes(), "{size}");
        }
    }

    #[test]
    fn only_a_copy_that_was_done_counts() {
        let ends = [0, 24, 23, 1, 11, 12, 20, 30, 255, -9, 256].map(End::of);
        assert_eq!(ends[..3], [End::Complete, End::Complete, End::Partial]);
        assert!(ends[3..].iter().all(|end| *end == End::Failed));
    }
}

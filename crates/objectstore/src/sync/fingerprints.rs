//! What identifies the content of files, of many at a time.
//!
//! An MD5 waits for itself, so files share a few threads, several to each ([`md5`]).

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redcedar_archive::md5;
use tokio::sync::oneshot;

use super::local::Links;
use super::read::{self, ATTEMPTS, Opened, PAUSE, ReadError};
use super::stamp::Stamp;
use super::work::{Failure, blocking};
use crate::digest::{CrcDigester, Fingerprint};

/// How many threads read.
const THREADS: usize = 2;

/// Whoever reads files.
#[derive(Clone, Default)]
pub(crate) struct Fingerprints(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    threads: usize,
}

impl Fingerprints {
    /// What identifies the content of a file, with how the file looked. With `part_size`, each part of that size has an MD5.
    pub(crate) async fn of(
        &self,
        path: PathBuf,
        links: Links,
        part_size: Option<u64>,
    ) -> Result<(Fingerprint, Stamp), Failure> {
        if let Some(part_size) = part_size {
            return Ok(blocking(move || read::fingerprint_of_parts(&path, links, part_size)).await??);
        }
        for _ in 1..ATTEMPTS {
            match self.of_whole(path.clone(), links).await {
                Err(Failure::Read(ReadError::Changing)) => tokio::time::sleep(PAUSE).await,
                other => return other,
            }
        }
        self.of_whole(path, links).await
    }

    async fn of_whole(&self, path: PathBuf, links: Links) -> Result<(Fingerprint, Stamp), Failure> {
        let (answer, answered) = oneshot::channel();
        self.queue().waiting.push_back(Waiting { path, links, answer });
        self.start_thread();
        let lost = |_| ReadError::Io(io::Error::other("the thread that read it ended early"));
        Ok(answered.await.map_err(lost)??)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread if there may be another. It ends when nothing is left to read.
    fn start_thread(&self) {
        let mut queue = self.queue();
        if queue.threads == THREADS {
            return;
        }
        queue.threads += 1;
        let own = self.clone();
        tokio::task::spawn_blocking(move || {
            while own.has_more() {
                md5::digest_all(|| own.next(), Reading::end);
            }
        });
    }

    /// Whether something is waiting; if not, a thread is counted as ended.
    fn has_more(&self) -> bool {
        let mut queue = self.queue();
        let has_more = !queue.waiting.is_empty();
        queue.threads -= usize::from(!has_more);
        has_more
    }

    /// The next one that can be read.
    fn next(&self) -> Option<Reading> {
        loop {
            let Waiting { path, links, answer } = self.queue().waiting.pop_front()?;
            match Opened::open(&path, links) {
                Ok(opened) => return Some(Reading { opened, crc: CrcDigester::new(), answer }),
                // Whoever asked may have gone.
                Err(error) => drop(answer.send(Err(error))),
            }
        }
    }
}

type Answer = oneshot::Sender<Result<(Fingerprint, Stamp), ReadError>>;

/// A file that is to be read.
struct Waiting {
    path: PathBuf,
    links: Links,
    answer: Answer,
}

/// A file that is being read.
struct Reading {
    opened: Opened,
    crc: CrcDigester,
    answer: Answer,
}

impl Reading {
    fn end(self, md5: io::Result<[u8; 16]>) {
        let Self { opened, crc, answer } = self;
        let print = md5.map_err(ReadError::Io).map(|md5| Fingerprint::of_whole(crc.finish(), md5));
        let print = print.and_then(|print| opened.if_unchanged(print));
        // Whoever asked may have gone.
        drop(answer.send(print.map(|print| (print, opened.stamp))));
    }
}

impl md5::Source for Reading {
    fn content(&mut self) -> &mut impl Read {
        self
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.opened.read(buffer)?;
        self.crc.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Crc, Md5Sum};

    #[test]
    fn many_files_are_read_at_a_time_and_each_gets_its_own_answer() {
        let root = tempfile::tempdir().unwrap();
        let content = |number: usize| format!("{number}").repeat(number * 100);
        for number in 0..50 {
            fs_err::write(root.path().join(number.to_string()), content(number)).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let prints = Fingerprints::default();
            let all: Vec<_> = (0..50)
                .map(|number| {
                    let (prints, path) = (prints.clone(), root.path().join(number.to_string()));
                    tokio::spawn(async move { prints.of(path, Links::Skip, None).await })
                })
                .collect();
            for (number, one) in all.into_iter().enumerate() {
                let (print, stamp) = one.await.unwrap().unwrap();
                let content = content(number);
                assert_eq!((stamp.size, print.crc), (content.len() as u64, Crc::of(content.as_bytes())));
                assert!(print.has_etag(&Md5Sum::of(content.as_bytes()).hex()));
            }
            let gone = prints.of(root.path().join("gone"), Links::Skip, None).await;
            assert!(matches!(gone, Err(Failure::Read(ReadError::Io(_)))));
        });
    }
}

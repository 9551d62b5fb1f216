//! The pipeline: blocks are cut here, compressed by several threads, and written in order by one more.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::output::{Output, Written};
use super::{Compression, bzip2, gzip, zstd};
use crate::ArchiveError;

/// Compresses what is written to it in independent blocks, and digests the result on the way. The calling thread cuts;
/// `threads` others compress, each started when there is work for it; one more digests and writes. The number of blocks
/// on their way is bounded and buffers are used again, so memory stays flat. What goes wrong in another thread is an
/// error of a later call.
pub(crate) struct BlockWriter {
    compression: Compression,
    block: Vec<u8>,
    /// Where `block` begins in the uncompressed archive.
    block_start: u64,
    workers: Workers,
    output: Output,
}

/// A place to which [`BlockWriter::rewind`] can go back: its offset in the uncompressed archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl BlockWriter {
    /// Writes to `file`, which is empty. `name` is the name of the archive, for formats that carry one.
    pub(crate) fn new(file: File, compression: Compression, threads: usize, name: Option<&OsStr>) -> Self {
        let prefix = match (compression, name) {
            (Compression::Gzip, Some(name)) => gzip::name_member(name),
            _ => Vec::new(),
        };
        let threads = threads.max(1);
        Self {
            compression,
            block: Vec::with_capacity(compression.block_size()),
            block_start: 0,
            workers: Workers::new(compression, threads),
            // Twice the threads: each works on one and finds the next when it is done.
            output: Output::new(file, prefix, 2 * threads),
        }
    }

    /// How many bytes have been accepted: the offset of the next one.
    pub(crate) fn position(&self) -> u64 {
        self.block_start + self.block.len() as u64
    }

    /// Accepts bytes.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        loop {
            let room = self.compression.block_size() - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            if later.is_empty() {
                return Ok(());
            }
            bytes = later;
            self.cut()?;
        }
    }

    /// Accepts `count` zero bytes.
    pub(crate) fn write_zeros(&mut self, mut count: u64) -> Result<(), ArchiveError> {
        static ZEROS: [u8; 65_536] = [0; 65_536];
        while count > 0 {
            let now = count.min(ZEROS.len() as u64);
            self.write(&ZEROS[..usize::try_from(now).unwrap_or(ZEROS.len())])?;
            count -= now;
        }
        Ok(())
    }

    /// Begins a block here and remembers the place, until the next mark.
    pub(crate) fn mark(&mut self) -> Result<Mark, ArchiveError> {
        self.cut()?;
        self.output.mark()?;
        Ok(Mark(self.block_start))
    }

    /// Takes back everything since `mark`, which must be the latest one. It stays valid.
    pub(crate) fn rewind(&mut self, mark: Mark) -> Result<(), ArchiveError> {
        self.block.clear();
        self.block_start = mark.0;
        self.output.rewind()
    }

    /// Writes what is left and says what came of it. The file is not synchronised.
    pub(crate) fn finish(mut self) -> Result<Written, ArchiveError> {
        self.cut()?;
        self.output.finish(self.block_start)
    }

    /// Sends the block on its way, if there is anything in it.
    fn cut(&mut self) -> Result<(), ArchiveError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let start = self.block_start;
        self.block_start += self.block.len() as u64;
        let mut buffers = self.output.spare();
        buffers.output.clear();
        buffers.starts.clear();
        std::mem::swap(&mut self.block, &mut buffers.input);
        self.block.clear();
        self.block.reserve_exact(self.compression.block_size());
        let reply = self.workers.compress(buffers)?;
        self.output.write(start, reply)
    }
}

/// What goes around between the threads.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    /// Where pieces that stand alone begin: (in the output, in the input).
    pub(super) starts: Vec<(usize, usize)>,
}

/// Threads that compress. They end when their queue is dropped, and dropping this waits for them.
struct Workers {
    compression: Compression,
    limit: usize,
    threads: Vec<JoinHandle<()>>,
    queue: Option<Sender<Job>>,
    jobs: Arc<Mutex<Receiver<Job>>>,
}

struct Job {
    buffers: Buffers,
    reply: SyncSender<io::Result<Buffers>>,
}

impl Workers {
    fn new(compression: Compression, limit: usize) -> Self {
        let (queue, jobs) = channel();
        Self { compression, limit, threads: Vec::new(), queue: Some(queue), jobs: Arc::new(Mutex::new(jobs)) }
    }

    /// Compresses `input` to `output` some time soon.
    fn compress(&mut self, buffers: Buffers) -> Result<Receiver<io::Result<Buffers>>, ArchiveError> {
        if self.threads.len() < self.limit {
            let (compression, jobs) = (self.compression, Arc::clone(&self.jobs));
            let thread = std::thread::Builder::new().name("compress".to_owned());
            self.threads.push(thread.spawn(move || work(compression, &jobs)).map_err(ArchiveError::Thread)?);
        }
        let (reply, receiver) = sync_channel(1);
        let job = Job { buffers, reply };
        match self.queue.as_ref().map(|queue| queue.send(job)) {
            Some(Ok(())) => Ok(receiver),
            _ => Err(ArchiveError::Failed),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A panic in there has been reported by the block that nobody replied to.
            let _panicked = thread.join();
        }
    }
}

/// What each thread does.
fn work(compression: Compression, jobs: &Mutex<Receiver<Job>>) {
    let mut compressor = Compressor::new(compression);
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { mut buffers, reply }) = job else { return };
        let result = match &mut compressor {
            Ok(compressor) => compressor.compress(&mut buffers).map(|()| buffers),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        // Nobody waits any more when the writer went back or gave up.
        let _unwanted = reply.send(result);
    }
}

enum Compressor {
    None,
    Gzip(gzip::Compressor),
    Bzip2,
    Zstd(zstd::Compressor),
}

impl Compressor {
    fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip(gzip::Compressor::new()?),
            Compression::Bzip2 => Self::Bzip2,
            Compression::Zstd => Self::Zstd(zstd::Compressor::new()?),
        })
    }

    /// Makes `output`, which is empty, of `input`.
    fn compress(&mut self, Buffers { input, output, starts }: &mut Buffers) -> io::Result<()> {
        if !matches!(self, Self::Gzip(_)) {
            starts.push((0, 0));
        }
        match self {
            Self::None => std::mem::swap(input, output),
            Self::Gzip(compressor) => compressor.compress(input, output, starts)?,
            Self::Bzip2 => bzip2::compress(input, output)?,
            Self::Zstd(compressor) => compressor.compress(input, output)?,
        }
        Ok(())
    }
}

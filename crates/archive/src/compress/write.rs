//! The pipeline: blocks are cut, compressed by several threads, and written in order.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::{Compression, bzip2, gzip, zstd};
use crate::ArchiveError;

/// Compresses what is written to it in independent blocks, and digests the result on the way. The calling thread cuts
/// and writes; `threads` others compress, each started when there is work for it. The number of blocks on their way is
/// bounded and buffers are used again, so memory stays flat.
pub(crate) struct BlockWriter {
    compression: Compression,
    block: Vec<u8>,
    /// Where `block` begins in the uncompressed archive.
    block_start: u64,
    workers: Workers,
    waiting: VecDeque<Waiting>,
    spare: Vec<Buffers>,
    output: Output,
    mark: Option<(Mark, Option<State>)>,
}

/// A place to which [`BlockWriter::rewind`] can go back: its offset in the uncompressed archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// What there is to know about the finished output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) uncompressed_size: u64,
    /// Where reading can begin: (compressed, uncompressed). Each piece between two of them stands alone.
    pub(crate) blocks: Vec<(u64, u64)>,
}

impl BlockWriter {
    /// Writes to `file`, which is empty. `name` is the name of the archive, for formats that carry one.
    pub(crate) fn new(file: File, compression: Compression, threads: usize, name: Option<&OsStr>) -> Self {
        let prefix = match (compression, name) {
            (Compression::Gzip, Some(name)) => gzip::name_member(name),
            _ => Vec::new(),
        };
        Self {
            compression,
            block: Vec::with_capacity(compression.block_size()),
            block_start: 0,
            workers: Workers::new(compression, threads.max(1)),
            waiting: VecDeque::new(),
            spare: Vec::new(),
            output: Output { file, state: State::default(), prefix, blocks: Vec::new(), failed: false },
            mark: None,
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
        let mark = Mark(self.block_start);
        self.mark = Some((mark, None));
        Ok(mark)
    }

    /// Takes back everything since `mark`, which must be the latest one. It stays valid.
    pub(crate) fn rewind(&mut self, mark: Mark) -> Result<(), ArchiveError> {
        debug_assert!(
            self.mark.as_ref().is_some_and(|(latest, _)| *latest == mark),
            "only to the latest mark"
        );
        while self.waiting.front().is_some_and(|waiting| waiting.start < mark.0) {
            self.write_oldest()?;
        }
        self.waiting.clear();
        self.block.clear();
        self.block_start = mark.0;
        match self.mark.replace((mark, None)) {
            Some((_, Some(state))) => self.output.rewind(state, mark),
            _ => Ok(()),
        }
    }

    /// Writes what is left and says what came of it. The file is not synchronised.
    pub(crate) fn finish(mut self) -> Result<Written, ArchiveError> {
        self.cut()?;
        while !self.waiting.is_empty() {
            self.write_oldest()?;
        }
        let Output { state, blocks, .. } = self.output;
        Ok(Written {
            size: state.length,
            sha256: state.sha256.finalize().into(),
            uncompressed_size: self.block_start,
            blocks,
        })
    }

    /// Sends the block on its way, if there is anything in it.
    fn cut(&mut self) -> Result<(), ArchiveError> {
        if self.output.failed {
            return Err(ArchiveError::Failed);
        }
        if self.block.is_empty() {
            return Ok(());
        }
        let start = self.block_start;
        self.block_start += self.block.len() as u64;
        // Twice the threads: each works on one and finds the next when it is done.
        while self.waiting.len() >= 2 * self.workers.limit {
            self.write_oldest()?;
        }
        let mut buffers = self.spare.pop().unwrap_or_default();
        buffers.output.clear();
        buffers.starts.clear();
        std::mem::swap(&mut self.block, &mut buffers.input);
        self.block.clear();
        self.block.reserve_exact(self.compression.block_size());
        let reply = self.workers.compress(buffers, self.waiting.len())?;
        self.waiting.push_back(Waiting { start, reply });
        Ok(())
    }

    /// Waits for the oldest block on its way and writes it.
    fn write_oldest(&mut self) -> Result<(), ArchiveError> {
        let Some(Waiting { start, reply }) = self.waiting.pop_front() else { return Ok(()) };
        // A thread that died has dropped its end: an error here, not a hang.
        let compressed = reply
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the compressing thread ended before its time")));
        let buffers = compressed.map_err(|error| {
            self.output.failed = true;
            ArchiveError::Compress(error)
        })?;
        self.remember_before(start);
        self.output.write_block(start, &buffers)?;
        self.spare.push(buffers);
        Ok(())
    }

    /// Keeps the state to which a rewind will go back, when the block at `start` is the first after the mark.
    fn remember_before(&mut self, start: u64) {
        if let Some((mark, state @ None)) = &mut self.mark
            && mark.0 == start
        {
            *state = Some(self.output.state.clone());
        }
    }
}

/// A block on its way, and where it begins in the uncompressed archive.
struct Waiting {
    start: u64,
    reply: Receiver<io::Result<Buffers>>,
}

/// What goes around between the writer and its threads.
#[derive(Default)]
struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
    /// Where pieces that stand alone begin: (in the output, in the input).
    starts: Vec<(usize, usize)>,
}

/// The file and what is known of it.
struct Output {
    file: File,
    state: State,
    /// Goes before the first block; there is no content in it.
    prefix: Vec<u8>,
    blocks: Vec<(u64, u64)>,
    /// After an error nobody knows what the file holds.
    failed: bool,
}

/// As much of the output as a rewind brings back.
#[derive(Clone, Default)]
struct State {
    length: u64,
    sha256: Sha256,
}

impl Output {
    fn write_block(&mut self, start: u64, block: &Buffers) -> Result<(), ArchiveError> {
        if start == 0 {
            let prefix = std::mem::take(&mut self.prefix);
            self.write(&prefix)?;
            self.prefix = prefix;
        }
        let begin = self.state.length;
        self.blocks.extend(
            block.starts.iter().map(|(packed, plain)| (begin + *packed as u64, start + *plain as u64)),
        );
        self.write(&block.output)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.file.write_all(bytes).map_err(|error| {
            self.failed = true;
            ArchiveError::Write(error)
        })?;
        self.state.sha256.update(bytes);
        self.state.length += bytes.len() as u64;
        Ok(())
    }

    fn rewind(&mut self, state: State, mark: Mark) -> Result<(), ArchiveError> {
        let cut_off = self.file.set_len(state.length);
        cut_off.and_then(|()| self.file.seek(SeekFrom::Start(state.length))).map_err(|error| {
            self.failed = true;
            ArchiveError::Rewind(error)
        })?;
        self.state = state;
        self.blocks.truncate(self.blocks.partition_point(|(_, start)| *start < mark.0));
        Ok(())
    }
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

    /// Compresses `input` to `output` some time soon; `busy` blocks are on their way already.
    fn compress(
        &mut self,
        buffers: Buffers,
        busy: usize,
    ) -> Result<Receiver<io::Result<Buffers>>, ArchiveError> {
        if self.threads.len() < self.limit && busy >= self.threads.len() {
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

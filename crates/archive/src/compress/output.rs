//! The end of the pipeline: a thread that waits for compressed blocks in their order, digests and writes them.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::write::Buffers;
use crate::ArchiveError;

/// What there is to know about the finished output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) uncompressed_size: u64,
    /// Where reading can begin: (compressed, uncompressed). Each piece between two of them stands alone.
    pub(crate) blocks: Vec<(u64, u64)>,
}

/// The near end of the thread, which is started with the first order. It ends when this is dropped, and that waits for it.
pub(super) struct Output {
    /// Until it is started.
    idle: Option<Writer>,
    limit: usize,
    running: Option<Running>,
}

struct Running {
    orders: SyncSender<Order>,
    spare: Receiver<Buffers>,
    thread: JoinHandle<Result<Writer, ArchiveError>>,
}

/// What the thread is told to do, one after the other.
enum Order {
    /// Write the block that begins at `start` in the uncompressed archive, as soon as it has been compressed.
    Write { start: u64, block: Receiver<io::Result<Buffers>> },
    /// Remember the place.
    Mark,
    /// Go back there.
    Rewind,
}

impl Output {
    /// Writes to `file`, `prefix` first. At most `limit` orders wait; who gives one more waits.
    pub(super) fn new(file: File, prefix: Vec<u8>, limit: usize) -> Self {
        let (state, mark) = (State::default(), State::default());
        let writer = Writer { file, prefix, state, blocks: Vec::new(), mark };
        Self { idle: Some(writer), limit, running: None }
    }

    pub(super) fn write(
        &mut self,
        start: u64,
        block: Receiver<io::Result<Buffers>>,
    ) -> Result<(), ArchiveError> {
        self.order(Order::Write { start, block })
    }

    pub(super) fn mark(&mut self) -> Result<(), ArchiveError> {
        self.order(Order::Mark)
    }

    pub(super) fn rewind(&mut self) -> Result<(), ArchiveError> {
        self.order(Order::Rewind)
    }

    /// Buffers that are no longer needed, or new ones.
    pub(super) fn spare(&self) -> Buffers {
        self.running.as_ref().and_then(|running| running.spare.try_recv().ok()).unwrap_or_default()
    }

    /// Waits until everything is written. `uncompressed_size` is what the caller knows.
    pub(super) fn finish(&mut self, uncompressed_size: u64) -> Result<Written, ArchiveError> {
        let writer = match self.running.take() {
            Some(running) => running.end()?,
            None => self.idle.take().ok_or(ArchiveError::Failed)?,
        };
        let Writer { state: State { length, sha256, .. }, blocks, .. } = writer;
        Ok(Written { size: length, sha256: sha256.finalize().into(), uncompressed_size, blocks })
    }

    fn order(&mut self, order: Order) -> Result<(), ArchiveError> {
        if let Some(writer) = self.idle.take() {
            self.running = Some(Running::start(writer, self.limit)?);
        }
        let running = self.running.as_ref().ok_or(ArchiveError::Failed)?;
        if running.orders.send(order).is_ok() {
            return Ok(());
        }
        // It has ended before its time, and knows why.
        match self.running.take().map(Running::end) {
            Some(Err(error)) => Err(error),
            _ => Err(ArchiveError::Failed),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // Nobody wants the archive any more.
            let _unwanted = running.end();
        }
    }
}

impl Running {
    fn start(writer: Writer, limit: usize) -> Result<Self, ArchiveError> {
        let (orders, received) = sync_channel(limit);
        let (used, spare) = channel();
        let thread = std::thread::Builder::new().name("write".to_owned());
        let work = move || {
            let mut writer = writer;
            for order in received {
                if let Some(buffers) = writer.follow(order)? {
                    // Nobody needs buffers any more at the end.
                    let _unwanted = used.send(buffers);
                }
            }
            Ok(writer)
        };
        Ok(Self { orders, spare, thread: thread.spawn(work).map_err(ArchiveError::Thread)? })
    }

    fn end(self) -> Result<Writer, ArchiveError> {
        drop(self.orders);
        // A panic in there has been reported; what the file holds nobody knows.
        self.thread.join().unwrap_or(Err(ArchiveError::Failed))
    }
}

/// The file and what is known of it.
struct Writer {
    file: File,
    /// Goes before the first block; there is no content in it.
    prefix: Vec<u8>,
    state: State,
    blocks: Vec<(u64, u64)>,
    /// Where a rewind goes back to.
    mark: State,
}

/// What has been written.
#[derive(Clone, Default)]
struct State {
    length: u64,
    sha256: Sha256,
    /// How many pieces that stand alone.
    blocks: usize,
}

impl Writer {
    /// Does one thing, and gives back the buffers that it used.
    fn follow(&mut self, order: Order) -> Result<Option<Buffers>, ArchiveError> {
        match order {
            Order::Write { start, block } => {
                // A thread that died has dropped its end: an error here, not a hang.
                let compressed = block.recv().unwrap_or_else(|_| {
                    Err(io::Error::other("the compressing thread ended before its time"))
                });
                let buffers = compressed.map_err(ArchiveError::Compress)?;
                self.write_block(start, &buffers)?;
                return Ok(Some(buffers));
            }
            Order::Mark => self.mark = self.state.clone(),
            Order::Rewind => self.rewind()?,
        }
        Ok(None)
    }

    fn write_block(&mut self, start: u64, block: &Buffers) -> Result<(), ArchiveError> {
        if start == 0 {
            let prefix = std::mem::take(&mut self.prefix);
            self.write(&prefix)?;
            self.prefix = prefix;
        }
        let begin = self.state.length;
        let starts = block.starts.iter();
        self.blocks.extend(starts.map(|(packed, plain)| (begin + *packed as u64, start + *plain as u64)));
        self.state.blocks = self.blocks.len();
        self.write(&block.output)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.file.write_all(bytes).map_err(ArchiveError::Write)?;
        self.state.sha256.update(bytes);
        self.state.length += bytes.len() as u64;
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), ArchiveError> {
        self.state = self.mark.clone();
        self.blocks.truncate(self.state.blocks);
        let cut_off = self.file.set_len(self.state.length);
        cut_off
            .and_then(|()| self.file.seek(SeekFrom::Start(self.state.length)))
            .map_err(ArchiveError::Rewind)?;
        Ok(())
    }
}

//! Reading a compressed file by its blocks: several at once, and only those that are wanted.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::Compression;
use super::read::BlockDecoder;
use crate::Stored;

/// No block of ours comes near this; an index that claims more is not believed.
const LARGEST_BLOCK: u64 = 64 << 20;

/// Where the blocks of a compressed file are: in the file, and in what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockIndex(Arc<[Block]>);

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) compressed: Range<u64>,
    pub(crate) plain: Range<u64>,
}

impl BlockIndex {
    /// The index of a file of `compressed_size` bytes that holds `plain_size` bytes, from the starts of its blocks
    /// (compressed offset, plain offset). Nothing if the figures do not fit together: then the file has to be read from
    /// its beginning.
    pub fn new(starts: &[(u64, u64)], compressed_size: u64, plain_size: u64) -> Option<Self> {
        if starts.first().is_none_or(|first| first.1 != 0) {
            return None;
        }
        let ends = starts[1..].iter().copied().chain([(compressed_size, plain_size)]);
        let blocks = starts.iter().zip(ends).map(|(&start, end)| {
            let block = Block { compressed: start.0..end.0, plain: start.1..end.1 };
            let sound =
                |range: &Range<u64>| range.start <= range.end && range.end - range.start <= LARGEST_BLOCK;
            (sound(&block.compressed) && sound(&block.plain)).then_some(block)
        });
        blocks.collect::<Option<Arc<[Block]>>>().map(Self)
    }

    /// The blocks that hold bytes of the ranges, which ascend.
    pub(crate) fn covering(&self, ranges: &[Range<u64>]) -> Vec<Block> {
        let mut ranges = ranges.iter().peekable();
        let mut wanted = Vec::new();
        for block in self.0.iter() {
            while ranges.next_if(|range| range.end <= block.plain.start).is_some() {}
            if ranges.peek().is_some_and(|range| range.start < block.plain.end) {
                wanted.push(block.clone());
            }
        }
        wanted
    }

    /// What the block holds that has the byte at `position` of the decompressed file; nothing behind the end.
    pub fn block_at(&self, position: u64) -> Option<Range<u64>> {
        let place = self.0.partition_point(|block| block.plain.end <= position);
        self.0.get(place).map(|block| block.plain.clone())
    }

    /// How many bytes the file holds, decompressed.
    pub fn plain_size(&self) -> u64 {
        self.0.last().map_or(0, |block| block.plain.end)
    }
}

/// A decompressed block, or why it could not be had.
pub(crate) struct Decoded {
    pub(crate) plain: Range<u64>,
    pub(crate) content: io::Result<Vec<u8>>,
}

/// Hands out decompressed blocks in order. Each of `threads` workers takes every `threads`-th block and is at most two
/// blocks ahead.
pub(crate) struct BlockReader {
    workers: Vec<Worker>,
    next: usize,
}

struct Worker {
    decoded: Option<Receiver<Decoded>>,
    spare: Sender<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

impl BlockReader {
    pub(crate) fn new(file: &Stored, compression: Compression, blocks: Vec<Block>, threads: usize) -> Self {
        let blocks: Arc<[Block]> = blocks.into();
        let count = threads.clamp(1, blocks.len().max(1));
        let workers = (0..count)
            .map(|first| {
                let (file, blocks) = (file.clone(), Arc::clone(&blocks));
                let (decoded_sender, decoded) = sync_channel(1);
                let (spare, spare_receiver) = channel();
                let thread = std::thread::spawn(move || {
                    let mine = blocks.iter().skip(first).step_by(count);
                    work(&file, compression, mine, &decoded_sender, &spare_receiver);
                });
                Worker { decoded: Some(decoded), spare, thread: Some(thread) }
            })
            .collect();
        Self { workers, next: 0 }
    }

    /// The next block; nothing after the last. `spare` is a buffer that is no longer needed.
    pub(crate) fn next_block(&mut self, spare: Vec<u8>) -> Option<Decoded> {
        let worker = &self.workers[self.next];
        self.next = (self.next + 1) % self.workers.len();
        // A worker that has finished wants no buffers.
        let _finished = worker.spare.send(spare);
        worker.decoded.as_ref()?.recv().ok()
    }
}

impl Drop for BlockReader {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.decoded = None;
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A worker cannot panic usefully: what it could not decode it has sent as an error.
                let _panicked = thread.join();
            }
        }
    }
}

fn work<'a>(
    file: &Stored,
    compression: Compression,
    blocks: impl Iterator<Item = &'a Block>,
    results: &SyncSender<Decoded>,
    spare: &Receiver<Vec<u8>>,
) {
    let mut decoder = BlockDecoder::new(compression);
    let mut compressed = Vec::new();
    for block in blocks {
        let buffer = spare.try_recv().unwrap_or_default();
        let content = read_block(file, &mut decoder, block, &mut compressed, buffer);
        if results.send(Decoded { plain: block.plain.clone(), content }).is_err() {
            return;
        }
    }
}

fn read_block(
    file: &Stored,
    decoder: &mut BlockDecoder,
    block: &Block,
    compressed: &mut Vec<u8>,
    mut plain: Vec<u8>,
) -> io::Result<Vec<u8>> {
    compressed.resize(length(&block.compressed), 0);
    file.read_exact_at(compressed, block.compressed.start)?;
    plain.resize(length(&block.plain), 0);
    decoder.decode(compressed, block.compressed.start, &mut plain)?;
    Ok(plain)
}

fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).expect("bounded by LARGEST_BLOCK")
}

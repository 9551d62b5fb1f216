//! A list that need not fit into memory: it begins there and goes on in a file without a name.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;

use tempfile::SpooledTempFile;

/// How much of a list stays in memory.
const IN_MEMORY: usize = 1 << 20;

/// What can be put into a list.
pub(crate) trait Record: Sized {
    /// Appends it to `bytes`.
    fn write(&self, bytes: &mut Vec<u8>);
    /// What was appended.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// A list being made.
pub(crate) struct Spool<T> {
    file: BufWriter<SpooledTempFile>,
    count: u64,
    record: Vec<u8>,
    of: PhantomData<T>,
}

impl<T: Record> Spool<T> {
    pub(crate) fn new() -> Self {
        let file = BufWriter::new(tempfile::spooled_tempfile(IN_MEMORY));
        Self { file, count: 0, record: Vec::new(), of: PhantomData }
    }

    pub(crate) fn push(&mut self, item: &T) -> io::Result<()> {
        self.record.clear();
        item.write(&mut self.record);
        let length = u32::try_from(self.record.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&self.record)?;
        self.count += 1;
        Ok(())
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The items from the first on.
    pub(crate) fn items(self) -> io::Result<Items<T>> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Items { file: BufReader::with_capacity(1 << 16, file), left: self.count, of: PhantomData })
    }
}

/// A list being read.
pub(crate) struct Items<T> {
    file: BufReader<SpooledTempFile>,
    left: u64,
    of: PhantomData<T>,
}

impl<T: Record> Items<T> {
    fn read(&mut self) -> io::Result<T> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let mut record = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact(&mut record)?;
        T::read(&record).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl<T: Record> Iterator for Items<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<io::Result<T>> {
        self.left = self.left.checked_sub(1)?;
        Some(self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Record for String {
        fn write(&self, bytes: &mut Vec<u8>) {
            bytes.extend_from_slice(self.as_bytes());
        }
        fn read(bytes: &[u8]) -> Option<Self> {
            Self::from_utf8(bytes.to_vec()).ok()
        }
    }

    #[test]
    fn a_list_larger_than_memory_comes_back_as_it_was() {
        let mut spool = Spool::new();
        let item = |number: usize| format!("{number}").repeat(100);
        for number in 0..10_000 {
            spool.push(&item(number)).unwrap();
        }
        assert_eq!(spool.count(), 10_000);
        let items = spool.items().unwrap().map(Result::unwrap);
        assert!(items.eq((0..10_000).map(item)));
    }
}

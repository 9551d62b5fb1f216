//! What a program prints, kept in memory.

use std::io::{self, Write};

/// Takes so many bytes and no more: whoever is asked may be anybody.
#[derive(Debug)]
pub struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl Limited {
    /// Takes `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// What it has taken.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other("the answer is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Standard output.

use std::io::{self, Write};

use serde::Serialize;

/// Where results go: standard output. When its reader is gone (`redcedar list | head`), the rest is dropped without a word and
/// the command goes on to its own end and exit status.
pub(crate) struct Results<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Results<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    /// Writes `value` as one JSON document.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        self.write_all(&text)
    }

    fn tolerate<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Results<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(buffer.len());
        }
        let result = self.inner.write(buffer);
        self.tolerate(result, buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.tolerate(result, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _buffer: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
        let mut results = Results::new(Failing(io::ErrorKind::BrokenPipe));
        writeln!(results, "one").unwrap();
        results.json(&[1]).unwrap();
        results.flush().unwrap();

        let mut results = Results::new(Failing(io::ErrorKind::StorageFull));
        assert_eq!(writeln!(results, "one").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}

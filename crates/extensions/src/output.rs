//! Files of the collect directory, compressed while they are written, that appear only when they are complete.

use std::ffi::OsStr;
use std::io::{self, Write};

use redcedar_archive::{Compression, Packed, PackedWriter};
use redcedar_engine::Ownership;
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_system::System;
use redcedar_system::fs::{Directory, PendingFile};

/// Dumps hold passwords' hashes and mail: nobody but the backup user's group reads them.
const MODE: u32 = 0o640;

/// The collect directory, and whose the files in it shall be.
pub(crate) struct CollectDir<'a> {
    directory: Directory,
    ownership: &'a Ownership,
    threads: usize,
    system: &'a System,
}

impl<'a> CollectDir<'a> {
    /// Opens the configured one.
    pub(crate) fn open(call: &Call<'a>) -> Result<Self, ExtensionError> {
        let collect = call.config.collect.as_ref().ok_or(ExtensionError::NotConfigured("Collect"))?;
        let directory = Directory::open(&collect.collect_dir)
            .map_err(|error| ExtensionError::Failed(error.to_string()))?;
        Ok(Self { directory, ownership: call.ownership, threads: call.threads, system: call.system })
    }

    /// The directory itself.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Begins the file `name`, which carries the suffix of its compression already.
    pub(crate) fn create(&self, name: &OsStr, compression: Compression) -> io::Result<Output<'_>> {
        let pending = self.directory.create_file(name)?;
        let writer = PackedWriter::new(pending.try_clone_file()?, compression, self.threads, Some(name));
        Ok(Output { pending, writer, of: self })
    }
}

/// A file being written. Dropped before [`Output::publish`], it is gone.
pub(crate) struct Output<'a> {
    pending: PendingFile,
    writer: PackedWriter,
    of: &'a CollectDir<'a>,
}

impl Output<'_> {
    /// Completes the file and gives it its name, its mode and its owner.
    pub(crate) fn publish(self) -> io::Result<Packed> {
        let Self { pending, writer, of } = self;
        let packed = writer.finish().map_err(io::Error::other)?;
        of.ownership.publish(pending, MODE, &*of.system.monitor)?;
        Ok(packed)
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

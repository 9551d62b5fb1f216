//! Loading dumps of Subversion.

use std::io::{self, Read, Write};

use redcedar_archive::repository::svndump::Revisions;
use redcedar_system::command::{Command, CommandError};
use redcedar_system::{Interrupt, System};

use super::bundles::damaged;
use super::dumps::Dump;
use super::place::Place;
use super::{RepositoryError, run};
use crate::source::StoredFile;

/// How much is read at a time.
const PIECE: usize = 256 * 1024;

/// Creates the repository, loads the dumps in order, and has it verified.
pub(super) fn load(
    chain: &[Dump<StoredFile>],
    place: &Place,
    system: &System,
) -> Result<(), RepositoryError> {
    // They convert paths, which fails beyond ASCII where the locale is `C`.
    let command = |name: &str| Command::new(name).variable("LC_ALL", "C.UTF-8");
    let svnadmin = || command("svnadmin");
    let repository = place.repository();
    run(&svnadmin().args(["create", "--fs-type=fsfs"]).arg(&repository), system)?;
    for dump in chain {
        system.monitor.debug(format!("Loading revisions {} to {}.", dump.first, dump.last));
        // All of it is brought to disk at the end. Properties that today's rules forbid were allowed once.
        let load = svnadmin()
            .args(["load", "--quiet", "--no-flush-to-disk", "--bypass-prop-validation"])
            .arg(&repository);
        let mut text = Text::open(dump)?;
        let finished = match system.runner.feed(&load, &mut text, &mut |_| {}) {
            Err(CommandError::Input { source, .. }) => return Err(damaged(&dump.file, &source)),
            finished => finished?,
        };
        // What is wrong with the dump says more than what svnadmin made of it.
        text.prove(&system.interrupt)?;
        if !finished.success() {
            return Err(RepositoryError::Program(finished.explain("svnadmin")));
        }
    }
    let youngest = run(&command("svnlook").arg("youngest").arg(&repository), system)?;
    let youngest = String::from_utf8_lossy(&youngest).trim().to_owned();
    let expected = chain.last().map_or(0, |dump| dump.last).to_string();
    if youngest != expected {
        let message = format!("the repository ends with revision {youngest}, the dumps with {expected}");
        return Err(RepositoryError::Program(message));
    }
    run(&svnadmin().args(["verify", "--quiet"]).arg(&repository), system)?;
    Ok(())
}

/// The text of a dump, whose revisions are noted as it is read.
pub(super) struct Text<'a> {
    dump: &'a Dump<StoredFile>,
    stream: Box<dyn Read + Send>,
    revisions: Revisions,
}

impl<'a> Text<'a> {
    pub(super) fn open(dump: &'a Dump<StoredFile>) -> Result<Self, RepositoryError> {
        let stream = dump.file.unpacked().map_err(|error| damaged(&dump.file, &error))?;
        Ok(Self { dump, stream, revisions: Revisions::default() })
    }

    /// Reads on to the end, and proves that the dump holds its revisions.
    pub(super) fn prove(mut self, interrupt: &Interrupt) -> Result<(), RepositoryError> {
        let mut buffer = vec![0; PIECE];
        loop {
            interrupt.check()?;
            if self.read(&mut buffer).map_err(|error| damaged(&self.dump.file, &error))? == 0 {
                break;
            }
        }
        let Dump { first, last, file, .. } = self.dump;
        self.revisions.expect(*first, *last).map_err(|error| damaged(file, &error))
    }
}

impl Read for Text<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.revisions.write_all(&buffer[..read])?;
        Ok(read)
    }
}

//! Writing a manifest.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;

use redcedar_archive::manifest::text::{LineWriter, Text, decimal, name};

use super::wire::{BodyLine, DpkgLine, HeaderLine, NameLine, VERSION};
use super::{Header, Line, PathLine, Summary};
use crate::packages::Inventory;

/// Writes a manifest line by line. Without [`ManifestWriter::finish`] it stays incomplete, and readers say so.
pub struct ManifestWriter<W: Write> {
    output: LineWriter<W>,
    lines: u64,
}

impl<W: Write> ManifestWriter<W> {
    /// Begins a manifest.
    ///
    /// # Errors
    /// When `output` cannot be written.
    pub fn create(output: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { output: LineWriter::new(output)?, lines: 0 };
        writer.output.line(&HeaderLine {
            version: VERSION,
            generation: (&header.generation).into(),
            host: (&header.host).into(),
            time: (&header.time).into(),
            began: decimal(header.began).into(),
            by_root: header.is_by_root,
            program: (&header.program).into(),
            roots: names(&header.roots),
            not_entered: header.not_entered.as_deref().map(names),
        })?;
        Ok(writer)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::Path(path) => return self.path(path),
            Line::Package(package) => self.output.line(package),
            Line::Dpkg(settings) => self.output.line(&DpkgLine { dpkg: Cow::Borrowed(settings) }),
            Line::Missing { path, package } => {
                let (missing, missing_hex) = name(path.as_os_str());
                self.output.line(&BodyLine {
                    missing,
                    missing_hex,
                    by: Some(*package),
                    ..BodyLine::default()
                })
            }
            Line::Problem(text) => {
                self.output.line(&BodyLine { problem: Some(Text::borrowed(text)), ..BodyLine::default() })
            }
        }?;
        self.lines += 1;
        Ok(())
    }

    /// Adds everything that package managers know besides paths. What cannot be written of it comes back as a problem.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn inventory(&mut self, inventory: &Inventory) -> io::Result<Option<String>> {
        for package in inventory.packages() {
            self.line(&Line::Package(package.into()))?;
        }
        let Some(settings) = inventory.dpkg() else { return Ok(None) };
        match self.line(&Line::Dpkg(Box::new(settings.clone()))) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Ok(Some(format!("what dpkg was told besides packages is not written down: {error}")))
            }
            written => written.map(|()| None),
        }
    }

    /// Adds a path.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn path(&mut self, line: &PathLine) -> io::Result<()> {
        self.lines += 1;
        self.output.line(&BodyLine::of_path(line))
    }

    /// Ends the manifest and gives the output back. The number of lines is counted here; `summary.lines` is ignored.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(mut self, summary: Summary) -> io::Result<W> {
        let end = Summary { lines: self.lines, ..summary };
        self.output.line(&BodyLine { end: Some(end), ..BodyLine::default() })?;
        self.output.finish()
    }
}

fn names(paths: &[PathBuf]) -> Vec<NameLine<'_>> {
    let named = paths.iter().map(|path| name(path.as_os_str()));
    named.map(|(path, path_hex)| NameLine { path, path_hex }).collect()
}

//! Reading a manifest.

use std::ffi::OsStr;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::text::{Text, from_decimal, from_name, read_line};
use super::wire::{BodyLine, EndLine, HeaderLine, VERSION, VersionLine};
use super::{Entry, Header, Line, Tally, Trailer};
use crate::digest;

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It cannot be read or decompressed.
    #[error("cannot read the manifest: {0}")]
    Io(#[from] io::Error),
    /// It ends before its last line.
    #[error("the manifest is incomplete: it ends after line {lines}")]
    Truncated {
        /// How many lines there are.
        lines: u64,
    },
    /// A line is not what `docs/format.md` says.
    #[error("line {line} of the manifest cannot be understood: {reason}")]
    Syntax {
        /// Which line, counting from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// It is of a later format.
    #[error(
        "the manifest has format {found}; this program knows format {VERSION} only: a newer one is needed"
    )]
    Version {
        /// Its format.
        found: u64,
    },
    /// There are more or fewer lines than the trailer says.
    #[error("the manifest is damaged: it has {found} lines for paths and should have {expected}")]
    Count {
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
}

/// Reads a manifest line by line, in constant memory but for the list of blocks.
pub struct ManifestReader<R: Read> {
    input: BufReader<zstd::stream::read::Decoder<'static, BufReader<R>>>,
    buffer: Vec<u8>,
    number: u64,
    paths: u64,
    header: Header,
    blocks: Vec<(u64, u64)>,
    trailer: Option<Trailer>,
}

impl<R: Read> ManifestReader<R> {
    /// Opens a manifest and reads its header.
    ///
    /// # Errors
    /// When it is no manifest, or one of a later format.
    pub fn open(input: R) -> Result<Self, ManifestError> {
        let mut input = BufReader::with_capacity(1 << 17, zstd::stream::read::Decoder::new(input)?);
        let mut buffer = Vec::new();
        if !read_line(&mut input, &mut buffer, 1)? {
            return Err(ManifestError::Truncated { lines: 0 });
        }
        let header = parse_header(&buffer).map_err(|problem| problem.at(1))?;
        Ok(Self { input, buffer, number: 1, paths: 0, header, blocks: Vec::new(), trailer: None })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next path; nothing once the trailer has been read and found right.
    ///
    /// # Errors
    /// When the manifest is damaged or incomplete.
    pub fn next_line(&mut self) -> Result<Option<Line>, ManifestError> {
        self.next_where(|_, _| true)
    }

    /// The next path that `is_wanted` says yes to; it is asked about every path, with where its member begins. Of what is not
    /// wanted, nothing but that is looked at.
    ///
    /// # Errors
    /// When the manifest is damaged or incomplete.
    pub fn next_where(
        &mut self,
        mut is_wanted: impl FnMut(&Path, Option<u64>) -> bool,
    ) -> Result<Option<Line>, ManifestError> {
        while self.trailer.is_none() {
            let number = self.number + 1;
            if !read_line(&mut self.input, &mut self.buffer, number)? {
                return Err(ManifestError::Truncated { lines: self.number });
            }
            self.number = number;
            match parse_body(&self.buffer, &mut is_wanted).map_err(|problem| problem.at(number))? {
                Body::Unwanted => self.paths += 1,
                Body::Line(line) => {
                    self.paths += 1;
                    return Ok(Some(*line));
                }
                Body::Blocks(blocks) => self.blocks.extend_from_slice(&blocks),
                Body::End(trailer) => self.end(trailer)?,
            }
        }
        Ok(None)
    }

    /// The last line; lines not yet read are read and checked on the way.
    ///
    /// # Errors
    /// When the manifest is damaged or incomplete.
    pub fn trailer(mut self) -> Result<Trailer, ManifestError> {
        while self.next_line()?.is_some() {}
        self.trailer.ok_or(ManifestError::Truncated { lines: self.number })
    }

    /// Counts the lines, which need not be understood for that: several times faster than reading them.
    ///
    /// # Errors
    /// When the manifest is incomplete, or visibly damaged.
    pub fn tally(mut self) -> Result<Tally, ManifestError> {
        let mut tally = Tally::default();
        while self.trailer.is_none() {
            let number = self.number + 1;
            if !read_line(&mut self.input, &mut self.buffer, number)? {
                return Err(ManifestError::Truncated { lines: self.number });
            }
            self.number = number;
            // As we write them; lines of others may have their keys in any order.
            if self.buffer.starts_with(b"{\"path") {
                tally.present += 1;
            } else if self.buffer.starts_with(b"{\"gone") {
                tally.gone += 1;
            } else {
                match parse_body(&self.buffer, &mut |_, _| true).map_err(|problem| problem.at(number))? {
                    Body::Line(line) if matches!(*line, Line::Gone(_)) => tally.gone += 1,
                    Body::Line(_) => tally.present += 1,
                    Body::Unwanted | Body::Blocks(_) => {}
                    Body::End(trailer) => {
                        self.paths = tally.present + tally.gone;
                        self.end(trailer)?;
                    }
                }
            }
        }
        tally.trailer = self.trailer.unwrap_or_default();
        Ok(tally)
    }

    fn end(&mut self, mut trailer: Trailer) -> Result<(), ManifestError> {
        if trailer.lines != self.paths {
            return Err(ManifestError::Count { found: self.paths, expected: trailer.lines });
        }
        if read_line(&mut self.input, &mut self.buffer, self.number + 1)? {
            return Err(Problem::from("there is something after the end").at(self.number + 1));
        }
        trailer.blocks = std::mem::take(&mut self.blocks);
        self.trailer = Some(trailer);
        Ok(())
    }
}

/// What is wrong with a line whose number is not known yet.
enum Problem {
    Version(u64),
    Syntax(String),
}

impl Problem {
    fn at(self, line: u64) -> ManifestError {
        match self {
            Self::Version(found) => ManifestError::Version { found },
            Self::Syntax(reason) => ManifestError::Syntax { line, reason },
        }
    }
}

impl From<&str> for Problem {
    fn from(reason: &str) -> Self {
        Self::Syntax(reason.to_owned())
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::Syntax(error.to_string())
    }
}

enum Body {
    Unwanted,
    Line(Box<Line>),
    Blocks(Vec<(u64, u64)>),
    End(Trailer),
}

fn parse_header(line: &[u8]) -> Result<Header, Problem> {
    let VersionLine { version } = serde_json::from_slice(line)?;
    if version != VERSION {
        return Err(Problem::Version(version));
    }
    let line: HeaderLine<'_> = serde_json::from_slice(line)?;
    Ok(Header {
        item: from_name(line.item, line.item_hex)?.ok_or("the item is missing")?.into(),
        collect_mode: line.collect_mode.into_string(),
        mode: line.mode,
        run: line.run.into_string(),
        baseline: line.baseline.map(Text::into_string),
        sequence: line.sequence,
        host: line.host.into_string(),
        time: line.time.into_string(),
        program: line.program.into_string(),
        archive: from_name(line.archive, line.archive_hex)?,
    })
}

fn parse_body(line: &[u8], is_wanted: &mut impl FnMut(&Path, Option<u64>) -> bool) -> Result<Body, Problem> {
    let mut line: BodyLine<'_> = serde_json::from_slice(line)?;
    if let Some(text) = line.path.as_ref().or(line.gone.as_ref())
        && !is_wanted(Path::new(OsStr::from_bytes(text.as_bytes())), line.offset)
    {
        return Ok(Body::Unwanted);
    }
    let by_hex = line.path.is_none() && line.gone.is_none();
    if let Some(path) = from_name(line.path.take(), line.path_hex.take())? {
        if by_hex && !is_wanted(Path::new(&path), line.offset) {
            return Ok(Body::Unwanted);
        }
        return Ok(Body::Line(Box::new(Line::Present(entry(path.into(), line)?))));
    }
    if let Some(path) = from_name(line.gone, line.gone_hex)? {
        if by_hex && !is_wanted(Path::new(&path), None) {
            return Ok(Body::Unwanted);
        }
        return Ok(Body::Line(Box::new(Line::Gone(path.into()))));
    }
    if let Some(blocks) = line.blocks {
        return Ok(Body::Blocks(blocks.into_owned()));
    }
    Ok(Body::End(trailer(&line.end.ok_or("it is neither a path nor the end")?)?))
}

fn entry(path: PathBuf, line: BodyLine<'_>) -> Result<Entry, Problem> {
    let mode = line.mode.ok_or("the mode is missing")?.into_string();
    let modified = line.mtime.ok_or("the time is missing")?.into_string();
    Ok(Entry {
        path,
        kind: line.kind.ok_or("the type is missing")?,
        size: line.size.ok_or("the size is missing")?,
        mode: u32::from_str_radix(&mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .ok_or("the mode is no mode")?,
        uid: line.uid.ok_or("the owner is missing")?,
        gid: line.gid.ok_or("the group is missing")?,
        user: line.user.map(Text::into_string),
        group: line.group.map(Text::into_string),
        modified: from_decimal(&modified).ok_or("the time is no time")?,
        link: from_name(line.link, line.link_hex)?.map(PathBuf::from),
        hard_link: from_name(line.hardlink, line.hardlink_hex)?.map(PathBuf::from),
        rdev: line.rdev,
        sha256: line.sha256.as_ref().map(sha256).transpose()?,
        offset: line.offset,
        flaw: line.flaw,
    })
}

fn trailer(end: &EndLine<'_>) -> Result<Trailer, Problem> {
    Ok(Trailer {
        lines: end.lines,
        archive_size: end.archive_size,
        archive_sha256: end.archive_sha256.as_ref().map(sha256).transpose()?,
        uncompressed_size: end.uncompressed_size,
        blocks: Vec::new(),
    })
}

fn sha256(text: &Text<'_>) -> Result<[u8; 32], Problem> {
    digest::from_hex_exact(text.as_bytes()).ok_or_else(|| Problem::from("the SHA-256 is none"))
}

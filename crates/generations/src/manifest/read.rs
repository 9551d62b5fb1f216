//! Reading a manifest.

use std::borrow::Cow;
use std::io::{BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use redcedar_archive::digest::{from_hex, from_hex_exact};
use redcedar_archive::manifest::Entry;
use redcedar_archive::manifest::text::{Text, from_decimal, from_name, read_line};
use redcedar_archive::writer::AttributeList;

use super::wire::{AttributeLine, BodyLine, DpkgLine, HeaderLine, NameLine, VERSION, VersionLine};
use super::{Header, LeftOut, Line, ManifestError, PathLine, Summary};
use crate::Digest;

/// What the lines of packages begin with.
const PACKAGE: &[u8] = b"{\"package\":";
/// What the line about dpkg begins with.
const DPKG: &[u8] = b"{\"dpkg\":";

/// Reads a manifest line by line.
pub struct ManifestReader<R: Read> {
    input: BufReader<zstd::stream::read::Decoder<'static, BufReader<R>>>,
    buffer: Vec<u8>,
    number: u64,
    lines: u64,
    header: Header,
    summary: Option<Summary>,
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
        let VersionLine { version } = serde_json::from_slice(&buffer).map_err(|error| syntax(1, &error))?;
        if version != VERSION {
            return Err(ManifestError::Version { found: version });
        }
        let header = parse_header(&buffer).map_err(|reason| syntax(1, &reason))?;
        Ok(Self { input, buffer, number: 1, lines: 0, header, summary: None })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next line; nothing once the last one has been read and found right.
    ///
    /// # Errors
    /// When the manifest is damaged or incomplete.
    pub fn next_line(&mut self) -> Result<Option<Line>, ManifestError> {
        if self.summary.is_some() {
            return Ok(None);
        }
        let number = self.number + 1;
        if !read_line(&mut self.input, &mut self.buffer, number)? {
            return Err(ManifestError::Truncated { lines: self.number });
        }
        self.number = number;
        match parse_body(&self.buffer).map_err(|reason| syntax(number, &reason))? {
            Body::Line(line) => {
                self.lines += 1;
                Ok(Some(line))
            }
            Body::End(summary) if summary.lines != self.lines => {
                Err(ManifestError::Count { found: self.lines, expected: summary.lines })
            }
            Body::End(summary) => {
                if read_line(&mut self.input, &mut self.buffer, number + 1)? {
                    return Err(syntax(number + 1, "there is something after the end"));
                }
                self.summary = Some(summary);
                Ok(None)
            }
        }
    }

    /// The next path; other lines are passed over.
    ///
    /// # Errors
    /// When the manifest is damaged or incomplete.
    pub fn next_path(&mut self) -> Result<Option<Box<PathLine>>, ManifestError> {
        while let Some(line) = self.next_line()? {
            if let Line::Path(path) = line {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// The last line; lines not yet read are read and checked on the way.
    ///
    /// # Errors
    /// When the manifest is damaged or incomplete.
    pub fn summary(mut self) -> Result<Summary, ManifestError> {
        while self.next_line()?.is_some() {}
        self.summary.ok_or(ManifestError::Truncated { lines: self.number })
    }
}

fn syntax(line: u64, reason: &(impl std::fmt::Display + ?Sized)) -> ManifestError {
    ManifestError::Syntax { line, reason: reason.to_string() }
}

/// What is wrong with a line.
type Reason = Cow<'static, str>;

fn of_json(error: &serde_json::Error) -> Reason {
    error.to_string().into()
}

enum Body {
    Line(Line),
    End(Summary),
}

fn parse_header(line: &[u8]) -> Result<Header, Reason> {
    let line: HeaderLine<'_> = serde_json::from_slice(line).map_err(|error| of_json(&error))?;
    Ok(Header {
        generation: line.generation.into_owned(),
        host: line.host.into_owned(),
        time: line.time.into_owned(),
        began: from_decimal(&line.began).ok_or("the time is no time")?,
        is_by_root: line.by_root,
        program: line.program.into_owned(),
        roots: parse_names(line.roots)?,
        not_entered: line.not_entered.map(parse_names).transpose()?,
    })
}

fn parse_names(lines: Vec<NameLine<'_>>) -> Result<Vec<PathBuf>, Reason> {
    let path = |line: NameLine<'_>| {
        let name = from_name(line.path, line.path_hex)?.ok_or("a root or directory has no path")?;
        Ok(PathBuf::from(name))
    };
    lines.into_iter().map(path).collect()
}

fn parse_body(line: &[u8]) -> Result<Body, Reason> {
    if line.starts_with(PACKAGE) {
        let package = serde_json::from_slice(line).map_err(|error| of_json(&error))?;
        return Ok(Body::Line(Line::Package(package)));
    }
    if line.starts_with(DPKG) {
        let line: DpkgLine<'_> = serde_json::from_slice(line).map_err(|error| of_json(&error))?;
        return Ok(Body::Line(Line::Dpkg(Box::new(line.dpkg.into_owned()))));
    }
    let mut line: BodyLine<'_> = serde_json::from_slice(line).map_err(|error| of_json(&error))?;
    if let Some(path) = from_name(line.path.take(), line.path_hex.take())? {
        return Ok(Body::Line(Line::Path(Box::new(parse_path(path.into(), line)?))));
    }
    if let Some(path) = from_name(line.missing, line.missing_hex)? {
        let package = line.by.ok_or("the package is missing")?;
        return Ok(Body::Line(Line::Missing { path: path.into(), package }));
    }
    if let Some(problem) = line.problem {
        return Ok(Body::Line(Line::Problem(problem.into_string())));
    }
    Ok(Body::End(line.end.ok_or("it is nothing that is known")?))
}

fn parse_path(path: PathBuf, line: BodyLine<'_>) -> Result<PathLine, Reason> {
    let mode = line.mode.ok_or("the mode is missing")?.into_string();
    let time = |text: Option<Text<'_>>| {
        from_decimal(&text.ok_or("the time is missing")?.into_string()).ok_or("the time is no time")
    };
    let entry = Entry {
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
        modified: time(line.mtime)?,
        link: from_name(line.link, line.link_hex)?.map(PathBuf::from),
        hard_link: from_name(line.hardlink, line.hardlink_hex)?.map(PathBuf::from),
        rdev: line.rdev,
        sha256: line
            .sha256
            .map(|text| from_hex_exact(text.as_bytes()).ok_or("the SHA-256 is none"))
            .transpose()?,
        offset: None,
        flaw: line.flaw,
    };
    let digest =
        line.digest.map(|text| Digest::from_hex(text.as_bytes()).ok_or("the digest is none")).transpose()?;
    Ok(PathLine {
        entry,
        changed: time(line.ctime)?,
        inode: line.inode.ok_or("the inode is missing")?,
        attributes: parse_attributes(line.attributes)?,
        left_out: line.by.map(|package| LeftOut { package, digest }),
    })
}

fn parse_attributes(lines: Vec<AttributeLine<'_>>) -> Result<AttributeList, Reason> {
    let parse = |line: AttributeLine<'_>| {
        let name = from_name(line.name, line.name_hex)?.ok_or("an attribute has no name")?;
        let value = from_hex(line.value.as_bytes()).ok_or("an attribute is not hexadecimal")?;
        Ok((name.into_vec(), value))
    };
    lines.into_iter().map(parse).collect()
}

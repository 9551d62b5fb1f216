//! Proving that what is stored is what was collected.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use bstr::ByteSlice;
use jiff::civil::Date;
use redcedar_archive::digest;
use redcedar_archive::manifest::{Entry, Flaw, Line};
use redcedar_archive::reader::{self, BlockIndex, Event, Member, MemberKind, Members};
use redcedar_system::{Interrupt, Interrupted, Monitor, escape};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::content::Content;
use crate::database::{ReadError, StoredDump};
use crate::layer::{Manifest, read_header};
use crate::list::{Base, Runs};
use crate::mailbox;
use crate::path::clean;
use crate::scan::describe;
use crate::source::{OtherKind, PeerDay, Source, SourceError, StoredFile, StoredItem};

/// What to prove.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// Where the backups are; see [`crate::RestoreRequest::source`].
    pub source: PathBuf,
    /// Only this machine.
    pub peer: Option<OsString>,
    /// Only this day.
    pub day: Option<Date>,
}

/// What was proven, and what was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Members of archives read to their ends.
    pub members: u64,
    /// Members whose content is what the manifest says.
    pub proven: u64,
    /// Archives without manifests: only their structure could be checked.
    pub unproven: u64,
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The day.
    pub date: Date,
    /// The machine.
    pub peer: String,
    /// The file it is about.
    pub file: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub message: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something cannot be brought back, or not as it was.
    Damage,
    /// It was known when it was stored: a file that changed while it was read, or could not be read.
    Known,
}

/// Why nothing was proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The source is none.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Reads everything that is stored and compares it with what is known of it.
///
/// # Errors
/// When there is nothing to read, or when interrupted. Damage is no error, it is in the report.
pub fn verify(
    request: &VerifyRequest,
    monitor: &dyn Monitor,
    interrupt: &Interrupt,
) -> Result<VerifyReport, VerifyError> {
    let source = Source::open(&request.source)?;
    let mut report = VerifyReport::default();
    let mut runs = Runs::default();
    for day in source.days() {
        for peer in &day.peers {
            if request.peer.as_ref().is_some_and(|wanted| *wanted != peer.name) {
                continue;
            }
            let mut check = Check { date: day.date, peer, report: &mut report, interrupt };
            check.chains(&mut runs);
            if request.day.is_none_or(|wanted| wanted == day.date) {
                monitor.task(&format!("Verifying {} of {}", escape::display(&peer.name), day.date));
                check.peer(monitor)?;
            }
        }
    }
    Ok(report)
}

struct Check<'a> {
    date: Date,
    peer: &'a PeerDay,
    report: &'a mut VerifyReport,
    interrupt: &'a Interrupt,
}

impl Check<'_> {
    fn find(&mut self, file: &OsStr, severity: Severity, message: String) {
        self.report.findings.push(Finding {
            date: self.date,
            peer: escape::display(&self.peer.name).to_string(),
            file: escape::display(file).to_string(),
            severity,
            message,
        });
    }

    fn damage(&mut self, file: &StoredFile, message: String) {
        self.find(&name_of(file), Severity::Damage, message);
    }

    /// Gaps are looked for among all days, also when only one is read.
    fn chains(&mut self, runs: &mut Runs) {
        for item in &self.peer.items {
            let Some(manifest) = &item.manifest else { continue };
            // One that cannot be read is reported when its day is.
            let Ok(header) = read_header(manifest) else { continue };
            match runs.note(&self.peer.name, &item.name, &header) {
                Base::Present => {}
                Base::Missing(run) => self.damage(manifest, format!("it builds on {run}, which is not here")),
                Base::Unrecorded => {
                    let message =
                        "it builds on a run without a manifest: what was deleted before it is not known";
                    self.find(&name_of(manifest), Severity::Known, message.to_owned());
                }
            }
        }
    }

    fn peer(&mut self, monitor: &dyn Monitor) -> Result<(), Interrupted> {
        let digests = self.checksums()?;
        for item in &self.peer.items {
            self.interrupt.check()?;
            self.item(item, &digests)?;
            let done = redcedar_system::monitor::Progress {
                files: self.report.members,
                bytes: self.report.bytes,
                ..Default::default()
            };
            monitor.progress(&done, item.archive.as_ref().map(|(file, _)| file.path()));
        }
        self.dumps()?;
        self.mail()
    }

    /// Reads pieces of mailboxes to their ends.
    fn mail(&mut self) -> Result<(), Interrupted> {
        for (file, _) in self.peer.others.iter().filter(|(_, kind)| *kind == OtherKind::Mbox) {
            match mailbox::prove(file, self.interrupt)? {
                Ok(mailboxes) => self.report.members += mailboxes,
                Err(message) => self.damage(file, message),
            }
        }
        Ok(())
    }

    /// Reads dumps to their ends: that is where it shows whether they are complete.
    fn dumps(&mut self) -> Result<(), Interrupted> {
        for (file, _) in &self.peer.others {
            let Some(dump) = StoredDump::new(&self.peer.name, self.date, file) else { continue };
            match dump.prove(self.interrupt) {
                Ok(_) => {}
                Err(ReadError::Interrupted(interrupted)) => return Err(interrupted),
                Err(error) => self.damage(file, error.to_string()),
            }
        }
        Ok(())
    }

    /// Compares all files with `cback.sha256`, and returns the digests of archives.
    fn checksums(&mut self) -> Result<HashMap<OsString, [u8; 32]>, Interrupted> {
        let mut expected = match self.peer.checksums.as_ref().map(read_checksums) {
            None => HashMap::new(),
            Some(Ok(expected)) => expected,
            Some(Err(message)) => {
                self.find(OsStr::new("cback.sha256"), Severity::Damage, message);
                HashMap::new()
            }
        };
        let mut found = HashMap::new();
        let items = self
            .peer
            .items
            .iter()
            .flat_map(|item| item.archive.iter().map(|(file, _)| file).chain(item.manifest.as_ref()));
        for file in items.chain(self.peer.others.iter().map(|(file, _)| file)) {
            let name = name_of(file);
            match self.digest(file)? {
                Err(error) => self.damage(file, file.error("cannot read", &error).to_string()),
                Ok(digest) => {
                    self.report.files += 1;
                    self.report.bytes += file.size();
                    if expected.remove(&name).is_some_and(|expected| expected != digest) {
                        self.damage(file, "its SHA-256 is not that of cback.sha256".to_owned());
                    }
                    found.insert(name, digest);
                }
            }
        }
        let mut missing: Vec<_> =
            expected.into_keys().filter(|name| !self.peer.directory.join(name).exists()).collect();
        missing.sort();
        for name in missing {
            self.find(&name, Severity::Damage, "it is in cback.sha256, but not here".to_owned());
        }
        Ok(found)
    }

    fn digest(&self, file: &StoredFile) -> Result<io::Result<[u8; 32]>, Interrupted> {
        let mut opened = match file.open() {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            self.interrupt.check()?;
            match opened.read(&mut buffer) {
                Ok(0) => return Ok(Ok(hasher.finalize().into())),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    fn item(&mut self, item: &StoredItem, digests: &HashMap<OsString, [u8; 32]>) -> Result<(), Interrupted> {
        let manifest = match (Manifest::read(item), &item.manifest) {
            (Ok(manifest), _) => manifest,
            (Err(message), Some(file)) => {
                self.damage(file, message);
                None
            }
            (Err(_), None) => None,
        };
        match (&item.archive, &manifest) {
            (None, Some(manifest)) if manifest.trailer.archive_size.is_some() => {
                let name = item.manifest.as_ref().map(name_of).unwrap_or_default();
                self.find(&name, Severity::Damage, "its archive is missing".to_owned());
            }
            (None, _) => {}
            (Some((file, _)), None) => {
                self.report.unproven += 1;
                self.members(item, file, None)?;
            }
            (Some((file, _)), Some(manifest)) => {
                let digest = digests.get(&name_of(file));
                if digest != manifest.trailer.archive_sha256.as_ref() {
                    self.damage(file, "its SHA-256 is not that of its manifest".to_owned());
                }
                self.members(item, file, Some(manifest))?;
            }
        }
        Ok(())
    }

    /// Reads an archive to its end and compares its members with the manifest.
    fn members(
        &mut self,
        item: &StoredItem,
        file: &StoredFile,
        manifest: Option<&Manifest>,
    ) -> Result<(), Interrupted> {
        let mut expected = self.expected(file, manifest);
        let Some((_, compression)) = item.archive else { return Ok(()) };
        let index = manifest.and_then(|manifest| {
            BlockIndex::new(&manifest.trailer.blocks, file.size(), manifest.trailer.uncompressed_size?)
        });
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let opened =
            file.open().and_then(|opened| reader::sequential(opened, compression, index.as_ref(), threads));
        let mut members = match opened {
            Ok(reader) => Members::new(reader),
            Err(error) => {
                self.damage(file, error.to_string());
                return Ok(());
            }
        };
        loop {
            self.interrupt.check()?;
            match members.next_member() {
                Ok(Some(Event::Member(member))) => {
                    self.report.members += 1;
                    let entry = expected.remove(&member.offset);
                    match compare(&member, entry, &mut members) {
                        Ok(proven) => self.report.proven += u64::from(proven && manifest.is_some()),
                        Err(message) => {
                            let path = escape::display_bytes(&member.path);
                            self.damage(file, format!("{path}: {message}"));
                        }
                    }
                }
                Ok(Some(Event::Damage(damage))) => self.damage(file, describe(&damage)),
                Ok(None) => break,
                Err(error) => {
                    self.damage(file, error.to_string());
                    break;
                }
            }
        }
        if let Err(error) = members.drain() {
            self.damage(file, error.to_string());
        }
        let mut missing: Vec<_> = expected.into_values().map(|entry| &entry.path).collect();
        missing.sort();
        for path in missing {
            self.damage(file, format!("{} is not in it", escape::display(path)));
        }
        Ok(())
    }

    /// What the manifest says is stored, by place. What it says was not stored is a finding of its own.
    fn expected<'m>(&mut self, file: &StoredFile, manifest: Option<&'m Manifest>) -> HashMap<u64, &'m Entry> {
        let mut expected = HashMap::new();
        for line in manifest.map(|manifest| manifest.lines.as_slice()).unwrap_or_default() {
            let Line::Present(entry) = line else { continue };
            if let Some(offset) = entry.offset {
                expected.insert(offset, entry);
            }
            if let Some(flaw) = entry.flaw {
                let what = match flaw {
                    Flaw::Changed => "changed while it was read",
                    Flaw::Padded => "could not be read to its end; what is missing is stored as zeros",
                    Flaw::Unreadable => "could not be read",
                };
                let message = format!("{} {what}", escape::display(&entry.path));
                self.find(&name_of(file), Severity::Known, message);
            }
        }
        expected
    }
}

fn name_of(file: &StoredFile) -> OsString {
    file.path().file_name().unwrap_or_default().to_owned()
}

/// Whether the content was compared and is right.
fn compare<R: Read>(
    member: &Member,
    entry: Option<&Entry>,
    members: &mut Members<R>,
) -> Result<bool, String> {
    let stored = member.data.end - member.data.start;
    let digest = Content {
        data: &mut members.content(),
        stored,
        extents: member.extents.as_deref(),
        size: member.size,
        announced: stored,
    }
    .digest()
    .map_err(|error| error.to_string())?;
    let Some(entry) = entry else { return Ok(false) };
    if clean(&member.path).as_deref() != Ok(entry.path.as_path()) {
        return Err(format!("the manifest has {} in its place", escape::display(&entry.path)));
    }
    if member.kind != MemberKind::File {
        return Ok(true);
    }
    match entry.sha256 {
        Some(expected) if expected == digest => Ok(true),
        Some(_) => Err("its SHA-256 is not that of the manifest".to_owned()),
        None => Ok(false),
    }
}

/// Reads the lines of `sha256sum`.
fn read_checksums(file: &StoredFile) -> Result<HashMap<OsString, [u8; 32]>, String> {
    let mut text = Vec::new();
    let read = file.open().and_then(|mut opened| opened.read_to_end(&mut text));
    read.map_err(|error| file.error("cannot read", &error).to_string())?;
    let lines = text.lines().enumerate();
    lines
        .map(|(number, line)| {
            checksum_line(line).ok_or_else(|| format!("line {} cannot be understood", number + 1))
        })
        .collect()
}

/// `DIGEST  NAME`, `DIGEST *NAME`, or either with a backslash before it, where the name has escapes.
fn checksum_line(line: &[u8]) -> Option<(OsString, [u8; 32])> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (digest, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *"))?;
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    Some((OsString::from_vec(name), digest::from_hex_exact(digest)?))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(match (byte, (*byte == b'\\').then(|| bytes.next())) {
            (_, Some(Some(b'n'))) => b'\n',
            (_, Some(Some(b'r'))) => b'\r',
            (_, Some(Some(b'\\'))) => b'\\',
            (_, Some(_)) => return None,
            (byte, None) => *byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_lines_are_those_of_sha256sum() {
        let hex = "ab".repeat(32);
        let line = |text: String| checksum_line(text.as_bytes());
        assert_eq!(line(format!("{hex}  a b")), Some(("a b".into(), [0xab; 32])));
        assert_eq!(line(format!("{hex} *x")), Some(("x".into(), [0xab; 32])));
        assert_eq!(line(format!("\\{hex}  a\\nb\\\\")), Some(("a\nb\\".into(), [0xab; 32])));
        assert_eq!(line(format!("{hex} x")), None);
        assert_eq!(line("ab  x".to_owned()), None);
    }
}

//! Proving that what is stored is what was collected.

mod member;
mod proofs;
mod report;
mod stored;
mod units;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_archive::manifest::{Entry, Flaw, Line};
use redcedar_archive::reader::{BlockIndex, Damage, Event, Members};
use redcedar_system::{Interrupt, Interrupted, Monitor, escape};

use crate::database::{ReadError, StoredDump};
use crate::layer::{Manifest, read_header};
use crate::list::{Base, Runs};
use crate::mailbox;
use crate::place::{Place, PlaceFault};
use crate::repository::{self, Chains, RepositoryError};
use crate::scan::describe;
use crate::source::{OtherKind, PeerDay, Source, StoredFile, StoredItem};
use crate::sqlite;

use self::member::{Difference, compare};
pub use self::proofs::{Proofs, Share};
pub use self::report::{Ages, Finding, PlaceFinding, Severity, VerifyReport};
use self::stored::Lists;
use self::units::Unit;

/// What to prove.
#[derive(Debug, Clone, Default)]
pub struct VerifyRequest {
    /// Only this machine.
    pub peer: Option<OsString>,
    /// Only this day.
    pub day: Option<Date>,
    /// Only so much of it: what was proven longest ago.
    pub share: Option<Share>,
}

/// Why nothing was proven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Reads everything that is stored, or a share of it, and compares it with what is known of it. What is as it should be is noted
/// in `proofs`.
///
/// # Errors
/// When there is nothing to read, or when interrupted. Damage is no error, it is in the report.
pub fn verify(
    source: &Source,
    request: &VerifyRequest,
    proofs: &mut Proofs,
    monitor: &dyn Monitor,
    interrupt: &Interrupt,
) -> Result<VerifyReport, VerifyError> {
    let wanted = request.share.map(|share| units::choose(units::all(source, request), share, proofs));
    let mut report = VerifyReport::default();
    if request.peer.is_none() && request.day.is_none() {
        for place in source.places() {
            monitor.task(&format!("Checking {}", escape::display(place.root())));
            report.places.extend(check_place(&**place));
            interrupt.check()?;
        }
    }
    let mut runs = Runs::default();
    let mut repositories = Chains::default();
    let mut lists = Lists::default();
    for day in source.days() {
        for peer in &day.peers {
            if request.peer.as_ref().is_some_and(|wanted| *wanted != peer.name) {
                continue;
            }
            let mut check =
                Check { date: day.date, peer, wanted: wanted.as_ref(), report: &mut report, interrupt };
            check.chains(&mut runs, &mut repositories);
            let missing = lists.missing(peer);
            if request.day.is_none_or(|wanted| wanted == day.date) {
                monitor.task(&format!("Verifying {} of {}", escape::display(&peer.name), day.date));
                let before = check.report.findings.len();
                for name in missing {
                    let message = "it is missing, and an earlier day has one: nothing shows that the files are what was stored";
                    check.find(OsStr::new(name), Severity::Known, message.to_owned());
                }
                check.peer(monitor)?;
                let units = Unit::of_peer(day.date, peer).into_iter();
                for unit in units.filter(|unit| unit.is_among(wanted.as_ref())) {
                    unit.judge(&report.findings[before..], proofs);
                }
            }
        }
    }
    units::forget_gone(source, proofs);
    report.ages = units::ages(&units::all(source, request), proofs);
    Ok(report)
}

fn check_place(place: &dyn Place) -> Vec<PlaceFinding> {
    let faults = place.faults().unwrap_or_else(|error| {
        vec![PlaceFault { path: place.root().to_owned(), message: format!("it cannot be checked: {error}") }]
    });
    let finding = |fault: PlaceFault| PlaceFinding {
        path: escape::display(&fault.path).to_string(),
        message: fault.message,
    };
    faults.into_iter().map(finding).collect()
}

struct Check<'a> {
    date: Date,
    peer: &'a PeerDay,
    /// The files to look at, if not all.
    wanted: Option<&'a HashSet<PathBuf>>,
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

    fn is_wanted(&self, file: &StoredFile) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(file.path()))
    }

    fn damage(&mut self, file: &StoredFile, message: String) {
        self.find(&name_of(file), Severity::Damage, message);
    }

    /// Gaps are looked for among all days, also when only one is read.
    fn chains(&mut self, runs: &mut Runs, repositories: &mut Chains) {
        for (file, message) in repositories.note(self.peer) {
            self.damage(&file, message);
        }
        for item in &self.peer.items {
            let Some(manifest) = &item.manifest else { continue };
            // One that cannot be read is reported when its day is, one without a key counted.
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
        self.dumps(&digests)?;
        self.mail(&digests)
    }

    /// Reads pieces of mailboxes to their ends.
    fn mail(&mut self, digests: &HashMap<OsString, [u8; 32]>) -> Result<(), Interrupted> {
        for (file, kind) in &self.peer.others {
            if *kind != OtherKind::Mbox || !self.is_wanted(file) || !is_open(file, digests) {
                continue;
            }
            match mailbox::prove(file, self.interrupt)? {
                Ok(mailboxes) => self.report.members += mailboxes,
                Err(message) => self.damage(file, message),
            }
        }
        Ok(())
    }

    /// Reads dumps to their ends: that is where it shows whether they are complete.
    fn dumps(&mut self, digests: &HashMap<OsString, [u8; 32]>) -> Result<(), Interrupted> {
        for (file, kind) in &self.peer.others {
            if !self.is_wanted(file) || !is_open(file, digests) {
                continue;
            }
            self.interrupt.check()?;
            if let Some(problem) = self.dump(file, *kind, digests)? {
                self.damage(file, problem);
            }
        }
        Ok(())
    }

    /// What is wrong with a dump.
    fn dump(
        &self,
        file: &StoredFile,
        kind: OtherKind,
        digests: &HashMap<OsString, [u8; 32]>,
    ) -> Result<Option<String>, Interrupted> {
        if let Some(dump) = StoredDump::new(self.peer, self.date, file) {
            return match dump.prove(self.interrupt) {
                Ok(_) => Ok(None),
                Err(ReadError::Interrupted(interrupted)) => Err(interrupted),
                Err(error) => Ok(Some(error.to_string())),
            };
        }
        if kind == OtherKind::Sqlite {
            return Ok(sqlite::prove(file).err().map(|error| error.to_string()));
        }
        match repository::prove(file, kind, digests, self.interrupt) {
            Ok(()) => Ok(None),
            Err(RepositoryError::Interrupted(interrupted)) => Err(interrupted),
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    fn item(&mut self, item: &StoredItem, digests: &HashMap<OsString, [u8; 32]>) -> Result<(), Interrupted> {
        let mut files = item.archive.iter().map(|(file, _)| file).chain(item.manifest.as_ref());
        if !files.all(|file| self.is_wanted(file) && is_open(file, digests)) {
            return Ok(());
        }
        let manifest = match (Manifest::read(item, &[]), &item.manifest) {
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
            BlockIndex::new(&manifest.trailer.blocks, file.plain_size()?, manifest.trailer.uncompressed_size?)
        });
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let opened = file.open().and_then(|opened| opened.archive(compression, index.as_ref(), threads));
        let mut members = match opened {
            Ok(reader) => Members::new(reader),
            Err(error) => {
                self.damage(file, error.to_string());
                return Ok(());
            }
        };
        // An archive that ends early, or cannot be read on, is told once: with the member in which that is, if it is in one.
        let mut is_told = false;
        let is_whole = loop {
            self.interrupt.check()?;
            match members.next_member() {
                Ok(Some(Event::Member(member))) => {
                    self.report.members += 1;
                    let entry = expected.remove(&member.offset);
                    match compare(&member, entry, &mut members) {
                        Ok(proven) => self.report.proven += u64::from(proven && manifest.is_some()),
                        Err(difference) => {
                            is_told |= matches!(difference, Difference::Unreadable(_));
                            let path = escape::display_bytes(&member.path);
                            self.damage(file, format!("{path}: {difference}"));
                        }
                    }
                }
                Ok(Some(Event::Damage(Damage::Truncated { .. }))) if is_told => {}
                Ok(Some(Event::Damage(damage))) => self.damage(file, describe(&damage)),
                Ok(None) => break true,
                Err(_) if is_told => break false,
                Err(error) => {
                    self.damage(file, error.to_string());
                    break false;
                }
            }
        };
        if is_whole && let Err(error) = members.drain() {
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

/// Whether a file can be looked into. Of one that is encrypted or split and could not be opened, that has been told.
fn is_open(file: &StoredFile, digests: &HashMap<OsString, [u8; 32]>) -> bool {
    file.is_plain() || digests.contains_key(&name_of(file))
}

fn name_of(file: &StoredFile) -> OsString {
    file.path().file_name().unwrap_or_default().to_owned()
}

//! A machine that is backed up day by day into a staging directory: the least that does what a collect does.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::manifest::{Header, Line, ManifestWriter, Mode, SUFFIX, Trailer};
use redcedar_archive::select::{Exclude, Selection, select_directory};
use redcedar_archive::writer::{AppendError, ArchiveWriter, Options};
use redcedar_archive::{Compression, Metadata};
use redcedar_restore::{Overwrite, Report, RestoreError, RestoreRequest, Source, restore};
use redcedar_system::fake::RecordingMonitor;
use redcedar_system::{Accounts, Interrupt};
use redcedar_testing::compare::{Kind, Snapshot};
use tempfile::TempDir;

pub(crate) struct Machine {
    dir: TempDir,
    compression: Compression,
    last: Option<(String, BTreeMap<PathBuf, Metadata>)>,
    sequence: u64,
}

pub(crate) fn day(number: i8) -> Date {
    Date::new(2026, 11, number).unwrap()
}

impl Machine {
    pub(crate) fn new(compression: Compression) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir(dir.path().join("tree")).unwrap();
        Self { dir, compression, last: None, sequence: 0 }
    }

    /// What is backed up.
    pub(crate) fn tree(&self) -> PathBuf {
        fs_err::canonicalize(self.dir.path()).unwrap().join("tree")
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.tree().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        without_sockets(&Snapshot::take(&self.tree()).unwrap())
    }

    /// The staging directory.
    pub(crate) fn staging(&self) -> PathBuf {
        self.dir.path().join("staging")
    }

    /// Where the files of a day are.
    pub(crate) fn staged(&self, date: Date) -> PathBuf {
        self.staging().join(date.strftime("%Y/%m/%d/larch").to_string())
    }

    pub(crate) fn archive(&self, date: Date) -> PathBuf {
        self.staged(date).join(format!("tree.tar{}", self.compression.suffix()))
    }

    pub(crate) fn manifest(&self, date: Date) -> PathBuf {
        self.staged(date).join(format!("tree{SUFFIX}"))
    }

    /// Backs the tree up: all of it, or what changed since the last time.
    pub(crate) fn back_up(&mut self, date: Date, full: bool) {
        fs_err::create_dir_all(self.staged(date)).unwrap();
        let now = select(&self.tree());
        let baseline = self.last.take().filter(|_| !full);
        let nothing = BTreeMap::new();
        let before = baseline.as_ref().map_or(&nothing, |(_, before)| before);
        self.sequence = if baseline.is_some() { self.sequence + 1 } else { 0 };
        let run = format!("{date}");
        let header = Header {
            item: self.tree(),
            collect_mode: "incr".into(),
            mode: if baseline.is_some() { Mode::Incremental } else { Mode::Full },
            run: run.clone(),
            baseline: baseline.as_ref().map(|(run, _)| run.clone()),
            sequence: self.sequence,
            host: "larch".into(),
            time: format!("{date}T02:30:00+00:00"),
            program: "test".into(),
            archive: self.archive(date).file_name().map(Into::into),
        };
        let has_changed = |path: &PathBuf, metadata: &Metadata| before.get(path) != Some(metadata);
        // All names of a file are stored together: otherwise a name in a renamed directory is a file of its own.
        let several: HashSet<_> = now
            .iter()
            .filter(|(path, metadata)| metadata.links > 1 && has_changed(path, metadata))
            .map(|(_, metadata)| metadata.identity())
            .collect();
        let changed = now
            .iter()
            .filter(|(path, metadata)| has_changed(path, metadata) || several.contains(&metadata.identity()));
        let gone = before.keys().filter(|path| !now.contains_key(*path)).cloned();
        self.store(date, &header, changed, gone);
        self.last = Some((run, now));
    }

    fn store<'a>(
        &self,
        date: Date,
        header: &Header,
        changed: impl Iterator<Item = (&'a PathBuf, &'a Metadata)>,
        gone: impl Iterator<Item = PathBuf>,
    ) {
        let options = Options { compression: self.compression, threads: 2, sha1: false, name: None };
        let file = File::options().read(true).write(true).create_new(true).open(self.archive(date)).unwrap();
        let mut archive = ArchiveWriter::create(file, &options).unwrap();
        let mut manifest = ManifestWriter::create(Vec::new(), header).unwrap();
        let accounts = Accounts::new();
        for (path, metadata) in changed {
            match archive.append(path, metadata, &accounts, &Interrupt::new()) {
                Ok(appended) => manifest.line(&Line::Present(appended.entry)).unwrap(),
                Err(AppendError::Unsupported(_)) => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
        for path in gone {
            manifest.line(&Line::Gone(path)).unwrap();
        }
        let finished = archive.finish().unwrap();
        let trailer = Trailer {
            archive_size: Some(finished.size),
            archive_sha256: Some(finished.sha256),
            uncompressed_size: Some(finished.uncompressed_size),
            blocks: finished.blocks,
            ..Trailer::default()
        };
        fs_err::write(self.manifest(date), manifest.finish(trailer).unwrap()).unwrap();
    }

    /// A request for everything, into a new directory.
    pub(crate) fn request(&self, as_of: Option<Date>) -> RestoreRequest {
        request(&self.dir.path().join("target"), as_of)
    }

    /// Where the tree is after a restore.
    pub(crate) fn restored(&self, request: &RestoreRequest) -> PathBuf {
        request.target.join(self.tree().strip_prefix("/").unwrap())
    }
}

/// A request for everything.
pub(crate) fn request(target: &Path, as_of: Option<Date>) -> RestoreRequest {
    RestoreRequest { as_of, ..RestoreRequest::to(target) }
}

pub(crate) fn run(source: &Path, request: &RestoreRequest) -> Result<Report, RestoreError> {
    restore(&Source::open(source).unwrap(), request, &RecordingMonitor::default(), &Interrupt::new())
}

/// Restores and fails on any failure.
pub(crate) fn run_clean(source: &Path, request: &RestoreRequest) -> Report {
    let report = run(source, request).unwrap();
    assert_eq!(report.failures, []);
    report
}

pub(crate) fn over(request: &RestoreRequest, overwrite: Overwrite) -> RestoreRequest {
    RestoreRequest { overwrite: Some(overwrite), ..request.clone() }
}

pub(crate) fn without_sockets(snapshot: &Snapshot) -> Snapshot {
    snapshot.filtered(|_, object| object.kind != Kind::Socket)
}

fn select(root: &Path) -> BTreeMap<PathBuf, Metadata> {
    let exclude = Exclude::new(Vec::new(), &[], &[]).unwrap();
    let selection = Selection {
        root,
        ignore_file: None,
        exclude: &exclude,
        link_depth: 0,
        dereference: false,
        one_file_system: false,
        exclude_caches: false,
        never_enter: &[],
    };
    let fileset = select_directory(&selection, &Interrupt::new()).unwrap();
    fileset.iter().map(|selected| (selected.path.to_owned(), *selected.metadata)).collect()
}

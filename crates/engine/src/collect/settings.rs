//! What holds for an item: its own settings, else those of the section.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_archive::Compression;
use redcedar_archive::select::{Exclude, PatternError};
use redcedar_config::Located;
use redcedar_config::cedar::{Collect, CollectDir, CollectFile, Exclusions};
use redcedar_config::value::{ArchiveMode, CollectMode};

/// A setting that neither the item nor the section has. Checked configurations have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither the item nor the collect section says its {0}")]
pub(super) struct SettingsError(&'static str);

/// What holds for a file.
#[derive(Debug)]
pub(super) struct FileSettings {
    pub(super) mode: CollectMode,
    pub(super) compression: Compression,
}

impl FileSettings {
    pub(super) fn of(file: &CollectFile, section: &Collect) -> Result<Self, SettingsError> {
        let mode = file.collect_mode.or(section.collect_mode).ok_or(SettingsError("collect mode"))?;
        let archive_mode = file.archive_mode.or(section.archive_mode).ok_or(SettingsError("archive mode"))?;
        Ok(Self { mode, compression: compression(archive_mode) })
    }
}

/// What holds for a directory.
#[derive(Debug)]
pub(super) struct DirSettings<'a> {
    pub(super) mode: CollectMode,
    pub(super) compression: Compression,
    pub(super) ignore_file: Option<&'a OsStr>,
    pub(super) link_depth: u64,
    pub(super) dereference: bool,
    pub(super) one_file_system: bool,
    pub(super) exclude_caches: bool,
    exclude_paths: Vec<PathBuf>,
    patterns: Vec<&'a str>,
    globs: Vec<&'a str>,
}

impl<'a> DirSettings<'a> {
    pub(super) fn of(dir: &'a CollectDir, section: &'a Collect) -> Result<Self, SettingsError> {
        let mode = dir.collect_mode.or(section.collect_mode).ok_or(SettingsError("collect mode"))?;
        let archive_mode = dir.archive_mode.or(section.archive_mode).ok_or(SettingsError("archive mode"))?;
        let ignore_file = dir.ignore_file.as_ref().or(section.ignore_file.as_ref());
        let both = [&section.exclude, &dir.exclude];
        let absolute =
            both.iter().flat_map(|exclusions| &exclusions.abs_paths).map(|path| path.value.clone());
        let relative = dir.exclude.rel_paths.iter().map(|path| dir.abs_path.join(path.as_str()));
        Ok(Self {
            mode,
            compression: compression(archive_mode),
            ignore_file: ignore_file.map(|name| OsStr::new(name.as_str())),
            link_depth: dir.link_depth.unwrap_or(0),
            dereference: dir.dereference.unwrap_or(false),
            one_file_system: dir.one_file_system.or(section.one_file_system).unwrap_or(false),
            exclude_caches: dir.exclude_caches.or(section.exclude_caches).unwrap_or(false),
            exclude_paths: absolute.chain(relative).collect(),
            patterns: texts(both, |exclusions| &exclusions.patterns),
            globs: texts(both, |exclusions| &exclusions.globs),
        })
    }

    /// Leaves one more path out.
    pub(super) fn exclude_path(&mut self, path: PathBuf) {
        self.exclude_paths.push(path);
    }

    /// What is left out by now.
    pub(super) fn exclude(&self) -> Result<Exclude, PatternError> {
        Exclude::new(self.exclude_paths.clone(), &self.patterns, &self.globs)
    }
}

fn texts<'a>(
    both: [&'a Exclusions; 2],
    list: impl Fn(&'a Exclusions) -> &'a Vec<Located<String>>,
) -> Vec<&'a str> {
    both.into_iter().flat_map(list).map(|text| text.as_str()).collect()
}

fn compression(mode: ArchiveMode) -> Compression {
    match mode {
        ArchiveMode::Tar => Compression::None,
        ArchiveMode::TarGzip => Compression::Gzip,
        ArchiveMode::TarBzip2 => Compression::Bzip2,
        ArchiveMode::TarZstd => Compression::Zstd,
    }
}

/// Where the walk begins: the configured path without its trailing slash, which only the archive's name shows.
pub(super) fn root_of(path: &Path) -> &Path {
    match path.as_os_str().as_bytes() {
        [rest @ .., b'/'] if !rest.is_empty() => Path::new(OsStr::from_bytes(rest)),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_slash_goes() {
        let cases: [(&str, &str); 4] = [("/etc/", "/etc"), ("/etc", "/etc"), ("/", "/"), ("/etc//", "/etc/")];
        for (path, root) in cases {
            assert_eq!(root_of(Path::new(path)).as_os_str(), OsStr::new(root));
        }
    }
}

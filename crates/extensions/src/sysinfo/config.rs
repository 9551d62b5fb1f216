//! The section `sysinfo`, which is ours: the originals have none.

use std::str::FromStr;
use std::time::Duration;

use redcedar_config::{Diagnostic, Document, value};

use crate::section;

const ELEMENTS: [&str; 3] = ["file_list", "rebuild", "time_limit"];
/// How many minutes a program may take when the section does not say.
const TIME_LIMIT: u64 = 60;

/// Which files `ls-laR.txt.bz2` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileList {
    /// All there are, as with the originals.
    All,
    /// Those on file systems of this machine's own disks.
    Local,
    /// There is no list.
    None,
}

/// What is no choice.
#[derive(Debug, thiserror::Error)]
#[error("must be one of: all, local, none")]
pub(super) struct UnknownList;

impl FromStr for FileList {
    type Err = UnknownList;

    fn from_str(text: &str) -> Result<Self, UnknownList> {
        match text {
            "all" => Ok(Self::All),
            "local" => Ok(Self::Local),
            "none" => Ok(Self::None),
            _ => Err(UnknownList),
        }
    }
}

/// The section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) file_list: FileList,
    /// Whether what a rebuild needs is reported besides what the originals report.
    pub(super) rebuild: bool,
    /// How long each program may take.
    pub(super) time_limit: Option<Duration>,
}

impl Settings {
    pub(super) fn read(document: &Document, findings: &mut Vec<Diagnostic>) -> Self {
        let time_limit = Some(Duration::from_secs(60 * TIME_LIMIT));
        let default = Self { file_list: FileList::All, rebuild: true, time_limit };
        let Some(section) = document.section("sysinfo") else { return default };
        section::warn_of_unknown(section, &ELEMENTS, findings);
        let file_list = section.read("file_list", FileList::from_str, findings).value();
        let rebuild = section.read("rebuild", value::boolean, findings).value();
        Self {
            file_list: file_list.unwrap_or(default.file_list),
            rebuild: rebuild.unwrap_or(default.rebuild),
            time_limit: section::time_limit(section, TIME_LIMIT, findings),
        }
    }
}

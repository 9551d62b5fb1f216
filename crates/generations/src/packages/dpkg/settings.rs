//! What dpkg was told about single files: diversions, overridden modes, alternatives.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use super::super::PackagesError;
use super::super::Permissions;
use super::super::root::{Names, Root};
use redcedar_system::Owner;

/// What dpkg was told besides packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Files that go elsewhere.
    pub diversions: Vec<Diversion>,
    /// Files whose mode and owner are not those of their packages.
    pub overrides: Vec<StatOverride>,
    /// Commands of which several packages have one.
    pub alternatives: Vec<Alternative>,
    /// Architectures besides the machine's own.
    pub foreign_architectures: Vec<String>,
}

/// A file that goes elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diversion {
    /// Where packages have it.
    pub from: PathBuf,
    /// Where it goes.
    pub to: PathBuf,
    /// The package whose own file stays at `from`; none when the administrator diverted it, for all packages.
    pub package: Option<String>,
}

/// A file whose mode and owner are not those of its package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatOverride {
    /// The file.
    pub path: PathBuf,
    /// Its user, by name, or by number as `#123`.
    pub user: String,
    /// Its group, likewise.
    pub group: String,
    /// Permission bits with set-id and sticky.
    pub mode: u16,
}

/// A command of which several packages have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// Its name.
    pub name: String,
    /// The administrator has chosen, not the priorities.
    pub is_manual: bool,
    /// The link that stands for it, such as `/usr/bin/editor`.
    pub link: PathBuf,
    /// Links that follow it, such as manual pages, by name.
    pub followers: Vec<(String, PathBuf)>,
    /// What the link may lead to.
    pub choices: Vec<Choice>,
    /// What it leads to.
    pub current: Option<PathBuf>,
}

/// What an alternative may lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The file.
    pub path: PathBuf,
    /// The highest wins.
    pub priority: i64,
    /// Where each of the followers leads then; empty where one has no counterpart.
    pub followers: Vec<PathBuf>,
}

impl Settings {
    pub(super) fn read(root: &Root) -> Result<Self, PackagesError> {
        let read = |file: &str| {
            Ok::<_, PackagesError>(root.read(format!("var/lib/dpkg/{file}"))?.unwrap_or_default())
        };
        let malformed = |file: &str, what: String| PackagesError::Malformed {
            path: root.path(format!("var/lib/dpkg/{file}")),
            what,
        };
        let diversions = diversions(&read("diversions")?)
            .ok_or_else(|| malformed("diversions", "its lines do not come in threes".to_owned()))?;
        let mut overrides = Vec::new();
        for line in read("statoverride")?.lines() {
            let line_text = line.to_str_lossy();
            let parsed = stat_override(line);
            overrides.push(parsed.ok_or_else(|| malformed("statoverride", format!("\"{line_text}\"")))?);
        }
        let mut alternatives = Vec::new();
        for name in root.names("var/lib/dpkg/alternatives")? {
            let name = name.to_string_lossy().into_owned();
            let file = format!("alternatives/{name}");
            let current = root.link(format!("etc/alternatives/{name}"))?;
            let parsed = alternative(name, &read(&file)?, current);
            alternatives.push(parsed.ok_or_else(|| malformed(&file, "it ends too early".to_owned()))?);
        }
        let architectures = read("arch")?;
        let architectures = architectures.lines().map(|line| line.to_str_lossy().into_owned());
        // The first is the machine's own.
        Ok(Self {
            diversions,
            overrides,
            alternatives,
            foreign_architectures: architectures.skip(1).collect(),
        })
    }

    /// Mode and owner of all overridden files.
    pub(super) fn permissions(&self, names: &Names) -> HashMap<Vec<u8>, Permissions> {
        let number = |text: &str| text.strip_prefix('#').and_then(|number| number.parse().ok());
        let permissions = |entry: &StatOverride| {
            let uid = number(&entry.user).or_else(|| names.user(entry.user.as_bytes()));
            let gid = number(&entry.group).or_else(|| names.group(entry.group.as_bytes()));
            match (uid, gid) {
                (Some(uid), Some(gid)) => {
                    Permissions::Recorded { mode: entry.mode, owner: Owner { uid, gid } }
                }
                _ => Permissions::Unknown,
            }
        };
        let path = |entry: &StatOverride| entry.path.clone().into_os_string().into_vec();
        self.overrides.iter().map(|entry| (path(entry), permissions(entry))).collect()
    }
}

/// Where files are that have to do with diversions. Asked for every path of every package.
pub(super) struct Diversions<'a> {
    /// By either of the two paths; the one is moved, the other is where something is moved to.
    by_path: HashMap<&'a [u8], Option<&'a Diversion>>,
}

impl<'a> Diversions<'a> {
    pub(super) fn new(diversions: &'a [Diversion]) -> Self {
        let bytes = |path: &'a PathBuf| path.as_os_str().as_bytes();
        let places = diversions.iter().map(|diversion| (bytes(&diversion.to), None));
        let moved = diversions.iter().map(|diversion| (bytes(&diversion.from), Some(diversion)));
        Self { by_path: places.chain(moved).collect() }
    }

    /// Where the file is that a package has at `path`, if diversions have to do with it.
    pub(super) fn place(&self, path: &'a [u8], package: &str) -> Option<&'a [u8]> {
        match self.by_path.get(path)? {
            Some(diversion) if diversion.package.as_deref() != Some(package) => {
                Some(diversion.to.as_os_str().as_bytes())
            }
            _ => Some(path),
        }
    }
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

fn diversions(text: &[u8]) -> Option<Vec<Diversion>> {
    let lines: Vec<&[u8]> = text.lines().collect();
    let (triples, rest) = lines.as_chunks::<3>();
    let diversion = |&[from, to, package]: &[&[u8]; 3]| Diversion {
        from: path_of(from),
        to: path_of(to),
        package: (package != b":").then(|| package.to_str_lossy().into_owned()),
    };
    rest.is_empty().then(|| triples.iter().map(diversion).collect())
}

/// `<user> <group> <octal mode> <path>`.
fn stat_override(line: &[u8]) -> Option<StatOverride> {
    let mut fields = line.splitn_str(4, " ");
    let mut field = || fields.next();
    let (user, group, mode, path) = (field()?, field()?, field()?, field()?);
    Some(StatOverride {
        path: path_of(path),
        user: user.to_str().ok()?.to_owned(),
        group: group.to_str().ok()?.to_owned(),
        mode: u16::from_str_radix(mode.to_str().ok()?, 8).ok().filter(|mode| *mode <= 0o7777)?,
    })
}

/// Status and link; name and link of each follower; an empty line; of each choice path, priority and where the followers lead.
fn alternative(name: String, text: &[u8], current: Option<PathBuf>) -> Option<Alternative> {
    let mut lines = text.lines();
    let is_manual = match lines.next()? {
        b"auto" => false,
        b"manual" => true,
        _ => return None,
    };
    let link = path_of(lines.next()?);
    let mut followers = Vec::new();
    loop {
        match lines.next()? {
            b"" => break,
            follower => followers.push((follower.to_str_lossy().into_owned(), path_of(lines.next()?))),
        }
    }
    let mut choices = Vec::new();
    loop {
        let path = match lines.next() {
            None | Some(b"") => break,
            Some(path) => path_of(path),
        };
        let priority = lines.next()?.to_str().ok()?.trim().parse().ok()?;
        let followers = followers.iter().map(|_| lines.next().map(path_of)).collect::<Option<_>>()?;
        choices.push(Choice { path, priority, followers });
    }
    Some(Alternative { name, is_manual, link, followers, choices, current })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_read_with_followers_and_choices() {
        let text = b"manual\n/usr/bin/editor\neditor.1.gz\n/usr/share/man/man1/editor.1.gz\n\n\
            /bin/ed\n-100\n/usr/share/man/man1/ed.1.gz\n/usr/bin/vi\n30\n\n\n";
        let alternative = alternative("editor".to_owned(), text, Some("/bin/ed".into())).unwrap();
        assert!(alternative.is_manual);
        assert_eq!(alternative.link, PathBuf::from("/usr/bin/editor"));
        assert_eq!(alternative.followers.len(), 1);
        let choices: Vec<_> =
            alternative.choices.iter().map(|c| (c.path.to_str().unwrap(), c.priority)).collect();
        assert_eq!(choices, [("/bin/ed", -100), ("/usr/bin/vi", 30)]);
        assert_eq!(alternative.choices[1].followers, [PathBuf::new()]);
        assert!(super::alternative("x".to_owned(), b"auto\n/usr/bin/x\n\n/bin/x\n", None).is_none());
    }

    #[test]
    fn a_diversion_moves_the_files_of_all_packages_but_its_own() {
        let diversions = diversions(b"/bin/a\n/bin/a.real\np\n/bin/b\n/bin/b.distrib\n:\n").unwrap();
        let diversions = Diversions::new(&diversions);
        let place = |path: &'static str, package| {
            diversions.place(path.as_bytes(), package).map(|place| place.to_str().unwrap())
        };
        assert_eq!(place("/bin/a", "p"), Some("/bin/a"));
        assert_eq!(place("/bin/a", "q"), Some("/bin/a.real"));
        assert_eq!(place("/bin/b", "q"), Some("/bin/b.distrib"));
        assert_eq!(place("/bin/b.distrib", "q"), Some("/bin/b.distrib"));
        assert_eq!(place("/bin/c", "q"), None);
        assert!(super::diversions(b"/bin/a\n/bin/b\n").is_none());
    }

    #[test]
    fn overrides_have_a_mode_and_owners_by_name_or_number() {
        let read = stat_override(b"root #42 4750 /usr/bin/a b").unwrap();
        assert_eq!((read.user.as_str(), read.group.as_str(), read.mode), ("root", "#42", 0o4750));
        assert_eq!(read.path, PathBuf::from("/usr/bin/a b"));
        assert_eq!(stat_override(b"root root 9 /x"), None);
        assert_eq!(stat_override(b"root root 755"), None);
    }
}

//! From a collected path to the name of its archive, by the rules of Cedar Backup.
//!
//! The rules do not lead back: `/a-b` and `/a/b` share a name. Whoever looks for the archive of a path asks for its
//! [`candidates`] and lets the manifest decide.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What is in a directory of backups without being a backup: indicators, how staging ended, our lists of digests.
const METADATA: [&str; 10] = [
    "cback.collect",
    "cback.stage",
    "cback.store",
    "cback.encrypt",
    "cback.split",
    "cback.amazons3",
    "cback.result",
    "cback.sha256",
    ORIGINS,
    KEEP,
];

/// In a daily directory: nobody deletes the day.
pub const KEEP: &str = "redcedar.keep";

/// Digests of files as they were before they were encrypted or split, by the names they had.
pub const ORIGINS: &str = "cback.origins.sha256";

/// Recovery data for a day, in the format of PAR2: what describes it. Beside it are volumes, `cback.recovery.vol000+20.par2`.
pub const RECOVERY: &str = "cback.recovery.par2";

/// Whether a file is about backups rather than one. The originals take every `cback.…` for such a file, even a directory.
pub fn is_metadata(name: &OsStr) -> bool {
    METADATA.iter().any(|known| name == *known) || is_recovery(name)
}

/// Whether a file is recovery data.
pub fn is_recovery(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name == RECOVERY.as_bytes() || (name.starts_with(b"cback.recovery.vol") && name.ends_with(b".par2"))
}

/// Which original's rules name outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Cedar Backup 3 and Redcedar.
    #[default]
    V3,
    /// Cedar Backup 2: the root is `-`, colons stay, only ASCII white space becomes `_`.
    V2,
}

/// The normalised name of a path, without `.tar` and what follows. The path counts exactly as it is written: `/etc/`
/// becomes `etc-`.
pub fn normalise(path: &Path, dialect: Dialect) -> OsString {
    let path = path.as_os_str().as_bytes();
    if matches!(path, b"/" | b"\\") {
        return OsString::from(if dialect == Dialect::V2 { "-" } else { "_" });
    }
    let mut path = without_drive_separator(path);
    if path.first() == Some(&b'/') {
        path.remove(0);
    }
    if path.first() == Some(&b'\\') {
        path.remove(0);
    }
    if let Some(first @ b'.') = path.first_mut() {
        *first = b'_';
    }
    OsString::from_vec(replace_characters(&path, dialect))
}

/// A name for an absolute path that no other path has, and that all file systems and tools take as it is: `/` becomes `-`, and
/// what could be mistaken for that or means something elsewhere is written `%2D`. Needless slashes do not count.
pub fn distinct(path: &Path) -> OsString {
    let path: PathBuf = path.components().collect();
    let path = path.as_os_str().as_bytes();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let mut name = Vec::with_capacity(path.len());
    for (index, byte) in path.iter().enumerate() {
        match byte {
            b'/' => name.push(b'-'),
            b'.' if index == 0 => name.extend_from_slice(b"%2E"),
            byte if *byte <= b' ' || *byte == 0x7f || br#"-%:\*?"<>|;'"#.contains(byte) => {
                name.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            _ => name.push(*byte),
        }
    }
    OsString::from_vec(if name.is_empty() { b"%2F".to_vec() } else { name })
}

/// The names that something backed up by itself can have that is called `wanted`, its path or one of its names: the likeliest
/// first.
pub fn names(wanted: &OsStr) -> Vec<OsString> {
    let path = Path::new(wanted);
    let mut names = vec![wanted.to_owned()];
    if path.is_absolute() {
        names.push(distinct(path));
    }
    names.extend(spellings(path));
    names
}

/// The names that the originals give to a path, written with or without a slash at its end.
fn spellings(path: &Path) -> impl Iterator<Item = OsString> {
    let plain = path.components().as_path().to_path_buf();
    let mut with_slash = plain.as_os_str().to_owned();
    with_slash.push("/");
    let both = [plain, PathBuf::from(with_slash)].into_iter();
    both.flat_map(|written| [Dialect::V3, Dialect::V2].map(|dialect| normalise(&written, dialect)))
}

/// The names that the archive holding `path` can have: those of the path itself and of every directory above it, nearest
/// first; as both originals name them, each also with the trailing slash a configuration may carry.
pub fn candidates(path: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = Vec::new();
    for directory in path.ancestors().filter(|directory| !directory.as_os_str().is_empty()) {
        for name in spellings(directory) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// `C:/x` and `C:\x` become `C-x`.
fn without_drive_separator(path: &[u8]) -> Vec<u8> {
    match path {
        [letter, b':', b'/' | b'\\', rest @ ..] if letter.is_ascii_alphabetic() => {
            [&[*letter, b'-'], rest].concat()
        }
        _ => path.to_vec(),
    }
}

fn replace_characters(path: &[u8], dialect: Dialect) -> Vec<u8> {
    let mut name = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            let character = match character {
                '/' | '\\' => '-',
                ':' if dialect == Dialect::V3 => '_',
                c if is_white_space(c, dialect) => '_',
                c => c,
            };
            name.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        name.extend_from_slice(chunk.invalid());
    }
    name
}

/// White space as the Python of each original sees it; version 3 adds the four separators U+001C to U+001F to Unicode's own.
fn is_white_space(character: char, dialect: Dialect) -> bool {
    match dialect {
        Dialect::V3 => character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}'),
        Dialect::V2 => matches!(character, ' ' | '\t'..='\r'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &[u8], dialect: Dialect) -> Vec<u8> {
        normalise(Path::new(std::ffi::OsStr::from_bytes(path)), dialect).into_vec()
    }

    #[test]
    fn paths_are_named_as_the_originals_name_them() {
        let table: [(&[u8], &[u8], &[u8]); 21] = [
            (b"", b"", b""),
            (b"/", b"_", b"-"),
            (b"\\", b"_", b"-"),
            (b"//", b"-", b"-"),
            (b"/\\", b"", b""),
            (b"/etc", b"etc", b"etc"),
            (b"/etc/", b"etc-", b"etc-"),
            (b"//etc", b"-etc", b"-etc"),
            (b"/.ssh/x", b"_ssh-x", b"_ssh-x"),
            (b"/home/.x", b"home-.x", b"home-.x"),
            (b"/..", b"_.", b"_."),
            (b"/\\.x", b"_x", b"_x"),
            (b"/a b/c:d", b"a_b-c_d", b"a_b-c:d"),
            (b"/a-b", b"a-b", b"a-b"),
            (b"/a\\b", b"a-b", b"a-b"),
            (b"C:/x:", b"C-x_", b"C-x:"),
            (b"z:\\x", b"z-x", b"z-x"),
            (b"/C:/x", b"C_-x", b"C:-x"),
            ("/home/ü".as_bytes(), "home-ü".as_bytes(), "home-ü".as_bytes()),
            (b"/a\tb\x1cc\x0bd", b"a_b_c_d", b"a_b\x1cc_d"),
            (b"/\xff \xe9:\xc2", b"\xff_\xe9_\xc2", b"\xff_\xe9:\xc2"),
        ];
        for (path, v3, v2) in table {
            assert_eq!(name(path, Dialect::V3), v3, "{}", path.escape_ascii());
            assert_eq!(name(path, Dialect::V2), v2, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn every_unicode_space_becomes_an_underscore_in_version_3_only() {
        let spaces =
            ['\u{85}', '\u{a0}', '\u{1680}', '\u{2000}', '\u{200a}', '\u{2028}', '\u{2029}', '\u{202f}'];
        for space in spaces.into_iter().chain(['\u{205f}', '\u{3000}']) {
            let path = format!("/a{space}b");
            assert_eq!(name(path.as_bytes(), Dialect::V3), b"a_b", "{space:?}");
            assert_eq!(name(path.as_bytes(), Dialect::V2), &path.as_bytes()[1..], "{space:?}");
        }
        assert_eq!(name("/a\u{200b}b".as_bytes(), Dialect::V3), "a\u{200b}b".as_bytes());
    }

    #[test]
    fn distinct_names_are_plain_where_paths_are_and_never_those_of_others() {
        for (path, name) in [
            ("/opt/svn/a", "opt-svn-a"),
            ("/opt/svn/a/", "opt-svn-a"),
            ("//opt//svn-a", "opt-svn%2Da"),
            ("/.hid den/a:b%2D", "%2Ehid%20den-a%3Ab%252D"),
            ("/home/ü", "home-ü"),
            ("/", "%2F"),
            ("/%2F", "%252F"),
        ] {
            assert_eq!(distinct(Path::new(path)), name, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn different_paths_have_different_distinct_names(one in "(/[-.%2DF:a]{1,4}){1,4}", other in "(/[-.%2DF:a]{1,4}){1,4}") {
            let (one, other) = (Path::new(&one), Path::new(&other));
            proptest::prop_assert_eq!(one == other, distinct(one) == distinct(other));
        }
    }

    #[test]
    fn what_is_backed_up_by_itself_is_found_by_its_path_and_by_any_of_its_names() {
        let found = |wanted: &str| names(OsStr::new(wanted));
        assert_eq!(found("/opt/svn-a")[..3], ["/opt/svn-a", "opt-svn%2Da", "opt-svn-a"]);
        assert!(found("/opt/svn/a").contains(&"opt-svn-a-".into()), "configured with a slash at its end");
        assert_eq!(found("opt-svn%2Da")[0], "opt-svn%2Da");
    }

    #[test]
    fn the_archive_of_a_path_is_looked_for_nearest_first_under_every_spelling() {
        let names = candidates(Path::new("/srv/a:b"));
        let expected = ["srv-a_b", "srv-a:b", "srv-a_b-", "srv-a:b-", "srv", "srv-", "_", "-"];
        assert_eq!(names, expected.map(OsString::from));
    }
}

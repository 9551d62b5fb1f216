//! Clear text among what is to be stored, where everything is meant to be encrypted.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::PathBuf;

use redcedar_archive::layers::{self, Layer};
use redcedar_config::Document;
use redcedar_system::escape;
use redcedar_system::fs::Directory;

use super::{Folder, folders};

/// So many files are named in a message.
const MOST_NAMED: usize = 5;

/// Why a day must not leave the machine.
#[derive(Debug, thiserror::Error)]
pub enum ClearText {
    /// There is clear text in it.
    #[error(
        "there is clear text in {}, though <encrypt> is configured: {}; run the encrypt action first, and give it an index below that of whatever stores or uploads",
        escape::display(.day),
        named(.files)
    )]
    Found {
        /// The directory of the day.
        day: PathBuf,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// It cannot be looked at.
    #[error("cannot look for clear text: {0}")]
    Io(#[from] io::Error),
}

fn named(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().take(MOST_NAMED).map(|file| escape::display(file).to_string()).collect();
    match files.len().saturating_sub(MOST_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// What whoever stores or uploads a day asks first: where `<encrypt>` is configured, nothing in clear may go.
///
/// # Errors
/// When there is clear text in the day, or it cannot be looked at.
pub fn refuse_clear_text(document: &Document, day: Directory) -> Result<(), ClearText> {
    if document.section("encrypt").is_none() {
        return Ok(());
    }
    let path = day.path().to_owned();
    let files = clear_text(day)?;
    if files.is_empty() { Ok(()) } else { Err(ClearText::Found { day: path, files }) }
}

/// The files of a day that are not encrypted, by name and by how they begin. Metadata is not meant to be.
///
/// # Errors
/// When something cannot be read.
pub fn clear_text(day: Directory) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders(day)? {
        for (name, _) in &folder.files {
            if !is_sealed(&folder, name)? {
                found.push(folder.directory.path().join(name));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_sealed(folder: &Folder, name: &OsStr) -> io::Result<bool> {
    let mut name = name.to_owned();
    loop {
        match layers::outermost(&name) {
            Some((_, Layer::Sealed(cipher))) => return Ok(cipher.fits(&head(folder, &name)?)),
            // How the whole begins is seen in its first part.
            Some((whole, Layer::Part(_))) => {
                let Some((_, Layer::Sealed(cipher))) = layers::outermost(whole) else {
                    name = whole.to_owned();
                    continue;
                };
                let first = layers::part_name(whole, 0);
                return Ok(folder.has(&first) && cipher.fits(&head(folder, &first)?));
            }
            None => return Ok(false),
        }
    }
}

fn head(folder: &Folder, name: &OsStr) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let file = folder.directory.open_file(name)?;
    file.take(64).read_to_end(&mut head).map_err(|error| {
        let path = folder.directory.path().join(name);
        io::Error::new(error.kind(), format!("cannot read {}: {error}", escape::display(&path)))
    })?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::Source;

    const MESSAGE: &[u8] = &[0x85, 0, 12, 3];

    fn day(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("peer")).unwrap();
        for (name, content) in files {
            fs_err::write(root.path().join("peer").join(name), content).unwrap();
        }
        root
    }

    fn found(root: &tempfile::TempDir) -> Vec<String> {
        let day = Directory::open(root.path()).unwrap();
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        clear_text(day).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn what_is_encrypted_in_whatever_order_is_no_clear_text_and_a_name_alone_is_not_enough() {
        let root = day(&[
            ("cback.sha256", b"x"),
            ("cback.encrypt", b""),
            ("a.tar.gpg", MESSAGE),
            ("b.age", b"age-encryption.org/v1\n-> X"),
            ("c_00000.gpg", MESSAGE),
            ("d.gpg_00000", MESSAGE),
            ("d.gpg_00001", b"anything"),
        ]);
        assert_eq!(found(&root), [""; 0]);
        let root = day(&[
            ("a.tar", b"x"),
            ("b.gpg", b"-----BEGIN"),
            ("c_00000", MESSAGE),
            ("d.gpg_00001", b"without the first part"),
            ("e.manifest.jsonl.zst", b"names"),
            ("f.age", MESSAGE),
        ]);
        let expected = ["a.tar", "b.gpg", "c_00000", "d.gpg_00001", "e.manifest.jsonl.zst", "f.age"];
        assert_eq!(found(&root), expected);
    }

    #[test]
    fn clear_text_is_refused_only_where_encryption_is_configured() {
        let root = day(&[("a.tar", b"x")]);
        let document = |text: &str| redcedar_config::Document::parse(Source::new("c", text)).unwrap();
        let open = || Directory::open(root.path()).unwrap();
        refuse_clear_text(&document("<cb_config/>"), open()).unwrap();
        let refused = refuse_clear_text(&document("<cb_config><encrypt/></cb_config>"), open()).unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("peer/a.tar") && message.contains("encrypt action"), "{message}");
    }
}

//! Which item a staged file belongs to, by its name: whatever was made of the file since, and whichever day it is of.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::layers::layers;
use redcedar_archive::manifest;
use redcedar_system::fs::TEMPORARY_PREFIX;

/// The item of a file; none for indicators, checksums and what was left over.
pub(crate) fn item(name: &OsStr) -> Option<OsString> {
    // Without what encrypting and splitting put behind it.
    let name = layers(name).last().map_or(name, |(inner, _)| inner).as_bytes();
    if name.starts_with(b"cback.") || name.starts_with(TEMPORARY_PREFIX.as_bytes()) {
        return None;
    }
    let name = match name.strip_suffix(manifest::SUFFIX.as_bytes()) {
        Some(item) => item,
        None => without_suffixes(name),
    };
    Some(OsStr::from_bytes(&without_changing_parts(name)).to_owned())
}

fn without_suffixes(name: &[u8]) -> &[u8] {
    let plain = without_one_of(name, &[".gz", ".bz2", ".zst"]);
    without_one_of(plain, &[".tar", ".txt"])
}

fn without_one_of<'n>(name: &'n [u8], suffixes: &[&str]) -> &'n [u8] {
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix.as_bytes())).unwrap_or(name)
}

/// `mbox-20261124-home` is `mbox-home` and `svndump-0:17-repo` is `svndump-repo`, on each day.
fn without_changing_parts(name: &[u8]) -> Vec<u8> {
    for prefix in [b"mbox-".as_slice(), b"svndump-"] {
        let Some(rest) = name.strip_prefix(prefix) else { continue };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b':').count();
        if digits > 0 && rest.get(digits) == Some(&b'-') {
            return [prefix, &rest[digits + 1..]].concat();
        }
    }
    name.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_an_item_have_its_name_in_every_form_and_on_every_day() {
        let rows = [
            ("etc.tar.gz", "etc"),
            ("etc.tar", "etc"),
            ("etc.manifest.jsonl.zst", "etc"),
            ("etc.manifest.jsonl.zst.gpg", "etc"),
            ("etc.tar.zst.gpg_00001", "etc"),
            ("etc.tar.bz2_00001.gpg", "etc"),
            ("etc.tar.age", "etc"),
            ("mbox-20261124-home-x-mail.gz", "mbox-home-x-mail"),
            ("mbox-x", "mbox-x"),
            ("svndump-0:17-svn-repo.txt.gz", "svndump-svn-repo"),
            ("mysqldump-web.txt.bz2", "mysqldump-web"),
            ("readme", "readme"),
            (".gpg", ".gpg"),
        ];
        for (name, expected) in rows {
            assert_eq!(item(OsStr::new(name)), Some(expected.into()), "{name}");
        }
        for name in ["cback.collect", "cback.sha256", ".redcedar-1-etc.tar"] {
            assert_eq!(item(OsStr::new(name)), None, "{name}");
        }
    }
}

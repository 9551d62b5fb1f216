//! What `encrypt` and `split` make of a staged file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Whether `form` is `name` with any number of `.gpg` and `_NNNNN` behind it.
pub(super) fn is_processed_form(form: &OsStr, name: &OsStr) -> bool {
    let Some(mut layers) = form.as_bytes().strip_prefix(name.as_bytes()) else { return false };
    if layers.is_empty() {
        return false;
    }
    while !layers.is_empty() {
        layers = match layers {
            [b'.', b'g', b'p', b'g', rest @ ..] => rest,
            [b'_', digits @ ..] if digits.len() >= 5 && digits[..5].iter().all(u8::is_ascii_digit) => {
                &digits[5..]
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_and_split_forms_are_recognised() {
        for form in ["a.tar.gpg", "a.tar_00000", "a.tar_00012.gpg", "a.tar.gpg_00003", "a.tar.gpg.gpg"] {
            assert!(is_processed_form(OsStr::new(form), OsStr::new("a.tar")), "{form}");
        }
        for form in ["a.tar", "a.tar.gz", "a.tar_000", "a.tar_00000x", "b.tar.gpg"] {
            assert!(!is_processed_form(OsStr::new(form), OsStr::new("a.tar")), "{form}");
        }
    }
}

//! Absolute paths.

use std::path::PathBuf;

use super::Mismatch;

/// A text that begins with `/`. It is kept as it is; nothing is looked up.
///
/// # Errors
/// For everything else, also a blank or a newline before the `/`.
pub fn absolute_path(text: &str) -> Result<PathBuf, Mismatch> {
    if text.starts_with('/') { Ok(PathBuf::from(text)) } else { Err(Mismatch("must be an absolute path")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_and_kept_as_written() {
        for text in ["/", "//x", "/a/../b/", "/a \n", "/ü"] {
            assert_eq!(absolute_path(text).unwrap().as_os_str(), text);
        }
        for text in ["", "a", " /a", "\n/a", "~/a", "C:/a"] {
            assert!(absolute_path(text).is_err(), "{text:?}");
        }
    }
}

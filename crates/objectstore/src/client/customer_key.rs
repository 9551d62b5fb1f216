//! Objects that the server encrypts with a key of somebody's own, which it does not keep (SSE-C).

use std::fmt;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Md5Sum;

/// How many bytes a key has.
const LENGTH: usize = 32;

/// A key that whoever stores, reads or looks at an object has to know. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerKey {
    pub(super) base64: String,
    pub(super) md5: String,
}

impl CustomerKey {
    /// Reads a file that has the 32 bytes of a key, or their Base64.
    ///
    /// # Errors
    /// When it cannot be read, or has no key.
    pub fn read(path: &Path) -> io::Result<Self> {
        let content = fs_err::read(path)?;
        let key = if content.len() == LENGTH {
            content
        } else {
            STANDARD.decode(content.trim_ascii()).unwrap_or_default()
        };
        if key.len() != LENGTH {
            let text = format!("{}: a key has {LENGTH} bytes, as they are or in Base64", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Self { base64: STANDARD.encode(&key), md5: Md5Sum::of(&key).base64() })
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerKey").finish_non_exhaustive()
    }
}

/// Has a request carry the key, if there is one.
macro_rules! with_customer_key {
    ($client:expr, $request:expr) => {{
        let key = $client.customer_key();
        $request
            .set_sse_customer_algorithm(key.map(|_| "AES256".to_owned()))
            .set_sse_customer_key(key.map(|key| key.base64.clone()))
            .set_sse_customer_key_md5(key.map(|key| key.md5.clone()))
    }};
}
pub(super) use with_customer_key;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let read = |content: &[u8]| {
            fs_err::write(&path, content).unwrap();
            CustomerKey::read(&path)
        };
        let key = read(&[b'k'; 32]).unwrap();
        assert_eq!(read(b"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n").unwrap(), key);
        assert_eq!(format!("{key:?}"), "CustomerKey { .. }");
        for wrong in [&b""[..], b"a2tr", &[b'k'; 33], b"?"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("32 bytes"), "{error}");
        }
    }
}

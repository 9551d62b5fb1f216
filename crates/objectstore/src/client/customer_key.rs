//! Objects that the server encrypts with a key of somebody's own, which it does not keep (SSE-C).

use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redcedar_system::escape;

use crate::digest::Md5Sum;

/// How many bytes a key has.
const LENGTH: usize = 32;
/// A file with a key is shorter.
const LONGEST: u64 = 1 << 10;
/// What carries a key.
const HEADER: &str = "x-amz-server-side-encryption-customer-key";

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
        let mut content = Vec::new();
        fs_err::File::open(path)?.take(LONGEST).read_to_end(&mut content)?;
        let key = if content.len() == LENGTH {
            content
        } else {
            STANDARD.decode(content.trim_ascii()).unwrap_or_default()
        };
        if key.len() != LENGTH {
            let text =
                format!("{}: a key has {LENGTH} bytes, as they are or in Base64", escape::display(path));
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

/// Lets no request with a key leave where somebody in between could read it, wherever the address of the server comes from.
#[derive(Debug)]
pub(super) struct Secrecy;

impl Intercept for Secrecy {
    fn name(&self) -> &'static str {
        "Secrecy"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        if request.headers().get(HEADER).is_some() && is_in_the_clear(request.uri()) {
            return Err(IN_THE_CLEAR.into());
        }
        Ok(())
    }
}

/// What is wrong then.
pub(super) const IN_THE_CLEAR: &str = "the server is not reached by https";

/// Whether what is sent to a server can be read on its way: this machine keeps its secrets.
pub(super) fn is_in_the_clear(url: &str) -> bool {
    let is_http = url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    let Some(rest) = url.get(7..).filter(|_| is_http) else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_loopback =
        name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    name != "localhost" && !is_loopback
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

    #[test]
    fn only_what_leaves_the_machine_without_tls_is_in_the_clear() {
        for (endpoint, is) in [
            ("http://store.example", true),
            ("http://10.0.0.1:9000/", true),
            ("http://127.example:80", true),
            ("http://127.0.0.1:9000", false),
            ("http://localhost", false),
            ("http://[::1]:9000", false),
            ("HTTP://store.example", true),
            ("https://store.example", false),
        ] {
            assert_eq!(is_in_the_clear(endpoint), is, "{endpoint}");
        }
    }
}

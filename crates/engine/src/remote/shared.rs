//! One connection for everything that is copied from and to a peer: making one takes longer than copying a small file.

use std::path::Path;

/// How many seconds the connection waits for the next command. It is closed when the peer is done; this is for the case that
/// nobody is left to do that.
const PATIENCE: u8 = 10;

/// Sockets have short names, and OpenSSH makes the connection under a longer one before it takes its own.
const LONGEST: usize = 88;

/// A connection that OpenSSH's programs share through a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shared(String);

impl Shared {
    /// None where OpenSSH could not use the path or would take it for something else: then each command connects by itself.
    pub(super) fn at(socket: &Path) -> Option<Self> {
        let path = socket.to_str()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:=@".contains(&byte);
        (path.len() <= LONGEST && path.bytes().all(is_plain)).then(|| Self(path.to_owned()))
    }

    /// Options for a program that uses the connection, and makes it if it is not there.
    pub(super) fn options(&self) -> [String; 3] {
        ["ControlMaster=auto".to_owned(), self.path(), format!("ControlPersist={PATIENCE}")]
    }

    /// The option that says where the connection is.
    pub(super) fn path(&self) -> String {
        format!("ControlPath={}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_plain_paths_are_sockets() {
        assert!(Shared::at(Path::new("/var/backups/staging/2026/11/24/.redcedar-1/connection")).is_some());
        for path in ["/my staging/x", "/100%/x", "/a$b", &format!("/{}", "x".repeat(LONGEST))] {
            assert_eq!(Shared::at(Path::new(path)), None, "{path}");
        }
    }
}

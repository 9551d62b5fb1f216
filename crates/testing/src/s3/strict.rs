//! s3s-fs: a directory behind a server that checks every signature.

use super::daemon::{Daemon, find, wait_until};
use super::{BUCKET, Login, connect, free_port};
use crate::program;

/// The server, which knows one key.
#[derive(Debug)]
pub struct Strict {
    /// Where it is, and its key.
    pub login: Login,
    #[expect(dead_code, reason = "it is there to be ended before its directory goes")]
    daemon: Daemon,
    #[expect(dead_code, reason = "it is there to be held")]
    root: tempfile::TempDir,
}

impl Strict {
    /// A server with an empty bucket; none after having said aloud that this cannot be tested here.
    ///
    /// # Panics
    /// When it cannot be started, or is missing where everything must be there (`CI` is set).
    pub fn required() -> Option<Self> {
        let program = find("signatures of S3", "s3s-fs", "REDCEDAR_S3S_FS")?;
        let root = tempfile::tempdir().expect("there is room");
        let directory = root.path().join("buckets");
        fs_err::create_dir_all(directory.join(BUCKET)).expect("a bucket is a directory");
        let port = free_port();
        let login = Login::new(port, "strict", "a secret that+is/long enough");
        let mut command = program::command(program);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--access-key", &login.id, "--secret-key", &login.secret]).arg(directory);
        let daemon = Daemon::start(&mut command, &root.path().join("log"));
        wait_until("starting s3s-fs", || connect(port).is_some());
        Some(Self { login, daemon, root })
    }
}

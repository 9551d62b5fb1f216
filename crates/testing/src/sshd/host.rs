//! One `sshd`: we listen, and start one for each connection, as `inetd` does. So no port can be lost to somebody else, the
//! process of each session is known, and nothing listens any longer when the test is gone.

use super::{SFTP_SERVER, filter, publish};
use crate::program;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A host that answers until the value is dropped.
#[derive(Debug)]
pub struct Host {
    dir: PathBuf,
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What the thread that accepts connections and its owner know.
#[derive(Debug, Default)]
struct Shared {
    ending: AtomicBool,
    connections: AtomicUsize,
    sessions: Mutex<Vec<Child>>,
}

impl Host {
    /// Starts it with what is in `dir`: `host_key` and `authorized_keys`.
    pub(super) fn start(sshd: &Path, dir: &Path) -> io::Result<Self> {
        // A bash that is not the first shell, as SHLVL makes it believe, leaves the user's start-up files alone.
        let config = format!(
            "HostKey {0}/host_key\n\
             AuthorizedKeysFile {0}/authorized_keys\n\
             PidFile none\n\
             StrictModes no\n\
             UsePAM no\n\
             UseDNS no\n\
             PermitRootLogin prohibit-password\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             PermitUserRC no\n\
             PrintLastLog no\n\
             PrintMotd no\n\
             SetEnv SHLVL=1\n\
             LogLevel VERBOSE\n\
             Subsystem sftp {SFTP_SERVER}\n",
            dir.display()
        );
        publish(&dir.join("sshd_config"), &config)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = {
            let (sshd, dir, shared) = (sshd.to_path_buf(), dir.to_path_buf(), shared.clone());
            std::thread::spawn(move || shared.accept(&listener, &sshd, &dir))
        };
        Ok(Self { dir: dir.to_path_buf(), address, shared, accepting: Some(accepting) })
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets one line be all that is in `authorized_keys`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn authorize(&self, line: &str) {
        publish(&self.dir.join("authorized_keys"), &format!("{line}\n")).expect("a key is accepted");
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// What it was asked to run, in order, if that is written down; nothing for a session without a command.
    ///
    /// # Panics
    /// When that cannot be read.
    pub fn asked(&self) -> Vec<String> {
        match fs_err::read_to_string(filter::log(&self.dir)) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether a session is under way.
    pub fn is_busy(&self) -> bool {
        !self.shared.sessions().is_empty()
    }

    /// Waits for the end of all sessions, but not long.
    pub fn becomes_idle(&self) -> bool {
        let started = Instant::now();
        while self.is_busy() && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        !self.is_busy()
    }

    /// Ends all sessions at once, as if the cable were cut: whoever is connected gets no more. New ones are accepted.
    pub fn cut(&self) {
        self.shared.signal(Signal::KILL);
    }

    /// Stops all sessions: connections stay open and are silent. They end with the host.
    pub fn freeze(&self) {
        self.shared.signal(Signal::STOP);
    }

    /// What sshd says, for messages of tests.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs_err::read(self.dir.join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        drop(TcpStream::connect(self.address));
        let ended = self.accepting.take().is_none_or(|accepting| accepting.join().is_ok());
        self.shared.signal(Signal::KILL);
        for mut session in self.shared.lock().drain(..) {
            // It was killed; if it cannot be waited for, it is not there.
            session.wait().ok();
        }
        assert!(ended || std::thread::panicking(), "{}", self.log());
    }
}

impl Shared {
    fn accept(&self, listener: &TcpListener, sshd: &Path, dir: &Path) {
        loop {
            let (connection, _) = listener.accept().expect("connections can be accepted");
            if self.ending.load(Ordering::SeqCst) {
                return;
            }
            self.connections.fetch_add(1, Ordering::SeqCst);
            let session = session(sshd, dir, connection).expect("sshd can be started");
            self.sessions().push(session);
        }
    }

    /// The sessions that have not ended.
    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<Child>> {
        let mut sessions = self.lock();
        sessions.retain_mut(|session| matches!(session.try_wait(), Ok(None)));
        sessions
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Child>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self, signal: Signal) {
        for session in self.sessions().iter() {
            let group = i32::try_from(session.id()).ok().and_then(Pid::from_raw);
            // It may have ended this moment.
            group.map(|group| kill_process_group(group, signal).ok());
        }
    }
}

/// Starts `sshd` for one connection, in a process group of its own.
fn session(sshd: &Path, dir: &Path, connection: TcpStream) -> io::Result<Child> {
    let log = fs_err::OpenOptions::new().create(true).append(true).open(dir.join("log"))?;
    let socket = OwnedFd::from(connection);
    program::command(sshd)
        .args(["-i", "-e", "-f"])
        .arg(dir.join("sshd_config"))
        .stdin(socket.try_clone()?)
        .stdout(socket)
        .stderr(log.into_file())
        .process_group(0)
        .spawn()
}

//! OpenPGP messages, decrypted by GnuPG on their way from a pipe into another: nothing in clear touches a disk.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;

use redcedar_system::Runner;
use redcedar_system::command::{Command, CommandError, Finished};

use super::locked::locked;
use super::{Form, Keys, Opened};

/// What the lines begin with that gpg writes for programs.
const STATUS: &str = "[GNUPG:] ";

/// Decrypts what is in `form`. Whether there is a key is known when this returns.
pub(super) fn decrypt(runner: Arc<dyn Runner>, form: &Form, keys: &Keys) -> io::Result<Opened> {
    let (input, feeder) = feed(form.open(keys)?)?;
    let (output, mut writer) = io::pipe()?;
    let child = std::thread::spawn(move || {
        // The open file, not its name: what has the name may be another by now.
        let command = Command::new("gpg")
            .args(["--batch", "--quiet", "--status-fd", "2", "--decrypt"])
            .input_from(format!("/proc/self/fd/{}", input.as_raw_fd()));
        let decrypted = runner.stream(&command, &mut writer);
        drop(input);
        // What could not be read is the cause, and what gpg says about it the consequence.
        join(feeder)?;
        judge(decrypted)
    });
    let mut decrypting = Decrypting { output: Some(output), child: Some(child) };
    let mut begin = vec![0; 4096];
    let read = decrypting.read(&mut begin)?;
    begin.truncate(read);
    Ok(Opened::Forward(Box::new(Cursor::new(begin).chain(decrypting))))
}

type Child = JoinHandle<io::Result<()>>;

/// A pipe that another thread fills.
fn feed(mut content: Opened) -> io::Result<(OwnedFd, Child)> {
    let (reader, mut writer) = io::pipe()?;
    let feeder = std::thread::spawn(move || match io::copy(&mut content, &mut writer) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        copied => copied.map(drop),
    });
    Ok((OwnedFd::from(File::from(OwnedFd::from(reader))), feeder))
}

fn join(thread: Child) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread that decrypts has panicked")))
}

fn judge(decrypted: Result<Finished, CommandError>) -> io::Result<()> {
    let finished = match decrypted {
        Ok(finished) => finished,
        // We have read as much as we wanted.
        Err(CommandError::Output { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(());
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    if finished.success() {
        return Ok(());
    }
    if finished.status == 256 {
        return Err(locked(format!(
            "it is encrypted, and gpg cannot be started: {}",
            finished.tail.join("; ")
        )));
    }
    let says = |word: &str| {
        let mut lines = finished.tail.iter().filter_map(|line| line.strip_prefix(STATUS));
        lines.any(|line| line.starts_with(word))
    };
    let said = finished.tail.iter().rfind(|line| !line.starts_with(STATUS)).map_or("", |line| line.trim());
    // How it is encrypted, gpg says once it has the key.
    if says("DECRYPTION_FAILED") && !says("DECRYPTION_INFO") {
        return Err(locked(format!("it is encrypted for a secret key that is not here ({said})")));
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("gpg cannot decrypt it: {said}")))
}

/// What gpg prints, and at its end whether all was well. Dropped before, gpg is ended.
struct Decrypting {
    output: Option<io::PipeReader>,
    child: Option<Child>,
}

impl Read for Decrypting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(output) = &mut self.output else { return Ok(0) };
        let read = output.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.output = None;
            self.child.take().map_or(Ok(()), join)?;
        }
        Ok(read)
    }
}

impl Drop for Decrypting {
    fn drop(&mut self) {
        self.output = None;
        if let Some(child) = self.child.take() {
            // It ends because nobody reads any more, and there is nobody left who wants to know how.
            let _ended = join(child);
        }
    }
}

//! OpenPGP messages, written by GnuPG and looked at by us.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;

use redcedar_archive::layers::openpgp::Walker;
use redcedar_archive::layers::{Cipher, Layer, outermost};
use redcedar_config::cedar::Options;
use redcedar_engine::extension::{ExtensionError, program};
use redcedar_system::command::{Command, CommandError, Finished};
use redcedar_system::{System, escape};
use sha2::{Digest, Sha256};

use super::{Seal, Sealer, Sink};
use crate::section::LONGEST;
use crate::staged::{File, TreatError};

/// What is compressed already is not compressed again, which costs more than encrypting it.
const COMPRESSED: [&str; 5] = [".gz", ".bz2", ".zst", ".xz", ".zip"];

/// Encrypts for keys that GnuPG has.
pub(super) struct Gpg {
    program: String,
    targets: Vec<String>,
    /// The keys that opened what was encrypted as a trial.
    recipients: Vec<u64>,
}

impl Gpg {
    /// Encrypts something small before anything is touched: that a key is there does not mean that it can be used.
    pub(super) fn new(
        targets: Vec<String>,
        options: &Options,
        system: &System,
    ) -> Result<Self, ExtensionError> {
        let mut gpg = Self { program: program("gpg", options), targets, recipients: Vec::new() };
        let mut walker = Walker::default();
        let finished = system.runner.stream(&gpg.command(false), &mut walker).map_err(command_error)?;
        if !finished.success() {
            return Err(ExtensionError::Failed(gpg.unusable(&finished)));
        }
        let message = walker
            .finish()
            .map_err(|error| ExtensionError::Failed(format!("gpg encrypted nothing usable: {error}")))?;
        gpg.recipients = message.recipients;
        gpg.warn_of_ambiguity(system).map_err(command_error)?;
        Ok(gpg)
    }

    fn command(&self, is_compressed: bool) -> Command {
        let mut command = Command::new(self.program.clone())
            .args(["--batch", "--yes", "--no-armor", "-e"])
            .time_limit(Some(LONGEST));
        if is_compressed {
            command = command.args(["-z", "0"]);
        }
        self.targets.iter().fold(command, |command, target| command.arg("-r").arg(target))
    }

    fn unusable(&self, finished: &Finished) -> String {
        let mut text = format!("gpg cannot encrypt for [{}]: {}", self.targets.join(", "), reason(finished));
        if finished
            .tail
            .iter()
            .any(|line| line.contains("no assurance") || line.contains("Unusable public key"))
        {
            text.push_str(
                "; if the key is the right one, sign it locally, or trust it: echo FINGERPRINT:6: | gpg --import-ownertrust",
            );
        }
        text
    }

    /// Of several keys that a name fits, gpg takes the first.
    fn warn_of_ambiguity(&self, system: &System) -> Result<(), CommandError> {
        for target in &self.targets {
            let mut list = Vec::new();
            let command = Command::new(self.program.clone())
                .args(["--batch", "--with-colons", "-k"])
                .arg(target)
                .time_limit(Some(LONGEST));
            system.runner.stream(&command, &mut list)?;
            let keys = list.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"pub:")).count();
            if keys > 1 {
                system.monitor.warning(format!(
                    "{keys} keys fit [{}], and gpg takes the first that can be used; configure a fingerprint.",
                    escape::display(target)
                ));
            }
        }
        Ok(())
    }
}

impl Sealer for Gpg {
    const CIPHER: Cipher = Cipher::Gpg;

    fn seal(
        &self,
        file: &File<'_>,
        mut source: std::fs::File,
        sink: &mut Sink<'_>,
    ) -> Result<[u8; 32], TreatError> {
        let mut hash = Sha256::new();
        file.read(&mut source, |piece| {
            hash.update(piece);
            Ok(())
        })?;
        let is_compressed = is_compressed(file);
        // The open file, not its name: what has the name may be another by now.
        let command = self.command(is_compressed).input_from(format!("/proc/self/fd/{}", source.as_raw_fd()));
        let mut sink = Watched { sink, walker: Walker::default() };
        let finished = match file.system.runner.stream(&command, &mut sink) {
            Ok(finished) => finished,
            Err(CommandError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(CommandError::Output { source, .. }) => return Err(source.into()),
            Err(error) => return Err(TreatError::Refused(error.to_string())),
        };
        if !finished.success() {
            return Err(TreatError::Refused(format!("gpg failed: {}", reason(&finished))));
        }
        let message = sink
            .walker
            .finish()
            .map_err(|error| TreatError::Refused(format!("what gpg made is no complete message: {error}")))?;
        if message.recipients != self.recipients {
            return Err(TreatError::Refused("what gpg made is for other keys than its trial".to_owned()));
        }
        if is_compressed && message.payload < file.size() {
            return Err(TreatError::Refused("what gpg made is too short".to_owned()));
        }
        Ok(hash.finalize().into())
    }

    fn inspect(&self, sealed: &mut dyn Read) -> io::Result<Seal> {
        let mut walker = Walker::default();
        io::copy(sealed, &mut walker)?;
        Ok(match walker.finish() {
            Ok(message) if message.recipients == self.recipients || message.recipients.contains(&0) => {
                Seal::Ours
            }
            Ok(_) => Seal::Foreign,
            Err(_) => Seal::Broken,
        })
    }
}

/// Where a message goes, looked at on the way.
struct Watched<'s, 'p> {
    sink: &'s mut Sink<'p>,
    walker: Walker,
}

impl Write for Watched<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.walker.write_all(bytes)?;
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// By its name: parts and encrypted files do not shrink either.
fn is_compressed(file: &File<'_>) -> bool {
    let is_packed = |name: &str| COMPRESSED.iter().any(|suffix| name.ends_with(suffix));
    match outermost(file.name) {
        Some((_, Layer::Sealed(_))) => true,
        Some((whole, Layer::Part(_))) => is_packed(&whole.to_string_lossy()),
        None => is_packed(&file.name.to_string_lossy()),
    }
}

/// The last that gpg said.
fn reason(finished: &Finished) -> String {
    let said: Vec<_> = finished.tail.iter().rev().take(2).rev().map(|line| line.trim()).collect();
    if said.is_empty() { format!("exit status {}", finished.status) } else { said.join("; ") }
}

fn command_error(error: CommandError) -> ExtensionError {
    match error {
        CommandError::Interrupted(interrupted) => ExtensionError::Interrupted(interrupted),
        error => ExtensionError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_config::{Config, Source};
    use redcedar_system::fake::{self, ScriptedRunner};
    use std::sync::Arc;

    fn options() -> Options {
        let text = "<cb_config><options><starting_day>monday</starting_day><working_dir>/w</working_dir>\
                    <backup_user>u</backup_user><backup_group>g</backup_group><rcp_command>scp</rcp_command>\
                    <override><command>gpg</command><abs_path>/opt/gpg</abs_path></override></options><purge/></cb_config>";
        Config::parse(Source::new("c", text)).unwrap().config.options
    }

    #[test]
    fn gpg_is_asked_as_by_the_original_but_first_to_encrypt_nothing() {
        let (mut system, _) = fake::system("2026-11-24T02:00:00");
        let failed = Finished {
            status: 2,
            tail: vec!["gpg: x: skipped: Unusable public key".into(), "gpg: encryption failed".into()],
        };
        let runner = Arc::new(ScriptedRunner::new([failed]));
        system.runner = runner.clone();
        let refused =
            Gpg::new(vec!["A B".into(), "C".into()], &options(), &system).err().unwrap().to_string();
        let words = "['/opt/gpg', '--batch', '--yes', '--no-armor', '-e', '-r', 'A B', '-r', 'C']";
        let commands: Vec<_> = runner.commands().iter().map(ToString::to_string).collect();
        assert_eq!(commands, [words]);
        assert!(refused.contains("Unusable public key; gpg: encryption failed"), "{refused}");
        assert!(refused.contains("--import-ownertrust"), "{refused}");
    }

    #[test]
    fn a_gpg_that_ends_well_and_says_nothing_is_not_believed() {
        let (mut system, _) = fake::system("2026-11-24T02:00:00");
        system.runner = Arc::new(ScriptedRunner::default());
        let refused = Gpg::new(vec!["A".into()], &options(), &system).err().unwrap().to_string();
        assert!(refused.contains("nothing usable: it ends in the middle"), "{refused}");
    }
}

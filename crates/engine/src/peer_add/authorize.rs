//! What the peer lets our key do: a line of `authorized_keys`, and bringing it there.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use redcedar_system::command::{self, Command, CommandError};
use redcedar_system::fs::Scratch;
use redcedar_system::{System, escape, quote};

use super::AddError;
use crate::ssh::said;

/// Time for a person to type a password.
const LIMIT: Duration = Duration::from_mins(5);

/// Run there by whatever login shell there is; it has no single quotes for that reason. It reads our key and the line, changes
/// nothing but `authorized_keys`, and that only by adding the line.
const ADD_LINE: &str = r#"sh -c 'umask 077
mkdir -p .ssh && cd .ssh && touch authorized_keys || exit 1
IFS= read -r key && IFS= read -r line || exit 1
if grep -qxF -e "$line" authorized_keys; then echo redcedar-there; exit 0; fi
if grep -qF -e "$key" authorized_keys; then echo redcedar-otherwise; exit 0; fi
if [ -n "$(tail -c 1 authorized_keys)" ]; then echo >>authorized_keys || exit 1; fi
printf "%s\n" "$line" >>authorized_keys && echo redcedar-added'"#;

/// What our key may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forced {
    /// Where this program is on the peer.
    pub program: PathBuf,
    /// What may be fetched.
    pub collect_dir: PathBuf,
    /// Actions that may be run.
    pub actions: Vec<String>,
    /// The program by which they are run.
    pub cback_command: String,
}

/// What has to be in `authorized_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// The whole line.
    pub line: String,
    /// Kind and content of the key.
    key: String,
}

impl Authorized {
    /// The line for a public key.
    pub(super) fn new(forced: &Forced, public: &str) -> Result<Self, AddError> {
        let words =
            [OsStr::new("validate-command"), "--collect-dir".as_ref(), forced.collect_dir.as_os_str()];
        let mut words = [&[forced.program.as_os_str()], &words[..]].concat();
        let actions = forced.actions.join(",");
        if !actions.is_empty() {
            let program: &OsStr = forced.cback_command.as_ref();
            words.extend(["--allow".as_ref(), actions.as_ref(), "--cback-command".as_ref(), program]);
        }
        let command = words.into_iter().map(word).collect::<Result<Vec<_>, _>>()?.join(" ");
        let key: Vec<_> = public.split(' ').take(2).collect();
        Ok(Self {
            line: format!("restrict,command=\"{}\" {public}", command.replace('"', "\\\"")),
            key: key.join(" "),
        })
    }
}

/// A word for whatever login shell there is. A line of `authorized_keys` has no way to write control characters.
fn word(word: &OsStr) -> Result<String, AddError> {
    match word.to_str() {
        Some(text) if !text.contains(char::is_control) => Ok(quote::word(word)),
        _ => Err(AddError::Unwritable(escape::display(word).to_string())),
    }
}

/// By which login the line is brought there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The words of `ssh`, as they are configured for the person who runs us.
    pub ssh: String,
    /// `user@host`.
    pub address: String,
}

/// What became of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It was there.
    There,
    /// It was added.
    Added,
    /// The key is there with other restrictions, or without any. That line counts, so ours was not added.
    Otherwise,
}

/// Adds the line to the user's `authorized_keys` on the peer, by a login that works already. `ssh` may ask for a password.
///
/// # Errors
/// When there is no such login, or it cannot be done there.
pub fn install(authorized: &Authorized, login: &Login, system: &System) -> Result<Installed, AddError> {
    let scratch = Scratch::new(None)?;
    let input = format!("{}\n{}\n", authorized.key, authorized.line);
    let input = scratch.file("key", input.as_bytes())?;
    let mut words = command::split(&login.ssh).into_iter();
    let program = words.next().unwrap_or_default();
    let ssh = Command::new(program).args(words).arg(&login.address).arg(ADD_LINE);
    let ssh = ssh.input_from(input).time_limit(Some(LIMIT)).may_ask();
    let finished = match system.runner.run(&ssh) {
        Ok(finished) => finished,
        Err(CommandError::Interrupted(interrupted)) => return Err(interrupted.into()),
        Err(error) => return Err(AddError::Install(error.to_string())),
    };
    let says = |word: &str| finished.tail.iter().any(|line| line.trim_end() == word);
    match finished.success() {
        true if says("redcedar-added") => Ok(Installed::Added),
        true if says("redcedar-there") => Ok(Installed::There),
        true if says("redcedar-otherwise") => Ok(Installed::Otherwise),
        _ => Err(AddError::Install(said(&finished))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redcedar_testing::program;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn forced(collect_dir: &str, actions: &[&str]) -> Forced {
        Forced {
            program: "/usr/local/sbin/redcedar".into(),
            collect_dir: collect_dir.into(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            cback_command: "sudo /usr/bin/cback3".to_owned(),
        }
    }

    #[test]
    fn the_line_restricts_the_key_to_what_is_allowed() {
        let line = |forced: &Forced| Authorized::new(forced, "ssh-ed25519 AAAA backup@master").unwrap().line;
        assert_eq!(
            line(&forced("/c", &[])),
            "restrict,command=\"/usr/local/sbin/redcedar validate-command --collect-dir /c\" ssh-ed25519 AAAA backup@master"
        );
        assert_eq!(
            line(&forced("/my \"c\"", &["collect", "purge"])),
            "restrict,command=\"/usr/local/sbin/redcedar validate-command --collect-dir '/my \\\"c\\\"' \
             --allow collect,purge --cback-command 'sudo /usr/bin/cback3'\" ssh-ed25519 AAAA backup@master"
        );
        let broken = Authorized::new(&forced("/c\nssh-rsa", &[]), "ssh-ed25519 AAAA");
        assert!(matches!(broken, Err(AddError::Unwritable(_))));
    }

    #[test]
    fn the_far_side_adds_the_line_once_and_touches_no_other() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".ssh/authorized_keys");
        let add = |line: &str| {
            let input = home.path().join("input");
            fs_err::write(&input, format!("ssh-ed25519 AAAA\n{line}\n")).unwrap();
            let input = fs_err::File::open(&input).unwrap().into_file();
            let mut shell = program::command("sh");
            let output = program::succeed(shell.args(["-c", ADD_LINE]).current_dir(home.path()).stdin(input));
            String::from_utf8(output).unwrap()
        };
        let line = r#"restrict,command="x \n $(y) 'z'" ssh-ed25519 AAAA me"#;
        assert_eq!(add(line), "redcedar-added\n");
        assert_eq!(add(line), "redcedar-there\n");
        assert_eq!(add("restrict ssh-ed25519 AAAA me"), "redcedar-otherwise\n");
        assert_eq!(fs_err::read_to_string(&file).unwrap(), format!("{line}\n"));
        fs_err::write(&file, "ssh-rsa BBBB without-newline").unwrap();
        assert_eq!(add(line), "redcedar-added\n");
        assert_eq!(fs_err::read_to_string(&file).unwrap(), format!("ssh-rsa BBBB without-newline\n{line}\n"));
        let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(file.parent().unwrap()), mode(&file)), (0o700, 0o600));
    }
}

//! How this machine talks to a remote peer: the exact command lines, as values.
//!
//! The far side sees nothing but what the original asks for (`cedar-pool.md` §5 and §10): keys that are restricted to a list of
//! requests go on working. On this side there is no shell: root becomes the backup user by itself, so that user needs no
//! login shell. Only a configured substitute for `su` still gets the one string that the original gives it.

mod identity;
mod quoting;
mod shared;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use redcedar_config::Located;
use redcedar_config::cedar::{Options, RemotePeer};
use redcedar_system::account::Account;
use redcedar_system::command::{self, Command};

pub use identity::Identity;

use crate::extension::overridden;
use crate::indicator;
use quoting::{Quotes, escaped, quoted};
use shared::Shared;

/// Run when no remote shell is configured.
const DEFAULT_SHELL: &str = "/usr/bin/ssh";
/// The program on the far side when none is configured.
pub const DEFAULT_PROGRAM: &str = "/usr/bin/cback3";

/// Given to OpenSSH's programs behind the configured words, which win: nothing is asked, and a dead peer is noticed.
const OPENSSH_OPTIONS: [&str; 4] =
    ["BatchMode=yes", "ConnectTimeout=30", "ServerAliveInterval=30", "ServerAliveCountMax=4"];

/// A remote peer, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Who is logged in as there, and where: `user@host`.
    address: String,
    copy: Line,
    shell: Line,
    program: String,
    identity: Identity,
    /// The connection through which files are copied, if they share one.
    shared: Option<Shared>,
}

impl Remote {
    /// What the configuration says of a peer.
    pub fn new(peer: &RemotePeer, options: &Options, identity: &Identity) -> Self {
        let general = |general: &Option<Located<String>>, default: &str| {
            general.as_ref().map_or_else(|| default.to_owned(), |general| general.value.clone())
        };
        let own = |own: &Option<Located<String>>, general: String| {
            own.as_ref().map_or(general, |own| own.value.clone())
        };
        let login = own(&peer.backup_user, options.backup_user.value.clone());
        let copy = own(&peer.rcp_command, options.rcp_command.value.clone());
        let shell = own(&peer.rsh_command, general(&options.rsh_command, DEFAULT_SHELL));
        Self {
            address: format!("{login}@{}", *peer.name),
            copy: Line::new(copy, identity, options),
            shell: Line::new(shell, identity, options),
            program: own(&peer.cback_command, general(&options.cback_command, DEFAULT_PROGRAM)),
            identity: identity.clone(),
            shared: None,
        }
    }

    /// The same with one connection for all copies, at `socket`, where only who talks to peers may look. Whoever has no
    /// OpenSSH, or a `su` that takes the exact words of the original, connects each time.
    #[must_use]
    pub fn sharing(&self, socket: &Path) -> Self {
        let is_able = is_openssh(self.copy.program()) && !matches!(self.identity, Identity::Su { .. });
        Self { shared: Shared::at(socket).filter(|_| is_able), ..self.clone() }
    }

    /// Closes the connection that copies share.
    pub fn hang_up(&self) -> Option<Command> {
        let shared = self.shared.as_ref()?;
        let ssh = self.identity.command(&[DEFAULT_SHELL]).args(["-O", "exit", "-o"]);
        Some(ssh.arg(shared.path()).arg(&self.address))
    }

    /// `user@host`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The words of the copy command.
    pub fn copy_words(&self) -> &[String] {
        &self.copy.words
    }

    /// The program on the far side, as a shell there gets it.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Copies the collect indicator of the peer to `target`.
    pub fn fetch_indicator(&self, collect_dir: &Path, target: &Path) -> Command {
        let source = self.at(&escaped(collect_dir), format!("/{}", indicator::COLLECT));
        self.copy_command(&[source, target.as_os_str().to_owned()], Quotes::AsNeeded)
    }

    /// Copies every file of the collect directory that is not hidden into the directory `target`.
    pub fn fetch_files(&self, collect_dir: &Path, target: &Path) -> Command {
        let source = self.at(&escaped(collect_dir), "/*");
        self.copy_command(&[source, target.as_os_str().to_owned()], Quotes::AsNeeded)
    }

    /// Copies `source` to the peer as its stage indicator. Several commands when it depends on the protocol of the copy
    /// command how a path must be written: the first that works is right.
    pub fn push_indicator(&self, source: &Path, collect_dir: &Path) -> Vec<Command> {
        let (plain, escaped) = (collect_dir.as_os_str().as_bytes().to_vec(), escaped(collect_dir));
        // The old protocol has a shell on the far side, SFTP has none.
        let legacy = self.copy.words.iter().any(|word| word == "-O");
        let mut spellings = if legacy { [escaped, plain] } else { [plain, escaped] }.to_vec();
        spellings.dedup();
        let target = |spelling: &Vec<u8>| self.at(spelling, format!("/{}", indicator::STAGE));
        let words = |spelling| [source.as_os_str().to_owned(), target(spelling)];
        spellings.iter().map(|spelling| self.copy_command(&words(spelling), Quotes::Always)).collect()
    }

    /// Runs an action on the peer.
    pub fn run_action(&self, action: &str, full: bool) -> Command {
        self.run(&self.action_line(action, full))
    }

    /// The same on one line, as the original's log shows it.
    pub fn action_text(&self, action: &str, full: bool) -> String {
        let line = format!("{} {} '{}'", self.shell.text, self.address, self.action_line(action, full));
        match &self.identity {
            Identity::Ourselves => line,
            Identity::Account(Account { name: user, .. }) | Identity::Su { user, .. } => {
                format!("su -c {user} \"{line}\"")
            }
        }
    }

    fn action_line(&self, action: &str, full: bool) -> String {
        let full = if full { "--full " } else { "" };
        format!("{} {full}{action}", self.program)
    }

    /// Runs a command line on the peer, where a shell takes it apart.
    pub fn run(&self, line: &str) -> Command {
        if let Identity::Su { .. } = self.identity {
            let line = line.replace('\'', r"'\''");
            return self.su(format!("{} {} '{line}'", self.shell.text, self.address).into());
        }
        self.direct(&self.shell).arg(&self.address).arg(line)
    }

    /// Where something is on the peer, in the words of `scp`.
    fn at(&self, directory: &[u8], name: impl AsRef<str>) -> OsString {
        let mut text = format!("{}:", self.address).into_bytes();
        text.extend_from_slice(directory);
        text.extend_from_slice(name.as_ref().as_bytes());
        OsString::from_vec(text)
    }

    fn copy_command(&self, paths: &[OsString; 2], quotes: Quotes) -> Command {
        if let Identity::Su { .. } = self.identity {
            let mut line = OsString::from(&self.copy.text);
            for path in paths {
                line.push(" ");
                line.push(quoted(path, quotes));
            }
            return self.su(line);
        }
        let options = self.shared.iter().flat_map(Shared::options);
        options.fold(self.direct(&self.copy), |command, option| command.arg("-o").arg(option)).args(paths)
    }

    /// The program of a configured command line, run by whoever talks to peers.
    fn direct(&self, line: &Line) -> Command {
        let command = self.identity.command(&line.words);
        if is_openssh(line.program()) {
            return command.args(openssh_options());
        }
        command
    }

    fn su(&self, line: OsString) -> Command {
        let Identity::Su { program, user } = &self.identity else { return Command::new("") };
        Command::new(program).arg(user).arg("-c").arg(line)
    }
}

/// A configured command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: String,
    /// Its words. Where the original would start the program itself, an override of the first one counts.
    words: Vec<String>,
}

impl Line {
    fn new(text: String, identity: &Identity, options: &Options) -> Self {
        let mut words = command::split(&text);
        if let (Identity::Ourselves, Some(first)) = (identity, words.first_mut())
            && let Some(program) = overridden(first, options)
        {
            *first = program;
        }
        Self { text, words }
    }

    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

/// What OpenSSH's programs are told besides what the configuration says, which comes first and wins.
pub(crate) fn openssh_options() -> impl Iterator<Item = &'static str> {
    OPENSSH_OPTIONS.into_iter().flat_map(|option| ["-o", option])
}

fn is_openssh(program: &str) -> bool {
    let name = Path::new(program).file_name();
    name == Some(OsStr::new("scp")) || name == Some(OsStr::new("ssh"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use redcedar_config::cedar::Override;

    fn remote(identity: &Identity, rcp: &str) -> Remote {
        let mut options = sample::config(Path::new("/pool")).options;
        options.backup_user.value = "backup".to_owned();
        options.rcp_command.value = rcp.to_owned();
        options.rsh_command = Some("/usr/bin/ssh".to_owned().into());
        options.cback_command = Some("/usr/bin/cback3".to_owned().into());
        Remote::new(&sample::managed_peer("h1", None), &options, identity)
    }

    fn su() -> Identity {
        Identity::Su { program: "/bin/su".to_owned(), user: "backup".to_owned() }
    }

    fn words(command: &Command) -> Vec<String> {
        command.words().map(|word| word.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_substitute_for_su_gets_the_strings_of_the_original() {
        let remote = remote(&su(), "/usr/bin/scp -B");
        let (dir, local) = (Path::new("/var/c"), Path::new("/w/t"));
        let pushed = remote.push_indicator(Path::new("/w/cback.stage"), dir);
        assert_eq!(pushed.len(), 1);
        let rows = [
            (remote.fetch_indicator(dir, local), "/usr/bin/scp -B backup@h1:/var/c/cback.collect /w/t"),
            (remote.fetch_files(dir, local), "/usr/bin/scp -B backup@h1:/var/c/* /w/t"),
            (pushed[0].clone(), r#"/usr/bin/scp -B "/w/cback.stage" "backup@h1:/var/c/cback.stage""#),
            (remote.run_action("collect", false), "/usr/bin/ssh backup@h1 '/usr/bin/cback3 collect'"),
            (remote.run_action("purge", true), "/usr/bin/ssh backup@h1 '/usr/bin/cback3 --full purge'"),
        ];
        let text = r#"su -c backup "/usr/bin/ssh backup@h1 '/usr/bin/cback3 --full purge'""#;
        assert_eq!(remote.action_text("purge", true), text);
        for (command, line) in rows {
            assert_eq!(words(&command), ["/bin/su", "backup", "-c", line]);
            assert_eq!(command.account, None);
        }
    }

    #[test]
    fn without_su_words_are_passed_as_they_are_and_openssh_never_asks() {
        let account = Account {
            name: "backup".to_owned(),
            owner: redcedar_system::Owner { uid: 34, gid: 34 },
            groups: vec![34],
            home: "/var/backups".into(),
        };
        let command = remote(&Identity::Account(account.clone()), r#"/usr/bin/scp -O -i "my key""#)
            .fetch_files(Path::new("/var/c"), Path::new("/w/t"));
        let expected = "/usr/bin/scp -O -i|my key|-o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=30 -o ServerAliveCountMax=4 backup@h1:/var/c/* /w/t";
        let expected: Vec<_> = expected
            .split('|')
            .flat_map(|part| if part == "my key" { vec![part] } else { part.split(' ').collect() })
            .collect();
        assert_eq!(words(&command), expected);
        assert_eq!(command.account, Some(account));
        let command = remote(&Identity::Ourselves, "rcp").run_action("collect", true);
        assert_eq!(words(&command).last().unwrap(), "/usr/bin/cback3 --full collect");
        let command =
            remote(&Identity::Ourselves, "rcp -x").fetch_indicator(Path::new("/c"), Path::new("/t"));
        assert_eq!(words(&command), ["rcp", "-x", "backup@h1:/c/cback.collect", "/t"]);
    }

    #[test]
    fn copies_share_a_connection_where_openssh_makes_it() {
        let (socket, dir, target) = (Path::new("/room/connection"), Path::new("/c"), Path::new("/t"));
        let sharing = remote(&Identity::Ourselves, "/usr/bin/scp -O").sharing(socket);
        let copy = words(&sharing.fetch_files(dir, target)).join(" ");
        let options = "-o ControlMaster=auto -o ControlPath=/room/connection -o ControlPersist=10";
        assert!(copy.ends_with(&format!("{options} backup@h1:/c/* /t")), "{copy}");
        let hang_up = sharing.hang_up().unwrap();
        assert_eq!(
            words(&hang_up).join(" "),
            "/usr/bin/ssh -O exit -o ControlPath=/room/connection backup@h1"
        );
        for (identity, rcp) in [(su(), "/usr/bin/scp"), (Identity::Ourselves, "/usr/bin/rcp")] {
            let alone = remote(&identity, rcp);
            assert_eq!(alone.sharing(socket), alone);
            assert_eq!(alone.hang_up(), None);
        }
    }

    #[test]
    fn paths_with_blanks_are_written_for_the_protocol_of_the_copy_command() {
        let dir = Path::new("/my data/c");
        let source = |command: &Command| words(command).iter().rev().nth(1).unwrap().clone();
        for rcp in ["scp", "scp -O"] {
            let command = remote(&Identity::Ourselves, rcp).fetch_files(dir, Path::new("/t"));
            assert_eq!(source(&command), r"backup@h1:/my\ data/c/*");
        }
        let targets = |rcp| -> Vec<String> {
            let commands = remote(&Identity::Ourselves, rcp).push_indicator(Path::new("/s"), dir);
            commands.iter().map(|command| words(command).pop().unwrap()).collect()
        };
        let (plain, escaped) = ("backup@h1:/my data/c/cback.stage", r"backup@h1:/my\ data/c/cback.stage");
        assert_eq!(targets("scp"), [plain, escaped]);
        assert_eq!(targets("scp -O"), [escaped, plain]);
        let command = remote(&su(), "scp").fetch_files(dir, Path::new("/it's here"));
        assert_eq!(words(&command)[3], r"scp 'backup@h1:/my\ data/c/*' '/it'\''s here'");
    }

    #[test]
    fn programs_of_this_machine_reach_a_substitute_for_su_in_one_string() {
        let line = ["ssh-keygen", "-N", "", "-C", "it's *"];
        assert_eq!(words(&su().command(&line))[3], r"ssh-keygen -N '' -C 'it'\''s *'");
        assert_eq!(words(&Identity::Ourselves.command(&line)), line);
    }

    #[test]
    fn overrides_hold_for_what_is_run_directly() {
        let mut options = sample::config(Path::new("/pool")).options;
        options.rcp_command.value = "scp -B".to_owned();
        let entry = |command: &str, path: &str| Override {
            command: Some(command.to_owned().into()),
            abs_path: Some(Path::new(path).to_owned().into()),
        };
        options.overrides = vec![entry("scp", "/opt/my scp"), entry("su", "/first"), entry("su", "/last")];
        let remote = Remote::new(&sample::managed_peer("h1", None), &options, &Identity::Ourselves);
        let command = remote.fetch_files(Path::new("/c"), Path::new("/t"));
        assert_eq!(words(&command)[..2], ["/opt/my scp", "-B"]);
        assert_eq!(overridden("su", &options), Some("/last".to_owned()));
    }
}

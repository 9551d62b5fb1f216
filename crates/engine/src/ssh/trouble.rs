//! What went wrong, told from the messages of OpenSSH's programs. They carry no codes, so their words have to do; the texts in
//! the tests are those of the real programs.

/// How far a connection came. Each needs the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reached {
    /// The name of the host was to be found out.
    Name,
    /// Something was to answer at the port.
    Port,
    /// The host was to prove that it is the right one.
    HostKey,
    /// The user was to be let in.
    Login,
}

/// Why `ssh` did not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Its options or its configuration are wrong.
    Settings,
    /// Nobody knows the name of the host.
    Name,
    /// Nothing listens at the port.
    Closed,
    /// The host does not answer.
    Silent,
    /// Something answers that is not, or not for us, an SSH server.
    NoServer,
    /// The two have no method in common.
    NothingInCommon,
    /// The key of the host is not known.
    HostUnknown,
    /// The host has another key than the known one, or one that was revoked.
    HostChanged,
    /// Others can read the private key, so `ssh` does not use it.
    KeyOpen,
    /// The host does not let the user in with the keys there are.
    Denied,
    /// It got in, perhaps, and was thrown out.
    Dropped,
}

impl Trouble {
    /// Tells from what `ssh` printed, which ended with 255, its way to say that the fault is its own.
    pub(crate) fn tell(messages: &[String]) -> Self {
        let says = |parts: &[&str]| parts.iter().any(|part| messages.iter().any(|line| line.contains(part)));
        // In this order: an open key, say, is followed by a denial.
        if says(&["Bad configuration option", "Can't open user config file", "terminating, "])
            || says(&["Bad owner or permissions on", "unknown option", "illegal option", "Bad port"])
        {
            Self::Settings
        } else if says(&["Could not resolve hostname"]) {
            Self::Name
        } else if says(&["has changed and you have requested", "REVOKED HOST KEY", "revoked"]) {
            Self::HostChanged
        } else if says(&["Host key verification failed"]) {
            Self::HostUnknown
        } else if says(&["are too open", "bad permissions"]) {
            Self::KeyOpen
        } else if says(&[": Permission denied (", "Too many authentication failures", "No supported auth"]) {
            Self::Denied
        } else if says(&["Unable to negotiate"]) {
            Self::NothingInCommon
        } else if says(&["Connection refused"]) {
            Self::Closed
        } else if says(&["timed out", "No route to host", "Network is unreachable", "Host is down"]) {
            Self::Silent
        } else if says(&["kex_exchange_identification", "banner exchange", "ssh_exchange_identification"]) {
            Self::NoServer
        } else {
            Self::Dropped
        }
    }

    /// What was being tried.
    pub(crate) fn reached(self) -> Reached {
        match self {
            Self::Settings | Self::Name => Reached::Name,
            Self::Closed | Self::Silent | Self::NoServer | Self::NothingInCommon => Reached::Port,
            Self::HostUnknown | Self::HostChanged => Reached::HostKey,
            Self::KeyOpen | Self::Denied | Self::Dropped => Reached::Login,
        }
    }
}

/// Why a copy failed, once there was a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyTrouble {
    /// What was to be copied is not there. The far side has looked: everything else works.
    NoSuchFile,
    /// What was to be copied may not be read there.
    NotReadable,
    /// It cannot be stored here.
    NotStored,
    /// The program is not there on the far side.
    NoProgram,
    /// The server offers no SFTP.
    NoSftp,
    /// Something there prints a text where the programs want to talk to each other.
    Chatty,
    /// The far side ended the conversation: it has no SFTP server, or allows no such request.
    Closed,
    /// None of these: a refusal in the words of whoever wrote it.
    Other,
}

impl CopyTrouble {
    /// Tells from what `scp` printed.
    pub(crate) fn tell(messages: &[String]) -> Self {
        let lines = || messages.iter().map(|line| line.trim_end());
        let says = |part: &str| lines().any(|line| line.contains(part));
        let remote = |reason: &str| lines().filter_map(of_scp).any(|message| message.ends_with(reason));
        let is_local = |line: &str| match of_scp(line) {
            Some(message) => message.contains("open local"),
            None => line.starts_with('/') && line.contains(": "),
        };
        if says("scp: command not found") || says("scp: not found") || says("scp: No such file or directory")
        {
            Self::NoProgram
        } else if lines().any(is_local) {
            Self::NotStored
        } else if remote(": No such file or directory") {
            Self::NoSuchFile
        } else if remote(": Permission denied") {
            Self::NotReadable
        } else if says("subsystem request failed") {
            Self::NoSftp
        } else if says("Received message too long") || says("protocol error") {
            Self::Chatty
        } else if says("scp: Connection closed") {
            Self::Closed
        } else {
            Self::Other
        }
    }
}

/// What a line of `scp` says behind the name by which it was called.
fn of_scp(line: &str) -> Option<&str> {
    let (program, message) = line.split_once(": ")?;
    (program == "scp" || program.ends_with("/scp")).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|line| format!("{line}\r")).collect()
    }

    const CHANGED: &str = "\
        Add correct host key in /tmp/kh2 to get rid of this message.\n\
        Offending ED25519 key in /tmp/kh2:1\n\
        \x20 remove with:\n\
        \x20 ssh-keygen -f \"/tmp/kh2\" -R \"[127.0.0.1]:22922\"\n\
        Host key for [127.0.0.1]:22922 has changed and you have requested strict checking.\n\
        Host key verification failed.";
    const REVOKED: &str = "\
        @       WARNING: REVOKED HOST KEY DETECTED!               @\n\
        The ED25519 host key for [127.0.0.1]:22922 is marked as revoked.\n\
        Host key verification failed.";
    const OPEN: &str = "\
        Permissions 0644 for 'openkey' are too open.\n\
        It is required that your private key files are NOT accessible by others.\n\
        This private key will be ignored.\n\
        Load key \"openkey\": bad permissions\n\
        root@127.0.0.1: Permission denied (publickey,keyboard-interactive).";

    #[test]
    fn what_ssh_says_tells_how_far_it_came() {
        use Reached::{HostKey, Login, Name, Port};
        let rows = [
            (
                "ssh: Could not resolve hostname no-such-host.invalid: Name or service not known",
                Trouble::Name,
                Name,
            ),
            ("ssh: Could not resolve hostname h: Temporary failure in name resolution", Trouble::Name, Name),
            ("Can't open user config file nofile: No such file or directory", Trouble::Settings, Name),
            ("command-line: line 0: Bad configuration option: foo", Trouble::Settings, Name),
            ("Bad owner or permissions on /root/.ssh/config", Trouble::Settings, Name),
            ("ssh: connect to host 127.0.0.1 port 1: Connection refused", Trouble::Closed, Port),
            ("ssh: connect to host 10.0.0.9 port 22: No route to host", Trouble::Silent, Port),
            ("ssh: connect to host 10.0.0.9 port 22: Connection timed out", Trouble::Silent, Port),
            (
                "Connection timed out during banner exchange\nConnection to 127.0.0.1 port 22923 timed out",
                Trouble::Silent,
                Port,
            ),
            (
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 127.0.0.1 port 22924",
                Trouble::NoServer,
                Port,
            ),
            (
                "Unable to negotiate with 127.0.0.1 port 22922: no matching host key type found. Their offer: ssh-ed25519",
                Trouble::NothingInCommon,
                Port,
            ),
            ("Host key verification failed.", Trouble::HostUnknown, HostKey),
            (
                "No ED25519 host key is known for [127.0.0.1]:22922 and you have requested strict checking.\nHost key verification failed.",
                Trouble::HostUnknown,
                HostKey,
            ),
            (CHANGED, Trouble::HostChanged, HostKey),
            (REVOKED, Trouble::HostChanged, HostKey),
            (OPEN, Trouble::KeyOpen, Login),
            ("root@127.0.0.1: Permission denied (publickey,keyboard-interactive).", Trouble::Denied, Login),
            (
                "Warning: Identity file nokey not accessible: No such file or directory.\nroot@127.0.0.1: Permission denied (publickey).",
                Trouble::Denied,
                Login,
            ),
            (
                "Received disconnect from 127.0.0.1 port 22922:2: Too many authentication failures\nDisconnected from 127.0.0.1 port 22922",
                Trouble::Denied,
                Login,
            ),
            ("Connection to 127.0.0.1 closed by remote host.", Trouble::Dropped, Login),
            ("", Trouble::Dropped, Login),
        ];
        for (text, trouble, reached) in rows {
            assert_eq!(Trouble::tell(&lines(text)), trouble, "{text}");
            assert_eq!(trouble.reached(), reached, "{text}");
        }
    }

    #[test]
    fn what_scp_says_tells_whether_the_far_side_has_looked() {
        let rows = [
            ("scp: /c/cback.collect: No such file or directory", CopyTrouble::NoSuchFile),
            ("/usr/bin/scp: /c/cback.collect: No such file or directory", CopyTrouble::NoSuchFile),
            ("/usr/bin/scp: /c/cback.collect: Permission denied", CopyTrouble::NotReadable),
            ("/usr/bin/scp: open local \"/nodir/t\": No such file or directory", CopyTrouble::NotStored),
            ("/usr/bin/scp: Connection closed", CopyTrouble::Closed),
            ("scp: /c/*: No such file or directory", CopyTrouble::NoSuchFile),
            ("scp: /c/cback.collect: Permission denied", CopyTrouble::NotReadable),
            ("scp: open local \"/nodir/t\": No such file or directory", CopyTrouble::NotStored),
            ("/nodir/t: No such file or directory", CopyTrouble::NotStored),
            ("bash: line 1: scp: command not found", CopyTrouble::NoProgram),
            ("sh: 1: scp: not found", CopyTrouble::NoProgram),
            ("subsystem request failed on channel 0\nscp: Connection closed", CopyTrouble::NoSftp),
            (
                "scp: Received message too long 2003135587\nscp: Ensure the remote shell produces no output for non-interactive sessions.",
                CopyTrouble::Chatty,
            ),
            ("protocol error: mtime.sec not present", CopyTrouble::Chatty),
            ("scp: Connection closed", CopyTrouble::Closed),
            ("rejected [scp -f /c/cback.collect]", CopyTrouble::Other),
            ("", CopyTrouble::Other),
        ];
        for (text, trouble) in rows {
            assert_eq!(CopyTrouble::tell(&lines(text)), trouble, "{text}");
        }
    }
}

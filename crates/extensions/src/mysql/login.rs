//! User and password, handed over in a file that is in memory only.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_system::Environment;
use redcedar_system::command::{Command, MemoryFile};

use super::Settings;

/// A home in which there can be no file.
const NO_HOME: &str = "/dev/null";

/// The option file with user and password, if the configuration has any.
pub(super) struct Login(Option<MemoryFile>);

impl Login {
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let (user, password) = (settings.databases.user.as_deref(), settings.password.as_deref());
        if user.is_none() && password.is_none() {
            return Ok(Self(None));
        }
        let home = Environment::inherited().get("HOME").map(PathBuf::from);
        let own_file = home.map(|home| home.join(".my.cnf")).filter(|file| file.is_file());
        Ok(Self(Some(MemoryFile::new(&text(own_file.as_deref(), user, password))?)))
    }

    /// Lets a client log in with it. The options of the invoker's own file count less, as they do on the command line; since the
    /// clients read that file last, they get it as a part of ours, and a home where there is none.
    pub(super) fn apply(&self, command: Command) -> Command {
        let Some(file) = &self.0 else { return command };
        let mut argument = OsString::from("--defaults-extra-file=");
        argument.push(file.path());
        command.arg(argument).variable("HOME", NO_HOME).with_file(file.clone())
    }
}

fn text(own_file: Option<&Path>, user: Option<&str>, password: Option<&str>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(file) = own_file {
        text.extend([b"!include ", file.as_os_str().as_bytes(), b"\n"].concat());
    }
    for group in ["client", "mysqldump", "mariadb-dump"] {
        text.extend(format!("[{group}]\n").into_bytes());
        for (name, value) in [("user", user), ("password", password)] {
            text.extend(
                value.map(|value| format!("{name}=\"{}\"\n", escaped(value))).unwrap_or_default().bytes(),
            );
        }
    }
    text
}

/// A value between double quotes in an option file.
fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
        .replace('\r', r"\r")
        .replace('\t', r"\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_and_come_after_the_invokers_own() {
        let text = text(Some(Path::new("/root/.my.cnf")), Some("bk"), Some("a \"#\\\n'"));
        let expected =
            "!include /root/.my.cnf\n[client]\nuser=\"bk\"\npassword=\"a \\\"#\\\\\\n'\"\n[mysqldump]\n";
        assert!(text.starts_with(expected.as_bytes()), "{}", text.escape_ascii());
    }
}

//! Commands for `xorriso`: as its arguments, or in a file where they are more than the system lets a program be called with.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use redcedar_system::command::Command;
use tempfile::NamedTempFile;

/// So many bytes are arguments anywhere; the least that POSIX systems with pages of 4 KiB allow is the double.
const MOST: usize = 64 << 10;

/// Commands, each with its words.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<Vec<OsString>>);

impl Script {
    /// Adds a command.
    pub(super) fn say(&mut self, words: &[&OsStr]) {
        self.0.push(words.iter().map(OsString::from).collect());
    }

    /// The program called with these commands. The file that they may be in has to be there until it has ended.
    pub(super) fn of(self, command: Command) -> io::Result<(Command, Option<NamedTempFile>)> {
        if self.0.iter().flatten().map(|word| word.len() + 1).sum::<usize>() <= MOST {
            return Ok((command.args(self.0.into_iter().flatten()), None));
        }
        let mut file = NamedTempFile::new()?;
        file.write_all(&self.text())?;
        let command = command.args(["-backslash_codes", "in_double_quotes", "-options_from_file"]);
        Ok((command.arg(file.path()), Some(file)))
    }

    /// A command a line, its words in quotes, in which every byte can be written as a number.
    fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for words in &self.0 {
            for word in words {
                text.push(b'"');
                for byte in word.as_bytes() {
                    match byte {
                        b'"' | b'\\' => text.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
                        b' '..=b'~' => text.push(*byte),
                        _ => text.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
                    }
                }
                text.extend_from_slice(b"\" ");
            }
            text.push(b'\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_commands_are_arguments_and_many_are_in_a_file_with_any_name_in_quotes() {
        let mut script = Script::default();
        script.say(&["-map".as_ref(), "/a b".as_ref()]);
        let (command, file) = script.of(Command::new("xorriso")).unwrap();
        assert_eq!(command.arguments, ["-map", "/a b"]);
        assert!(file.is_none());
        let mut script = Script::default();
        for _ in 0..10_000 {
            script.say(&["-map".as_ref(), OsStr::from_bytes(b"/\"it's\\\n\xff")]);
        }
        let (command, file) = script.of(Command::new("xorriso")).unwrap();
        let file = file.unwrap();
        assert_eq!(command.arguments[3], file.path());
        let text = fs_err::read_to_string(file.path()).unwrap();
        assert_eq!(text.lines().next().unwrap(), "\"-map\" \"/\\042it's\\134\\012\\377\" ");
        assert_eq!(text.lines().count(), 10_000);
    }
}

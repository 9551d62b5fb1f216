//! From the words of `scp` to those of the `ssh` that it starts.

use std::ffi::OsStr;
use std::path::Path;

/// Options of `scp` that take an argument.
const WITH_ARGUMENT: &str = "DFJMPSXcilo";
/// Those that `ssh` understands in the same way, with their arguments or without one.
const SHARED: &str = "46CFJcio";

/// The `ssh` that a copy command starts, with the options that decide where and how it connects. None when the command is not
/// OpenSSH's `scp`.
pub(crate) fn beneath(copy: &[String]) -> Option<Vec<String>> {
    let (program, arguments) = copy.split_first()?;
    if Path::new(program).file_name() != Some(OsStr::new("scp")) {
        return None;
    }
    let mut ssh = vec![neighbour(program)];
    let mut arguments = arguments.iter();
    while let Some(word) = arguments.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty() && *letters != "-")
        else {
            break;
        };
        for (at, letter) in letters.char_indices() {
            if !WITH_ARGUMENT.contains(letter) {
                take(&mut ssh, letter, None);
                continue;
            }
            let attached = &letters[at + letter.len_utf8()..];
            let value = if attached.is_empty() { arguments.next()?.as_str() } else { attached };
            take(&mut ssh, letter, Some(value));
            break;
        }
    }
    Some(ssh)
}

/// `ssh` where `scp` is.
fn neighbour(scp: &str) -> String {
    let path = Path::new(scp).with_file_name("ssh");
    path.to_str().map_or_else(|| "ssh".to_owned(), str::to_owned)
}

fn take(ssh: &mut Vec<String>, letter: char, value: Option<&str>) {
    match (letter, value) {
        ('S', Some(program)) => program.clone_into(&mut ssh[0]),
        ('P', Some(port)) => ssh.extend(["-p".to_owned(), port.to_owned()]),
        (letter, value) if SHARED.contains(letter) => {
            ssh.push(format!("-{letter}"));
            ssh.extend(value.map(str::to_owned));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_is_the_one_that_scp_makes() {
        let rows = [
            ("/usr/bin/scp -B", Some("/usr/bin/ssh")),
            ("scp -O -B -q -C", Some("ssh -C")),
            ("scp -P 2222 -i /k -oPort=1", Some("ssh -p 2222 -i /k -o Port=1")),
            ("scp -BqP2222 -F /conf", Some("ssh -p 2222 -F /conf")),
            ("scp -l 800 -S /opt/ssh -J gate -4", Some("/opt/ssh -J gate -4")),
            ("scp -- -P 1", Some("ssh")),
            ("scp -P", None),
            ("rcp -B", None),
            ("", None),
        ];
        for (copy, expected) in rows {
            let copy: Vec<String> = copy.split_whitespace().map(str::to_owned).collect();
            assert_eq!(beneath(&copy).map(|words| words.join(" ")).as_deref(), expected, "{copy:?}");
        }
    }
}

//! Forced commands that write down what is asked for.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where requests are written down, one a line.
pub(super) fn log(dir: &Path) -> PathBuf {
    dir.join("asked")
}

/// A command that does whatever is asked for.
pub(super) fn recording(dir: &Path) -> String {
    script(dir, "*) exec sh -c \"$SSH_ORIGINAL_COMMAND\" ;;\n")
}

/// A command that does what is in a list, to the letter, and refuses everything else.
pub(super) fn listed(dir: &Path, requests: &[String]) -> String {
    let quoted: Vec<_> =
        requests.iter().map(|request| format!("'{}'", request.replace('\'', r"'\''"))).collect();
    let cases = format!(
        "{}) exec sh -c \"$SSH_ORIGINAL_COMMAND\" ;;\n\
         *) echo \"refused: $SSH_ORIGINAL_COMMAND\" >&2; exit 1 ;;\n",
        quoted.join("|")
    );
    script(dir, &cases)
}

/// Writes the script, and returns it as a command.
fn script(dir: &Path, cases: &str) -> String {
    let path = dir.join("filter");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$SSH_ORIGINAL_COMMAND\" >>'{}'\n\
         case \"$SSH_ORIGINAL_COMMAND\" in\n{cases}esac\n",
        log(dir).display()
    );
    fs_err::write(&path, text).expect("the filter can be written");
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o755))
        .expect("the filter can be made a program");
    path.display().to_string()
}

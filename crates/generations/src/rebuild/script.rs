//! The plan as a script for a POSIX shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use redcedar_system::{escape, quote};

use super::Plan;

/// What commands of all steps use.
const FUNCTIONS: &str = r#"
# In the system that is made anew.
there() {
    if [ "$root" = / ]; then "$@"; else chroot "$root" "$@"; fi
}

# From the snapshot.
bring_back() {
    if [ "$root" = / ]; then set -- --in-place "$@"; else set -- --to "$root" "$@"; fi
    "$redcedar" snapshot restore --from "$store" --generation "$generation" \
        --numeric-owner --overwrite always "$@"
}

# The same; single paths that do not come back are said and do not end it.
lay_over() {
    code=0
    bring_back "$@" || code=$?
    case $code in
        0) ;;
        7) status=7 ;;
        *) exit "$code" ;;
    esac
}

# Services of new packages are not started: their settings and data are not there yet.
policy=${root%/}/usr/sbin/policy-rc.d
hold_services() {
    if [ ! -e "$policy" ]; then
        held=yes
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
}
release_services() {
    if [ -n "$held" ]; then rm -f "$policy"; fi
    held=
}

step() {
    printf '\n== %s\n' "$1"
}

held=
status=0
work=$(mktemp -d)
trap 'release_services; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
"#;

impl Plan {
    /// The plan as a script. It is to run where the store is at `store`; what it is called by there, and what our program is, can
    /// be changed by the variables `STORE` and `REDCEDAR`.
    pub fn script(&self, store: &Path) -> String {
        let mut script = String::from("#!/bin/sh\n");
        for line in self.introduction() {
            let separator = if line.is_empty() { "" } else { " " };
            let _infallible = writeln!(script, "#{separator}{line}");
        }
        let _infallible = write!(
            script,
            "\nset -eu\nroot=${{1:-/}}\nstore=${{STORE:-{}}}\ngeneration={}\nredcedar=${{REDCEDAR:-redcedar}}\n{FUNCTIONS}",
            quote::posix_word(store.as_os_str()),
            self.generation
        );
        for (number, step) in self.steps.iter().enumerate() {
            let _infallible = write!(
                script,
                "\n# {}. {}: {}.\nstep {}\n",
                number + 1,
                comment(&step.title),
                comment(&step.why),
                quote::posix_word(OsStr::new(&format!("{}. {}", number + 1, step.title)))
            );
            for command in &step.commands {
                script.push_str(command);
                script.push('\n');
            }
        }
        script.push('\n');
        for note in &self.afterwards {
            let _infallible = writeln!(script, "# {}", comment(note));
        }
        script.push_str("echo 'Done.'\n");
        script.push_str("[ \"$status\" = 0 ] || echo 'Some paths did not come back as they were; they are named above.' >&2\n");
        for note in &self.afterwards {
            let _infallible = writeln!(script, "echo {}", quote::posix_word(OsStr::new(note)));
        }
        script.push_str("exit \"$status\"\n");
        script
    }

    /// What somebody should read first, a line each.
    pub fn introduction(&self) -> Vec<String> {
        let text = |text: &str| escape::display(text).to_string();
        let mut lines = vec![
            format!(
                "Makes {} anew as it was on {}: generation {}.",
                text(&self.host),
                text(&self.time),
                self.generation
            ),
            String::new(),
        ];
        match &self.base {
            Some(base) => lines.push(format!("Install first: {base}.")),
            None => lines.push("Install first: the same distribution in the same release.".to_owned()),
        }
        lines.push(
            "Then, as root: sh THIS [ROOT]. ROOT is where the new system is mounted; without, it is the one that runs."
                .to_owned(),
        );
        lines.push(String::new());
        if self.losses.is_empty() {
            lines.push("Everything can be brought back.".to_owned());
        } else {
            lines.push("What cannot be brought back as it was, or not by a repository:".to_owned());
            lines.extend(self.losses.iter().map(|loss| format!("  - {}", comment(&loss.to_string()))));
        }
        if !self.not_entered.is_empty() {
            lines.push(String::new());
            lines.push("Not in the snapshot, and left alone:".to_owned());
            lines.extend(
                self.not_entered.iter().map(|path| format!("  - what is in {}", escape::display(path))),
            );
        }
        if !self.deletions.is_empty() {
            lines.push(String::new());
            lines.push(format!(
                "{} path(s) of packages had been removed, and are removed again.",
                self.deletions.len()
            ));
        }
        lines
    }
}

/// Text that stays in its line.
fn comment(text: &str) -> String {
    escape::display(text).to_string()
}

//! What the program says about itself.

use jiff::Timestamp;
use redcedar_system::{Environment, account};

use super::super::log_choice::{MODE, OWNER};
use super::dialect::Dialect;

pub(in super::super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How the program is used; begins with an empty line.
pub(super) fn usage(dialect: &Dialect) -> String {
    let Dialect { program, config, log, .. } = dialect;
    let (user, group) = OWNER;
    let unsupported =
        if dialect.has_unsupported { "   -u, --unsupported  Accepted, and without effect\n" } else { "" };
    format!(
        "
 Usage: {program} [switches] action(s)

 Switches, which must come before the first action:

   -h, --help         Show this text
   -V, --version      Show the version
   -b, --verbose      Show on the screen what goes to the log
   -q, --quiet        Show nothing on the screen
   -c, --config       Configuration file (default: {config})
   -f, --full         Make a full backup, whatever day it is
   -M, --managed      Run the actions on managed clients, too
   -N, --managed-only Run the actions on managed clients only
   -l, --logfile      Log file (default: {log})
   -o, --owner        Owner of a new log file, user:group (default: {user}:{group})
   -m, --mode         Permissions of a new log file, octal (default: {MODE:o})
   -O, --output       Log what other programs print
   -d, --debug        Log everything (implies --output)
   -s, --stack        Show on the screen what lies behind an error
   -D, --diagnostics  Show facts for a bug report
{unsupported}
 Actions:

   all                collect, stage, store and purge, as far as configured
   collect            Store what is configured into archives
   stage              Gather what the peers collected
   store              Write what was staged to a disc
   purge              Delete what is old enough
   rebuild            Write this week's disc again
   validate           Check the configuration
   initialize         Prepare a disc

 Extended actions of the configuration may be named as well. Actions run
 in their configured order, whatever the order of the words. The actions
 \"all\", \"rebuild\", \"validate\" and \"initialize\" may not be combined
 with others.
"
    )
}

/// Version and licence.
pub(in super::super) fn version(dialect: &Dialect) -> String {
    let released =
        if dialect.has_unsupported { format!(", released with Redcedar {VERSION}") } else { String::new() };
    format!(
        "
 Cedar Backup version {}{released}.

 This is Redcedar {VERSION}, a program of its own that does what that version does.
 It is free software under the MIT licence or the Apache licence 2.0;
 there is NO warranty.

",
        dialect.version
    )
}

/// Facts about program and machine, each a line; sorted by name.
pub(in super::super) fn diagnostics(
    dialect: &Dialect,
    environment: &Environment,
    now: Timestamp,
) -> [String; 6] {
    let (system, release, machine) = account::platform();
    [
        ("Encoding", "utf-8".to_owned()),
        ("Interpreter", format!("Redcedar {VERSION} (native)")),
        ("Locale", language(environment)),
        ("Platform", format!("{} ({system} {release} {machine})", std::env::consts::OS)),
        ("Timestamp", now.strftime("%a %b %e %H:%M:%S %Y UTC").to_string()),
        ("Version", format!("Cedar Backup {} (Redcedar {VERSION})", dialect.version)),
    ]
    .map(|(name, value)| format!("{name:.<14}: {value}"))
}

/// The language part of the locale; `None` where the locale has none.
fn language(environment: &Environment) -> String {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.get(name));
    let locale = locale.map(|locale| locale.to_string_lossy().into_owned()).unwrap_or_default();
    match locale.split(['.', '@']).next() {
        None | Some("" | "C" | "POSIX") => "None".to_owned(),
        Some(language) => language.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{CBACK, CBACK3};
    use super::*;

    #[test]
    fn the_texts_name_the_program_and_its_defaults() {
        assert!(usage(&CBACK3).starts_with("\n Usage: cback3 [switches] action(s)\n"));
        assert!(usage(&CBACK3).contains("/etc/cback3.conf"));
        assert!(!usage(&CBACK3).contains("unsupported"));
        assert!(usage(&CBACK).contains("/var/log/cback.log"));
        assert!(usage(&CBACK).contains("--unsupported"));
        assert!(version(&CBACK3).starts_with("\n Cedar Backup version 3.12.0.\n\n"));
        assert!(version(&CBACK).contains(" Cedar Backup version 2.27.0, released "));
    }

    #[test]
    fn diagnostics_are_aligned_and_the_day_is_as_ctime_writes_it() {
        let environment = Environment::from_pairs([("LANG", "de_DE.UTF-8")]);
        let now = "2026-11-02T11:41:55Z".parse().unwrap();
        let lines = diagnostics(&CBACK3, &environment, now);
        assert_eq!(lines[0], "Encoding......: utf-8");
        assert_eq!(lines[2], "Locale........: de_DE");
        assert_eq!(lines[4], "Timestamp.....: Mon Nov  2 11:41:55 2026 UTC");
        assert_eq!(language(&Environment::default()), "None");
    }
}

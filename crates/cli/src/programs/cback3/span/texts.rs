//! What the tool says about itself.

use super::super::dialect::Dialect;
use crate::programs::log_choice::{MODE, OWNER};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is shown first.
pub(super) const BANNER: &str = "
================================================
           Cedar Backup 'span' tool
================================================

Staged data that does not fit onto one disc is written to as many
discs as it needs, one after the other.

Where the data is staged, and which drive and which kind of disc are
used, is in the configuration.

";

/// Before the question for the cushion.
pub(super) const CUSHION: &str = "
What goes onto a disc takes a little more room than its files alone,
and not every disc has the same room. A cushion is left free for that,
in percent: with one of 1.5% the files may take 98.5% of a disc.

";

/// Before the question for the algorithm.
pub(super) const ALGORITHMS: &str = "
There are several ways to decide which file goes onto which disc:

   first....: in the order in which they are found
   best.....: large files first
   worst....: small files first
   alternate: small and large files in turn

You will see what comes of it, and may choose another then.

";

/// How the tool is used; begins with an empty line.
pub(super) fn usage(dialect: &Dialect) -> String {
    let Dialect { program, config, log, .. } = dialect;
    let (user, group) = OWNER;
    format!(
        "
 Usage: {program}-span [switches]

 Writes staged data that is on no disc yet to as many discs as it needs,
 and asks for each of them.

   -h, --help         Show this text
   -V, --version      Show the version
   -b, --verbose      Show on the screen what goes to the log
   -c, --config       Configuration file (default: {config})
   -l, --logfile      Log file (default: {log})
   -o, --owner        Owner of a new log file, user:group (default: {user}:{group})
   -m, --mode         Permissions of a new log file, octal (default: {MODE:o})
   -O, --output       Log what other programs print
   -d, --debug        Log everything (implies --output)
   -s, --stack        Show on the screen what lies behind an error

"
    )
}

/// Version and licence.
pub(super) fn version(dialect: &Dialect) -> String {
    format!(
        "
 Cedar Backup 'span' tool.
 Included with Cedar Backup version {}.

 This is Redcedar {VERSION}, a program of its own that does what that version does.
 It is free software under the MIT licence or the Apache licence 2.0;
 there is NO warranty.

",
        dialect.version
    )
}

//! What the program says about itself.

use super::Tool;
use crate::programs::cback3::texts::VERSION;
use crate::programs::log_choice::{MODE, OWNER};

/// How the program is used; begins with a blank, not with a line.
pub(super) fn usage(tool: &Tool) -> String {
    let Tool { program, original, has_upload_only } = tool;
    let log = original.log;
    let (user, group) = OWNER;
    let upload_only = if *has_upload_only {
        "   -u, --uploadOnly     Upload only: nothing is removed from the bucket\n"
    } else {
        ""
    };
    format!(
        " Usage: {program} [switches] sourceDir s3BucketUrl

 Keeps a place in a bucket of Amazon S3 equal to a directory, and verifies by
 checksum that it is. The AWS CLI is not needed; what it is configured to do
 counts here, too.

   sourceDir            The directory (must exist)
   s3BucketUrl          The place: s3://bucket/prefix

 Switches, which must come before the directory:

   -h, --help           Show this text
   -V, --version        Show the version
   -b, --verbose        Show on the screen what goes to the log
   -q, --quiet          Show nothing on the screen
   -l, --logfile        Log file (default: {log})
   -o, --owner          Owner of a new log file, user:group (default: {user}:{group})
   -m, --mode           Permissions of a new log file, octal (default: {MODE:o})
   -O, --output         Accepted: there is no other program whose output could be logged
   -d, --debug          Log everything
   -s, --stack          Show on the screen what lies behind an error
   -D, --diagnostics    Show facts for a bug report
   -v, --verifyOnly     Verify only: nothing is changed in the bucket
{upload_only}   -w, --ignoreWarnings Leave out files whose names cannot be keys, and go on

"
    )
}

/// Version and licence.
pub(super) fn version(tool: &Tool) -> String {
    format!(
        "
 Cedar Backup Amazon S3 sync tool.
 Included with Cedar Backup version {}.

 This is Redcedar {VERSION}, a program of its own that does what that tool does.
 It is free software under the MIT licence or the Apache licence 2.0;
 there is NO warranty.

 Use the --help option for usage information.

",
        tool.original.version
    )
}

//! MySQL and MariaDB. A dump makes and chooses its databases itself, and replaces the tables that it has.

use std::os::unix::ffi::OsStrExt;

use redcedar_system::command::Command;
use redcedar_system::escape;

use super::{LoadError, Target, ask, count};
use crate::database::{Content, StoredDump};

/// What the client is called by those who do not call it `mysql`.
const OTHER_NAME: Option<&str> = Some("mariadb");

const SYSTEM_SCHEMAS: &str = "'mysql', 'sys', 'information_schema', 'performance_schema'";

pub(super) fn load(dump: &StoredDump, target: &Target<'_>) -> Result<Vec<String>, LoadError> {
    if !target.overwrite {
        check_empty(dump, target)?;
    }
    // In this mode nothing in the dump is taken for a command of the client.
    let command = client(target).arg("--binary-mode");
    let (program, finished) = dump.pour(&command, OTHER_NAME, target, &mut |_| {})?;
    if !finished.success() {
        return Err(LoadError::Refused(finished.explain(&program)));
    }
    if dump.dump.content == Content::Everything {
        // It has replaced the tables of users, which the server knows by heart.
        ask(&question(target, "FLUSH PRIVILEGES"), OTHER_NAME, target)?;
    }
    Ok(Vec::new())
}

/// Counts the tables.
pub(super) fn look(target: &Target<'_>) -> Result<String, LoadError> {
    let query = format!(
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ({SYSTEM_SCHEMAS})"
    );
    let tables = count(&question(target, &query), OTHER_NAME, target)?;
    Ok(format!("{tables} tables"))
}

fn check_empty(dump: &StoredDump, target: &Target<'_>) -> Result<(), LoadError> {
    let (there, tables) = match &dump.dump.content {
        Content::Database(name) => {
            let hex = name.as_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
            let there = format!("there is a database [{}] with tables in it", escape::display(name));
            (there, format!("HEX(TABLE_SCHEMA) = '{hex}'"))
        }
        Content::Everything | Content::Globals => (
            "there are databases with tables in them".to_owned(),
            format!("TABLE_SCHEMA NOT IN ({SYSTEM_SCHEMAS})"),
        ),
    };
    let query = format!("SELECT COUNT(*) FROM information_schema.TABLES WHERE {tables}");
    match count(&question(target, &query), OTHER_NAME, target)? {
        0 => Ok(()),
        _ => Err(LoadError::NotEmpty(there)),
    }
}

/// The options come first: some are allowed nowhere else.
fn client(target: &Target<'_>) -> Command {
    Command::new("mysql").may_ask().run_as(target.account.cloned()).args(target.options).arg("--batch")
}

fn question(target: &Target<'_>, query: &str) -> Command {
    client(target).args(["--skip-column-names", "--execute", query])
}

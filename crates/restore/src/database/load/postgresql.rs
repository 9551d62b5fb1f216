//! PostgreSQL. The dump of a database neither makes it nor chooses it; the dump of a whole server does both.

use bstr::ByteSlice;
use redcedar_system::command::Command;
use redcedar_system::escape;

use super::{LoadError, Target, ask, count};
use crate::database::{Content, StoredDump};

/// How many of the server's complaints are passed on one by one.
const COMPLAINTS: usize = 20;

/// What a new database does not have.
const OBJECTS: &str = "SELECT (SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM own)) \
    + (SELECT count(*) FROM pg_catalog.pg_proc WHERE pronamespace IN (SELECT oid FROM own)) \
    + (SELECT count(*) FROM own WHERE nspname <> 'public')";
const OWN_SCHEMAS: &str = "WITH own AS (SELECT oid, nspname FROM pg_catalog.pg_namespace \
    WHERE nspname <> 'information_schema' AND nspname !~ '^pg_')";

pub(super) fn load(dump: &StoredDump, target: &Target<'_>) -> Result<Vec<String>, LoadError> {
    match &dump.dump.content {
        Content::Database(name) => {
            let name = name.to_str().ok_or_else(|| {
                LoadError::Refused(format!("the name of the database {} is not UTF-8", escape::display(name)))
            })?;
            make_ready(name, target)?;
            load_database(dump, name, target)?;
            Ok(Vec::new())
        }
        Content::Everything => {
            let others = "SELECT count(*) FROM pg_catalog.pg_database WHERE NOT datistemplate AND datname <> 'postgres'";
            if !target.overwrite && count(&question(target, "postgres", others), None, target)? > 0 {
                return Err(LoadError::NotEmpty("there are databases".to_owned()));
            }
            load_server(dump, target)
        }
        Content::Globals => load_server(dump, target),
    }
}

/// Counts the tables of a database, or the databases of a server.
pub(super) fn look(dump: &StoredDump, target: &Target<'_>) -> Result<String, LoadError> {
    if let Content::Database(name) = &dump.dump.content {
        let query = format!(
            "{OWN_SCHEMAS} SELECT count(*) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'm') \
             AND relnamespace IN (SELECT oid FROM own)"
        );
        let tables = count(&question(target, &name.to_string_lossy(), &query), None, target)?;
        return Ok(format!("{tables} tables"));
    }
    let query =
        "SELECT count(*) FROM pg_catalog.pg_database WHERE NOT datistemplate AND datname <> 'postgres'";
    let databases = count(&question(target, "postgres", query), None, target)?;
    Ok(format!("{databases} databases"))
}

/// Makes a role that owns what is in a dump, and may do nothing else.
pub(crate) fn make_role(name: &str, target: &Target<'_>) -> Result<(), LoadError> {
    let make = format!("CREATE ROLE {}", identifier(name));
    ask(&question(target, "postgres", &make), None, target).map(drop)
}

/// Sees to it that there is such a database, and that it is empty.
fn make_ready(name: &str, target: &Target<'_>) -> Result<(), LoadError> {
    let query = format!("SELECT count(*) FROM pg_catalog.pg_database WHERE datname = {}", literal(name));
    if count(&question(target, "postgres", &query), None, target)? == 0 {
        // From the template without anything that an administrator may have added: that is in the dump.
        let make = format!("CREATE DATABASE {} TEMPLATE template0", identifier(name));
        return ask(&question(target, "postgres", &make), None, target).map(drop);
    }
    if !target.overwrite
        && count(&question(target, name, &format!("{OWN_SCHEMAS} {OBJECTS}")), None, target)? > 0
    {
        let there = format!("there is a database [{}] that is not empty", escape::display(name));
        return Err(LoadError::NotEmpty(there));
    }
    Ok(())
}

/// All or nothing.
fn load_database(dump: &StoredDump, name: &str, target: &Target<'_>) -> Result<(), LoadError> {
    let command =
        client(target, name).args(["--set=ON_ERROR_STOP=1", "--single-transaction"]).args(FROM_STDIN);
    let mut complaint = None;
    let (program, finished) = dump.pour(&command, None, target, &mut |line| {
        complaint = Complaint::read(line).map(|complaint| complaint.text).or(complaint.take());
    })?;
    match complaint {
        _ if finished.success() => Ok(()),
        Some(complaint) => Err(LoadError::Refused(complaint)),
        None => Err(LoadError::Refused(finished.explain(&program))),
    }
}

/// Everything that the server takes. It has some of the roles and databases already.
fn load_server(dump: &StoredDump, target: &Target<'_>) -> Result<Vec<String>, LoadError> {
    let command = client(target, "postgres").args(FROM_STDIN);
    let (mut complaints, mut more) = (Vec::new(), 0);
    let (program, finished) = dump.pour(&command, None, target, &mut |line| match Complaint::read(line)
        .filter(|complaint| !complaint.is_harmless())
    {
        Some(complaint) if complaints.len() < COMPLAINTS => complaints.push(complaint.text),
        Some(_) => more += 1,
        None => {}
    })?;
    if !finished.success() {
        return Err(LoadError::Refused(finished.explain(&program)));
    }
    if more > 0 {
        complaints.push(format!("{more} more"));
    }
    Ok(complaints)
}

/// The text comes through standard input; results of its queries are of no interest.
const FROM_STDIN: [&str; 2] = ["--output=/dev/null", "--file=-"];

/// Complaints come with their codes, which are the same in all languages.
fn client(target: &Target<'_>, database: &str) -> Command {
    let database = database.replace('\\', r"\\").replace('\'', r"\'");
    Command::new("psql")
        .may_ask()
        .run_as(target.account.cloned())
        .args(target.options)
        .args(["--no-psqlrc", "--quiet", "--set=VERBOSITY=verbose"])
        .arg(format!("--dbname=dbname='{database}'"))
}

fn question(target: &Target<'_>, database: &str, query: &str) -> Command {
    client(target, database).args(["--tuples-only", "--no-align", "--command", query])
}

/// A string, however the server reads backslashes.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What the server complained about.
struct Complaint {
    code: [u8; 5],
    text: String,
}

impl Complaint {
    /// `psql:<stdin>:LINE: SEVERITY:  CODE: TEXT`
    fn read(line: &[u8]) -> Option<Self> {
        let (_, rest) = line.strip_prefix(b"psql:<stdin>:")?.split_once_str(b": ")?;
        let (_, rest) = rest.split_once_str(b":  ")?;
        let (code, text) = rest.split_once_str(b": ")?;
        let code: [u8; 5] = code.try_into().ok()?;
        let text = escape::display_bytes(text).to_string();
        // Classes 00 and 01 are remarks.
        (!matches!(&code, [b'0', b'0' | b'1', ..])).then_some(Self { code, text })
    }

    /// There is such a role or database already.
    fn is_harmless(&self) -> bool {
        matches!(&self.code, b"42710" | b"42P04")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_known_by_their_codes_in_any_language() {
        let complaint = |line: &str| {
            Complaint::read(line.as_bytes()).map(|complaint| (complaint.is_harmless(), complaint.text))
        };
        assert_eq!(
            complaint("psql:<stdin>:14: FEHLER:  42710: Rolle »postgres« existiert bereits"),
            Some((true, "Rolle »postgres« existiert bereits".to_owned()))
        );
        assert_eq!(
            complaint(r#"psql:<stdin>:3: ERROR:  42704: type "x" does not exist"#),
            Some((false, r#"type "x" does not exist"#.to_owned()))
        );
        for remark in [
            "psql:<stdin>:1: NOTICE:  00000: x",
            "psql:<stdin>:1: WARNING:  01000: x",
            "LOCATION:  CreateRole, user.c:308",
            "psql: error: connection to server",
        ] {
            assert_eq!(complaint(remark), None, "{remark}");
        }
    }

    #[test]
    fn names_are_quoted_for_the_server() {
        assert_eq!(literal(r"a'b\c"), r"E'a''b\\c'");
        assert_eq!(identifier(r#"a"b"#), r#""a""b""#);
    }
}

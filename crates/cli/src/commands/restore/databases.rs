//! `redcedar restore --database`: dumps of databases, into a file or into a server.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use redcedar_restore::PeerError;
use redcedar_restore::database::load::{LoadError, Loaded, Target};
use redcedar_restore::database::{Content, FindError, ReadError, Request, Server, StoredDump, Wanted, find};
use redcedar_system::escape;
use redcedar_system::fs::PendingFile;
use redcedar_system::interrupt::Interrupted;
use serde::Serialize;

use super::{OverwriteMode, as_of};
use crate::commands::source::Found;
use crate::commands::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::{Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Dumps hold what is in a database, and some the hashes of passwords.
const MODE: u32 = 0o600;

/// Standard output instead of a file.
const STDOUT: &str = "-";

#[derive(Debug, clap::Args)]
#[group(id = "databases", multiple = true)]
pub(crate) struct Which {
    /// This database; `mysql:NAME` or `postgresql:NAME` where both have one of that name
    #[arg(long, value_name = "NAME", requires = "into", conflicts_with = "paths", help_heading = HEADING)]
    database: Vec<OsString>,
    /// All databases and users, where all were dumped into one file; of SERVER where both have one: mysql, postgresql
    #[arg(long, value_name = "SERVER", num_args = 0..=1, require_equals = true, requires = "into", conflicts_with_all = ["paths", "database"], help_heading = HEADING)]
    #[expect(clippy::option_option, reason = "outer: is it asked for; inner: is a server named")]
    all_databases: Option<Option<ServerName>>,
    /// Roles and tablespaces of PostgreSQL, before the databases
    #[arg(long, requires = "into", conflicts_with_all = ["paths", "all_databases"], help_heading = HEADING)]
    globals: bool,
}

#[derive(Debug, clap::Args)]
#[group(id = "into", multiple = false)]
pub(crate) struct Destination {
    /// Write the dump, which is SQL, to FILE; `-`: to standard output
    #[arg(long, value_name = "FILE", requires = "databases", conflicts_with_all = ["strip", "delete", "map_owner"], help_heading = HEADING)]
    to_file: Option<PathBuf>,
    /// Load the dump into a server, by the client that is installed: mysql, psql
    #[arg(long, requires = "databases", conflicts_with_all = ["strip", "delete", "map_owner"], help_heading = HEADING)]
    into_server: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DatabaseArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    into: Destination,
    /// Pass OPTION to the client, such as --host=db1; repeatable. It asks for a password, or knows it from its option files
    #[arg(long, value_name = "OPTION", requires = "into_server", conflicts_with = "to_file", allow_hyphen_values = true, help_heading = HEADING)]
    server_option: Vec<OsString>,
}

const HEADING: &str = "Databases";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ServerName(Server);

impl FromStr for ServerName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let server = Server::ALL.into_iter().find(|server| server.name() == text);
        server.map(Self).ok_or("expected mysql or postgresql")
    }
}

impl DatabaseArgs {
    /// Whether databases are what is to be restored.
    pub(super) fn is_meant(&self) -> bool {
        let Which { database, all_databases, globals } = &self.which;
        !database.is_empty() || all_databases.is_some() || *globals
    }

    fn wanted(&self) -> Vec<Wanted> {
        let Which { database, all_databases, globals } = &self.which;
        let globals =
            globals.then_some(Wanted { server: Some(Server::Postgresql), content: Content::Globals });
        let everything = all_databases.map(|server| Wanted {
            server: server.map(|ServerName(server)| server),
            content: Content::Everything,
        });
        globals.into_iter().chain(everything).chain(database.iter().map(|name| wanted(name))).collect()
    }
}

/// `NAME`, `mysql:NAME`, `postgresql:NAME`
pub(in crate::commands) fn wanted(name: &OsStr) -> Wanted {
    let prefixed = Server::ALL.into_iter().find_map(|server| {
        let name = name.as_bytes().strip_prefix(server.name().as_bytes())?.strip_prefix(b":")?;
        Some((server, OsStr::from_bytes(name)))
    });
    let (server, name) = prefixed.map_or((None, name), |(server, name)| (Some(server), name));
    Wanted { server, content: Content::Database(name.to_owned()) }
}

pub(super) fn run(args: &super::Args, context: &Context, out: &mut Out) -> CommandResult {
    let Found { source, .. } = args.source.find(context)?;
    let request = Request {
        peer: args.source.peer.clone(),
        wanted: args.databases.wanted(),
        as_of: as_of(args, context)?,
    };
    let dumps = find(&source, &request).map_err(no_dump)?;
    let mut results = Vec::new();
    let overwrite = args.overwrite == Some(OverwriteMode::Always);
    if let Some(file) = &args.databases.into.to_file {
        results.push(to_file(&dumps, file, overwrite, context, out)?);
    } else {
        let options = args.databases.server_option.as_slice();
        let target = Target { account: None, options, overwrite, system: &context.system };
        for dump in dumps {
            results.push(into_server(dump, &target, context)?);
        }
    }
    report(&results, args, context, out)
}

/// One dump, and what became of it.
struct Restored {
    dump: StoredDump,
    outcome: Result<Loaded, String>,
}

fn to_file(
    dumps: &[StoredDump],
    file: &Path,
    overwrite: bool,
    context: &Context,
    out: &mut Out,
) -> Result<Restored, CommandError> {
    let [dump] = dumps else {
        return Err(CommandError::message(Exit::Usage, "--to-file takes one dump, and there are several"));
    };
    let is_stdout = file == Path::new(STDOUT);
    if is_stdout && context.global.json {
        return Err(CommandError::message(Exit::Usage, "standard output cannot be both the dump and JSON"));
    }
    if !is_stdout && !overwrite && fs_err::symlink_metadata(file).is_ok() {
        let message = format!("{} is there already", escape::display(file));
        return Err(CommandError::message(Exit::Failed, message).hint("--overwrite always"));
    }
    context.terminal_task(dump, "Reading");
    let interrupt = &context.system.interrupt;
    let written = dump.check(interrupt).and_then(|()| match (context.global.dry_run, is_stdout) {
        (true, _) => dump.prove(interrupt),
        (false, true) => dump.copy(out, interrupt),
        (false, false) => write_file(dump, file, context),
    });
    let outcome = match written {
        Ok(bytes) => Ok(Loaded { bytes, problems: Vec::new() }),
        Err(ReadError::Interrupted(interrupted)) => return Err(stopped(interrupted)),
        Err(error) => Err(error.to_string()),
    };
    Ok(Restored { dump: dump.clone(), outcome })
}

fn write_file(dump: &StoredDump, path: &Path, context: &Context) -> Result<u64, ReadError> {
    let mut file = PendingFile::create(path).map_err(ReadError::Write)?;
    let bytes = dump.copy(&mut file, &context.system.interrupt)?;
    file.publish(MODE, None).map_err(ReadError::Write)?;
    Ok(bytes)
}

fn into_server(dump: StoredDump, target: &Target<'_>, context: &Context) -> Result<Restored, CommandError> {
    use redcedar_system::command::CommandError as Lost;
    context.terminal_task(&dump, "Loading");
    let loaded = if context.global.dry_run {
        let interrupt = &context.system.interrupt;
        let proven = dump.check(interrupt).and_then(|()| dump.prove(interrupt));
        proven.map(|bytes| Loaded { bytes, problems: Vec::new() }).map_err(LoadError::from)
    } else {
        dump.load(target)
    };
    let outcome = match loaded {
        Ok(loaded) => Ok(loaded),
        Err(
            LoadError::Read(ReadError::Interrupted(interrupted))
            | LoadError::Lost(Lost::Interrupted(interrupted)),
        ) => return Err(stopped(interrupted)),
        Err(error @ LoadError::NotEmpty(_)) => {
            Err(format!("{error}; --overwrite always loads the dump all the same"))
        }
        Err(error) => Err(error.to_string()),
    };
    Ok(Restored { dump, outcome })
}

fn stopped(interrupted: Interrupted) -> CommandError {
    CommandError::new(Exit::Interrupted, interrupted)
}

fn no_dump(error: FindError) -> CommandError {
    let hint = match &error {
        FindError::Peer(PeerError::Several { .. }) => Some("--peer NAME"),
        FindError::Ambiguous { .. } => Some("--database mysql:NAME, --all-databases=mysql"),
        _ => None,
    };
    let refusal = CommandError::new(Exit::Failed, error);
    match hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

impl Context {
    fn terminal_task(&self, dump: &StoredDump, verb: &str) {
        self.system.monitor.task(&format!("{verb} {dump}"));
    }
}

fn exit_of(results: &[Restored]) -> Exit {
    let done = results.iter().filter(|restored| restored.outcome.is_ok()).count();
    let is_whole =
        |restored: &Restored| restored.outcome.as_ref().is_ok_and(|loaded| loaded.problems.is_empty());
    match done {
        _ if results.iter().all(is_whole) => Exit::Done,
        0 => Exit::Failed,
        _ => Exit::Incomplete,
    }
}

fn report(results: &[Restored], args: &super::Args, context: &Context, out: &mut Out) -> CommandResult {
    context.terminal.finish();
    let exit = exit_of(results);
    if context.global.json {
        out.json(&Document::new("restore", JsonDumps::new(results, exit, context)))?;
        return Ok(exit);
    }
    let monitor = &context.system.monitor;
    for Restored { dump, outcome } in results {
        match outcome {
            Err(error) => monitor.error(format!("{dump} of {}: {error}", dump.date)),
            Ok(loaded) => {
                for problem in &loaded.problems {
                    monitor.error(format!("{dump} of {}: the server refused: {problem}", dump.date));
                }
            }
        }
    }
    let is_stdout = args.databases.into.to_file.as_deref() == Some(Path::new(STDOUT));
    if !context.global.quiet && !is_stdout {
        summarise(results, args, context, out)?;
    }
    Ok(exit)
}

fn summarise(results: &[Restored], args: &super::Args, context: &Context, out: &mut Out) -> io::Result<()> {
    let verb = if context.global.dry_run { "would restore" } else { "restored" };
    let to = match &args.databases.into.to_file {
        Some(file) => escape::display(file).to_string(),
        None => "the server".to_owned(),
    };
    for Restored { dump, outcome } in results {
        if let Ok(Loaded { bytes, .. }) = outcome {
            let took = Time(context.started.elapsed());
            let peer = escape::display(&dump.peer);
            writeln!(out, "{peer}: {verb} {dump} of {}, {}, to {to} in {took}", dump.date, Size(*bytes))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonDumps {
    result: &'static str,
    seconds: f64,
    databases: Vec<JsonDump>,
}

#[derive(Serialize)]
struct JsonDump {
    peer: String,
    day: String,
    server: &'static str,
    database: Option<JsonPath>,
    bytes: Option<u64>,
    problems: Vec<String>,
    error: Option<String>,
}

impl JsonDumps {
    fn new(results: &[Restored], exit: Exit, context: &Context) -> Self {
        let databases = results.iter().map(JsonDump::from).collect();
        Self { result: result_word(exit), seconds: context.started.elapsed().as_secs_f64(), databases }
    }
}

impl From<&Restored> for JsonDump {
    fn from(Restored { dump, outcome }: &Restored) -> Self {
        let loaded = outcome.as_ref().ok();
        Self {
            peer: escape::display(&dump.peer).to_string(),
            day: dump.date.to_string(),
            server: dump.dump.server.name(),
            database: match &dump.dump.content {
                Content::Database(name) => Some(Path::new(name).into()),
                Content::Everything | Content::Globals => None,
            },
            bytes: loaded.map(|loaded| loaded.bytes),
            problems: loaded.map(|loaded| loaded.problems.clone()).unwrap_or_default(),
            error: outcome.as_ref().err().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_which_server_is_meant() {
        let database = |server, name: &str| Wanted { server, content: Content::Database(name.into()) };
        assert_eq!(wanted("web".as_ref()), database(None, "web"));
        assert_eq!(wanted("mysql:web".as_ref()), database(Some(Server::Mysql), "web"));
        assert_eq!(wanted("postgresql:mysql:x".as_ref()), database(Some(Server::Postgresql), "mysql:x"));
        assert_eq!(wanted("oracle:web".as_ref()), database(None, "oracle:web"));
    }
}

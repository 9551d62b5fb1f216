//! `redcedar find`: all versions of a path.

use std::path::PathBuf;

use redcedar_archive::Kind;
use redcedar_archive::manifest::Entry;
use redcedar_archive::select::Globs;
use redcedar_restore::find::{Found as Versions, Index, Version, find};
use redcedar_system::environment::XDG_CACHE_HOME;
use redcedar_system::{account, escape};
use serde::Serialize;

use super::source::SourceArgs;
use super::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::Size;
use crate::output::json::{Document, JsonPath};
use crate::output::table::{Align, Table};

/// Find all versions of files, on all days, of all machines
///
/// PATTERN is a name as a shell understands it: * ? [a-z] {a,b}, and ** for any number of directories. Without a slash it is compared
/// with the names of files and directories, else with whole paths. DAY is the first one of each version: what restores it
/// is `redcedar restore PATH --as-of DAY`.
///
/// What the manifests say is kept in $XDG_CACHE_HOME/redcedar/find (root: /var/cache/redcedar/find), so that the next time only
/// what is new has to be read; not of what is encrypted. It may be deleted at any time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar find report.odt --from /mnt/backup
  redcedar find **/anna/*.odt --from /mnt/backup --json
  redcedar find fstab")]
pub(crate) struct Args {
    /// What to look for
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<String>,
    /// Read everything anew, and keep nothing
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// Where programs of root keep what can be made anew.
const CACHE_OF_ROOT: &str = "/var/cache";

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let patterns: Vec<_> = args.patterns.iter().map(String::as_str).collect();
    let globs = Globs::new(&patterns).map_err(|error| CommandError::new(Exit::Usage, error))?;
    let source = args.source.open(context)?;
    let index = if args.no_cache { None } else { cache(context).map(|directory| Index::new(&directory)) };
    let found = find(&source, args.source.peer.as_deref(), &globs, index.as_ref(), &context.system.interrupt);
    let Versions { versions, problems, not_kept } =
        found.map_err(|interrupted| CommandError::new(Exit::Interrupted, interrupted))?;
    context.terminal.finish();
    if let Some(reason) = not_kept {
        context.system.monitor.debug(format!("what was read is not kept for the next time: {reason}"));
    }
    if context.global.json {
        let versions = versions.iter().map(JsonVersion::from).collect();
        out.json(&Document::new("find", JsonFound { versions, problems: problems.clone() }))?;
    } else if !versions.is_empty() {
        table(&versions).write(out)?;
    }
    for problem in &problems {
        context.system.monitor.warning(problem);
    }
    match (versions.is_empty(), problems.is_empty()) {
        (_, false) => Ok(Exit::Incomplete),
        (false, true) => Ok(Exit::Done),
        (true, true) if context.global.json => Ok(Exit::Failed),
        (true, true) => {
            let message = format!("nothing that was ever stored is called {}", args.patterns.join(" or "));
            Err(CommandError::message(Exit::Failed, message))
        }
    }
}

/// Where it is kept what manifests say.
fn cache(context: &Context) -> Option<PathBuf> {
    let variable = |name| context.environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_root = || account::is_root().then(|| PathBuf::from(CACHE_OF_ROOT));
    let at_home = || variable("HOME").map(|home| home.join(".cache"));
    let cache = variable(XDG_CACHE_HOME).or_else(of_root).or_else(at_home)?;
    Some(cache.join("redcedar/find"))
}

fn table(versions: &[Version]) -> Table<6> {
    let mut table = Table::new([
        ("DAY", Align::Left),
        ("MACHINE", Align::Left),
        ("KIND", Align::Left),
        ("SIZE", Align::Right),
        ("OWNER", Align::Left),
        ("PATH", Align::Left),
    ]);
    for Version { peer, path, since, entry, .. } in versions {
        let (kind, size, owner) = match entry {
            None => ("deleted", "-".to_owned(), "-".to_owned()),
            Some(entry) => (word(entry.kind), size(entry), owner(entry)),
        };
        let (peer, path) = (escape::display(peer).to_string(), escape::display(path).to_string());
        table.row([since.to_string(), peer, kind.to_owned(), size, owner, path]);
    }
    table
}

fn size(entry: &Entry) -> String {
    if entry.kind == Kind::File { Size(entry.size).to_string() } else { "-".to_owned() }
}

fn owner(entry: &Entry) -> String {
    let name = |name: &Option<String>, number: u32| name.clone().unwrap_or_else(|| number.to_string());
    format!("{}:{}", name(&entry.user, entry.uid), name(&entry.group, entry.gid))
}

pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "link",
        Kind::Fifo => "pipe",
        Kind::Socket => "socket",
        Kind::Character | Kind::Block => "device",
    }
}

#[derive(Serialize)]
struct JsonFound {
    versions: Vec<JsonVersion>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct JsonVersion {
    peer: String,
    path: JsonPath,
    since: String,
    kind: &'static str,
    size: Option<u64>,
    mode: Option<u32>,
    owner: Option<String>,
    modified: Option<i64>,
    sha256: Option<String>,
    stored: Vec<JsonStored>,
}

#[derive(Serialize)]
struct JsonStored {
    day: String,
    archive: JsonPath,
}

impl From<&Version> for JsonVersion {
    fn from(version: &Version) -> Self {
        let entry = version.entry.as_ref();
        let stored = |(day, archive): &(jiff::civil::Date, PathBuf)| JsonStored {
            day: day.to_string(),
            archive: archive.as_path().into(),
        };
        Self {
            peer: escape::display(&version.peer).to_string(),
            path: version.path.as_path().into(),
            since: version.since.to_string(),
            kind: entry.map_or("deleted", |entry| word(entry.kind)),
            size: entry.filter(|entry| entry.kind == Kind::File).map(|entry| entry.size),
            mode: entry.map(|entry| entry.mode),
            owner: entry.map(owner),
            modified: entry.map(|entry| entry.modified.seconds),
            sha256: entry
                .and_then(|entry| entry.sha256)
                .map(|digest| redcedar_archive::digest::to_hex(&digest)),
            stored: version.stored.iter().map(stored).collect(),
        }
    }
}

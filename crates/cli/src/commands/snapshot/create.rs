//! `redcedar snapshot create`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use redcedar_generations::select::{ALWAYS_SAVED, ChooseError, Options, Trust};
use redcedar_generations::store::Store;
use redcedar_generations::write::{CreateError, Created, create};
use redcedar_system::escape;
use serde::Serialize;

use super::super::{CommandError, CommandResult, Context, Out, paths};
use super::{by_config, configured, refusal};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, result_word};

/// What no snapshot of a system needs; the directories themselves are saved, empty.
const PRUNED: [&str; 9] =
    ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/mnt", "/media", "/lost+found"];
/// Where a store keeps what it knows of packaged files.
const CACHE: &str = ".redcedar.digests";

/// Make a new generation
///
/// What did not change since the generation before takes no space but names. Files whose packages a configured repository has,
/// and which are as their packages say, are left out and listed in the manifest. An interrupted run is continued by the next.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar snapshot create / --to /mnt/store
  redcedar snapshot create /etc /home --to /mnt/snapshots --init
  redcedar snapshot create /home --to /mnt/store --trust nothing --dry-run
  redcedar snapshot create --config /etc/snapshot.yaml")]
pub(crate) struct Args {
    /// What to save, with everything below it [default: what --config FILE says]
    #[arg(value_name = "PATH")]
    roots: Vec<PathBuf>,
    /// The store: the directory to put the generation in [default: what --config FILE says]
    #[arg(long, value_name = "STORE")]
    to: Option<PathBuf>,
    /// Make STORE a store of snapshots first
    #[arg(long)]
    init: bool,
    /// Save this directory empty, do not save this file; may be given several times
    ///
    /// /proc, /sys, /dev, /run, /tmp, /var/tmp, /mnt, /media and /lost+found are saved empty in any case, and so is every
    /// directory with a file `.no-backup`.
    #[arg(long, value_name = "PATH")]
    prune: Vec<PathBuf>,
    /// Save this path whatever packages say [default: /etc, /boot]; may be given several times
    #[arg(long, value_name = "PATH")]
    always_save: Vec<PathBuf>,
    /// Stay on the file system of each PATH
    #[arg(long)]
    one_file_system: bool,
    /// Which packages count as coming back [default: same-version]
    #[arg(long, value_name = "WHICH", value_enum)]
    trust: Option<TrustMode>,
    /// The system whose packages count [default: /]
    #[arg(long, value_name = "DIR")]
    system: Option<PathBuf>,
}

impl Args {
    /// Whether the command line says nothing of what to save, and how.
    fn is_empty(&self) -> bool {
        let Self { roots, to, init, prune, always_save, one_file_system, trust, system } = self;
        let lists = [roots, prune, always_save];
        lists.iter().all(|list| list.is_empty())
            && to.is_none()
            && trust.is_none()
            && system.is_none()
            && !init
            && !one_file_system
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TrustMode {
    /// None: everything is saved
    Nothing,
    /// Those that a repository has in the installed version
    SameVersion,
    /// Those that a repository has in any version
    AnyVersion,
}

impl From<TrustMode> for Trust {
    fn from(mode: TrustMode) -> Self {
        match mode {
            TrustMode::Nothing => Self::Nothing,
            TrustMode::SameVersion => Self::SameVersion,
            TrustMode::AnyVersion => Self::AnyVersion,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    if let Some(config) = configured(context)? {
        if !args.is_empty() {
            let message = "a configuration says all that the command line of `snapshot create` could";
            return Err(CommandError::message(Exit::Usage, message).hint("leave one of them away"));
        }
        return by_config::run(&config, context, out);
    }
    let Some(to) = args.to.as_ref().filter(|_| !args.roots.is_empty()) else {
        return Err(CommandError::message(Exit::Usage, "nothing says what to save, and where to")
            .hint("name them, PATH… --to STORE, or a configuration with --config FILE"));
    };
    let unusable =
        |error| CommandError::new(Exit::Failed, anyhow::Error::new(error).context("cannot use a path"));
    let absolute = |list: &[PathBuf]| -> Result<Vec<PathBuf>, CommandError> {
        list.iter().map(|path| paths::existing(path).map_err(unusable)).collect()
    };
    let is_dry_run = context.global.dry_run;
    let store = if args.init && !is_dry_run { Store::init(to) } else { Store::open_marked(to) };
    let store = store.map_err(refusal)?;
    let prune = [PRUNED.map(PathBuf::from).to_vec(), absolute(&args.prune)?].concat();
    let always_save = match &args.always_save[..] {
        [] => ALWAYS_SAVED.map(PathBuf::from).to_vec(),
        named => absolute(named)?,
    };
    let cache = store.path().join(CACHE);
    let options = Options {
        system_root: args.system.as_deref().unwrap_or(Path::new("/")),
        roots: &absolute(&args.roots)?,
        prune: &prune,
        always_save: &always_save,
        never_enter: &[],
        one_file_system: args.one_file_system,
        trust: args.trust.unwrap_or(TrustMode::SameVersion).into(),
        programs: &[],
        cache: (!is_dry_run).then_some(&*cache),
    };
    let created = create(&store, &options, is_dry_run, &context.system).map_err(failed)?;
    context.terminal.finish();
    let exit = if created.problems.is_empty() { Exit::Done } else { Exit::Incomplete };
    if context.global.json {
        out.json(&Document::new("snapshot create", JsonCreated::new(&created, exit, context)))?;
    } else {
        let monitor = &context.system.monitor;
        created.remarks.iter().for_each(|remark| monitor.warning(remark));
        created.problems.iter().for_each(|problem| monitor.error(problem));
        summarise(&created, context, out)?;
    }
    Ok(exit)
}

fn failed(error: CreateError) -> CommandError {
    match error {
        CreateError::Store(error) => refusal(error),
        error @ (CreateError::Interrupted(_) | CreateError::Choose(ChooseError::Interrupted(_))) => {
            CommandError::new(Exit::Interrupted, error).hint("the next run goes on from here")
        }
        error => CommandError::new(Exit::Failed, error),
    }
}

fn summarise(created: &Created, context: &Context, out: &mut Out) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    let summary = &created.summary;
    match &created.name {
        Some(name) => writeln!(out, "generation {name} in {}", Time(context.started.elapsed()))?,
        None => writeln!(out, "would make a generation")?,
    }
    let (paths, bytes) = (Counted(summary.paths, "path"), Size(summary.bytes));
    writeln!(out, "{paths}, {bytes} in files")?;
    let (files, bytes) = (Counted(summary.new_files, "new file"), Size(summary.new_bytes));
    match &created.previous {
        Some(previous) => {
            let linked = Counted(created.linked, "path");
            writeln!(out, "{files}, {bytes}; {linked} shared with {previous}")?;
        }
        None => writeln!(out, "{files}, {bytes}")?,
    }
    if summary.left_out > 0 {
        let bytes = Size(created.totals.left_out.bytes);
        writeln!(out, "{}, {bytes}, left to their packages", Counted(summary.left_out, "path"))?;
    }
    if summary.problems > 0 {
        writeln!(out, "{}", Counted(summary.problems, "problem"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonCreated {
    result: &'static str,
    seconds: f64,
    generation: Option<String>,
    previous: Option<String>,
    paths: u64,
    bytes: u64,
    new_files: u64,
    new_bytes: u64,
    linked: u64,
    left_out: u64,
    problems: Vec<String>,
    remarks: Vec<String>,
}

impl JsonCreated {
    fn new(created: &Created, exit: Exit, context: &Context) -> Self {
        let summary = created.summary;
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            generation: created.name.as_ref().map(ToString::to_string),
            previous: created.previous.as_ref().map(ToString::to_string),
            paths: summary.paths,
            bytes: summary.bytes,
            new_files: summary.new_files,
            new_bytes: summary.new_bytes,
            linked: created.linked,
            left_out: summary.left_out,
            problems: created
                .problems
                .iter()
                .map(|problem| escape::multiline(problem).into_owned())
                .collect(),
            remarks: created.remarks.clone(),
        }
    }
}

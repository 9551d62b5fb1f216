//! `cback3-amazons3-sync` and `cback-amazons3-sync`: the tools of Cedar Backup that keep a bucket equal to a directory. Switches, log,
//! screen and exit codes are theirs; what is done is ours.

mod options;
mod texts;

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use redcedar_objectstore::sync::{Change, Filter, Links, Outcome, Request, SyncError, odd_names, sync};
use redcedar_objectstore::{Access, Address, AddressError, Attributes, Bucket};
use redcedar_system::clock::{self, Clock};
use redcedar_system::command::OsRunner;
use redcedar_system::{Environment, Interrupt, Monitor, System, escape};

use super::cback3::{self, Dialect, say};
use crate::bucket::{customer_key, state};
use crate::exit::Exit;
use options::Options;

/// One of the two tools.
pub(crate) struct Tool {
    program: &'static str,
    original: &'static Dialect,
    has_upload_only: bool,
}

/// That of version 3.
pub(crate) const CBACK3: Tool =
    Tool { program: "cback3-amazons3-sync", original: &cback3::CBACK3, has_upload_only: true };
/// That of version 2.
pub(crate) const CBACK: Tool =
    Tool { program: "cback-amazons3-sync", original: &cback3::CBACK, has_upload_only: false };

/// Runs the program.
pub(crate) fn main(tool: &Tool, args: Vec<OsString>) -> Exit {
    let wrong = |error: &dyn Error| {
        say(io::stderr(), &format!("{} *** Error: {error}\n", texts::usage(tool)));
        Exit::Usage
    };
    let options = match Options::parse(args, tool.has_upload_only) {
        Ok(options) => options,
        Err(error) => return wrong(&error),
    };
    let environment = Environment::inherited();
    let clock = match clock::from_environment(&environment) {
        Ok(clock) => clock,
        Err(error) => return wrong(&error),
    };
    if options.has("help") {
        say(io::stderr(), &texts::usage(tool));
        return Exit::Done;
    }
    if options.has("version") {
        say(io::stdout(), &texts::version(tool));
        return Exit::Done;
    }
    if options.has("diagnostics") {
        let lines = cback3::texts::diagnostics(tool.original, &environment, clock.now().timestamp());
        let lines = lines.map(|line| format!("   {line}\n")).concat();
        say(io::stdout(), &format!("\nDiagnostics:\n\n{lines}\n"));
        return Exit::Done;
    }
    match options.log.open(tool.original.log, &clock) {
        Ok(monitor) => Session { tool, options, environment, clock, monitor }.run(),
        Err(message) => {
            say(io::stderr(), &format!("Error setting up logging: {message}\n"));
            Exit::Logging
        }
    }
}

/// Why the bucket is not equal to the directory.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Source directory does not exist on disk.")]
    NoSource,
    #[error("cannot prepare for signals: {0}")]
    Signals(io::Error),
    #[error("the S3 bucket URL is not UTF-8")]
    Text,
    #[error(transparent)]
    Key(io::Error),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Bucket(#[from] redcedar_objectstore::Error),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error("Some filenames have inconsistent encodings and will likely cause sync problems.")]
    Names,
    #[error("There were differences between source directory and target S3 bucket.")]
    Differences,
}

/// A run that has a log.
struct Session<'a> {
    tool: &'a Tool,
    options: Options,
    environment: Environment,
    clock: Arc<dyn Clock>,
    monitor: Arc<dyn Monitor>,
}

impl Session<'_> {
    fn run(&self) -> Exit {
        self.log_header();
        let exit = match self.execute() {
            Ok(()) => Exit::Done,
            Err(Failure::Sync(SyncError::Interrupted)) => {
                self.monitor.error("Backup interrupted.");
                Exit::Interrupted
            }
            Err(error) => {
                self.fail(&error);
                Exit::Failed
            }
        };
        self.monitor.info(format!("Cedar Backup Amazon S3 sync run completed with status {}.", exit.code()));
        exit
    }

    fn log_header(&self) {
        self.monitor.info("Cedar Backup Amazon S3 sync run started.");
        self.monitor.info(format!("Options were [{}]", self.options.normalised()));
        let log = self.options.log.path_or(self.tool.original.log);
        self.monitor.info(format!("Logfile is [{}]", escape::display(log)));
        let now = self.clock.now().timestamp();
        for line in cback3::texts::diagnostics(self.tool.original, &self.environment, now) {
            self.monitor.info(line);
        }
    }

    fn execute(&self) -> Result<(), Failure> {
        if !self.options.source.is_dir() {
            return Err(Failure::NoSource);
        }
        let target: Address = self.options.target.to_str().ok_or(Failure::Text)?.parse()?;
        let interrupt = Interrupt::from_signals().map_err(Failure::Signals)?;
        if self.options.has("ignoreWarnings") {
            self.monitor.debug("Names are not checked.");
        } else {
            self.check_names(&interrupt)?;
        }
        let runner = OsRunner::new(&self.environment, Arc::clone(&self.monitor), interrupt.clone());
        let system = System {
            clock: Arc::clone(&self.clock),
            runner: Arc::new(runner),
            monitor: Arc::clone(&self.monitor),
            interrupt,
        };
        let access = Access::default();
        let bucket = Bucket::connect(
            target.bucket(),
            &access,
            &self.environment,
            self.monitor.as_ref(),
            &system.interrupt,
        )?;
        let key = customer_key::find(None, &self.environment).map_err(Failure::Key)?;
        let bucket = match key {
            Some(key) => bucket.with_customer_key(key)?,
            None => bucket,
        };
        self.synchronise(&bucket, &target, &system)
    }

    /// The original refuses most names that are not ASCII alone, for fear of an AWS CLI of 2014. What cannot be a key is
    /// refused here.
    fn check_names(&self, interrupt: &Interrupt) -> Result<(), Failure> {
        let mut is_fine = true;
        let checked = odd_names(&self.options.source, interrupt, &mut |path| {
            is_fine = false;
            let path = escape::display(path);
            self.monitor.error(format!("Inconsistent encoding for [{path}]: not valid, but need utf-8"));
        });
        checked.map_err(SyncError::from_source)?;
        if is_fine {
            self.monitor.info("Completed checking source filename encoding (no problems found).");
            return Ok(());
        }
        for line in [
            "Some filenames have inconsistent encodings and will likely cause sync problems.",
            "Keys of objects are UTF-8, whatever the locale is.",
            "Rename the files, so that their names are valid UTF-8.",
            "To leave them out and proceed anyway, use --ignoreWarnings",
        ] {
            self.monitor.error(line);
        }
        Err(Failure::Names)
    }

    fn synchronise(&self, bucket: &Bucket, target: &Address, system: &System) -> Result<(), Failure> {
        let acts = !self.options.has("verifyOnly");
        let delete = acts && !self.options.has("uploadOnly");
        if acts {
            self.monitor.info("Synchronizing local source directory up to Amazon S3.");
            self.monitor.info(if delete {
                "This will be a full sync process, removing any S3 files that do not exist in the source"
            } else {
                "Sync process will only upload new data, never removing files in S3"
            });
        }
        let endpoint = state::endpoint(&Access::default(), &self.environment);
        let kept = state::directory(&self.environment, &self.options.source, &endpoint, target);
        let filter = Filter::default();
        let request = Request {
            source: &self.options.source,
            target,
            acts,
            delete,
            limit: None,
            filter: &filter,
            links: Links::Follow,
            reread: !acts,
            attributes: Attributes::default(),
            state: kept.as_deref(),
        };
        let outcome = sync(bucket, &request, system, &mut |change, name, size| {
            self.hear(acts, change, name, size);
        })?;
        self.judge(&outcome, acts)
    }

    fn hear(&self, acts: bool, change: Change, name: &str, size: u64) {
        let path = self.options.source.join(name);
        let path = escape::display(&path);
        match change {
            Change::New if !acts => {
                self.monitor.error(format!("File was apparently not uploaded: [{path}]"));
            }
            Change::Changed if !acts => {
                self.monitor.error(format!("File differs from what is in S3: [{path}]"));
            }
            Change::New | Change::Changed => self.monitor.debug(format!("Uploaded [{path}], {size} bytes")),
            Change::Deleted => self.monitor.debug(format!("Removed from S3 [{path}]")),
            Change::Extra => self.monitor.debug(format!("Only in S3 [{path}]")),
        }
    }

    /// Whatever is not in the bucket as it is on disk is a difference, as it is to the original.
    fn judge(&self, outcome: &Outcome, acts: bool) -> Result<(), Failure> {
        let Outcome { unchanged, compared, new, changed, deleted, kept, extra, unproved, problems, refusal } =
            outcome;
        self.monitor.info(format!(
            "{} new, {} changed, {} unchanged, {} read and found the same, {} removed, {} only in S3",
            new.files, changed.files, unchanged.files, compared.files, deleted.files, extra.files
        ));
        if *unproved > 0 {
            self.monitor
                .warning(format!("{unproved} uploaded files have no checksum in S3 to compare with."));
        }
        if *kept > 0 {
            self.monitor.info(format!("{kept} removed files stay in S3 as old versions."));
        }
        for problem in problems.iter().filter(|problem| !problem.is_failure) {
            self.monitor.error(format!("Not in S3: {problem}"));
        }
        if let Some(refusal) = refusal {
            self.monitor.error(format!("In S3, {refusal}; `redcedar sync` has a switch --max-delete"));
        }
        let differs = !acts && (new.files > 0 || changed.files > 0);
        if differs || !problems.is_empty() || refusal.is_some() {
            self.monitor.error("There were differences between source directory and target S3 bucket.");
            return Err(Failure::Differences);
        }
        self.monitor.info("Completed verifying Amazon S3 bucket contents (no problems found).");
        Ok(())
    }

    fn fail(&self, error: &Failure) {
        self.monitor.error(format!("Error executing backup: {}", error.to_string().trim_end()));
        let hint = match error {
            Failure::Bucket(error) | Failure::Sync(SyncError::Bucket(error)) => error.hint(),
            _ => None,
        };
        if let Some(hint) = hint {
            self.monitor.info(hint);
        }
        if self.options.has("stack") {
            say(io::stderr(), &format!("{error:?}\n"));
        }
    }
}

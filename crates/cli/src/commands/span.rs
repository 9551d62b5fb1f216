//! `redcedar span`: staged days, written to several discs.

use std::io::{IsTerminal, Write};
use std::path::Path;

use redcedar_config::Loaded;
use redcedar_engine::span::{Disc, Inventory, Journal, Room, Set, Spanner};
use redcedar_engine::store::{Drive, StoreError};
use redcedar_media::fit::Algorithm;
use redcedar_system::escape;
use redcedar_system::fs::Lock;
use serde::Serialize;

use super::{CommandError, CommandResult, Context, Out, configuration};
use crate::answers::{Answers, NoAnswer};
use crate::exit::Exit;
use crate::output::human::{Counted, Size};
use crate::output::json::{Document, JsonPath};

/// What to do after a failure.
const AGAIN: &str = "run the same command again to go on with this disc";

/// Write staged days to as many discs as they need
///
/// What is written is every day below the `source_dir` of the configuration's `store` section that is on no disc yet. The files
/// of one machine of one day stay on one disc where they fit. Each disc is compared with what it was written from, and its
/// label ends with its number. After a failure, the same command goes on with the disc that failed.
///
/// Where `target_device` is an ordinary file, `disc.iso`, the discs are `disc-1-of-3.iso` and so on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar span --plan
  redcedar span --yes --algorithm best --cushion 2")]
pub(crate) struct Args {
    /// Show what would go onto which disc, and do nothing
    #[arg(long)]
    plan: bool,
    /// Ask nothing. Of discs in a drive one is written; insert the next, and say the same again
    #[arg(long, short)]
    yes: bool,
    /// How files are spread: first, best, worst, alternate [default: whichever needs the fewest discs]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// How much of each disc stays free, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    cushion: f64,
    /// Forget a set of discs that was begun, and begin another
    #[arg(long)]
    restart: bool,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let loaded = configuration::load_file(context)?;
    let config = &loaded.config;
    let (Some(store), Some(drive)) = (&config.store, Drive::configured(config)) else {
        let message = "the configuration has no store section, which says where discs are written";
        return Err(CommandError::message(Exit::Configuration, message));
    };
    let _lock = Lock::acquire(&config.options.working_dir.value).map_err(failed)?;
    let journal = Journal::open(&config.options.working_dir.value).map_err(failed)?;
    let mut set = match journal.read().map_err(failed)?.filter(|_| !args.restart) {
        Some(begun) => check_begun(begun, &store.source_dir.value)?,
        None => plan(args, &store.source_dir.value, &loaded, &drive, context)?,
    };
    if args.plan || context.global.dry_run {
        show(&set, context, out)?;
        return Ok(Exit::Done);
    }
    if set.discs.is_empty() {
        context.system.monitor.warning("every staged day is on a disc already");
        return Ok(Exit::Done);
    }
    let mut dialog = (!args.yes).then(|| Dialog::new(context)).transpose()?;
    if let Some(dialog) = &mut dialog {
        show(&set, context, out)?;
        out.flush()?;
        if !dialog.agrees("Write these discs?")? {
            return Ok(Exit::Incomplete);
        }
    }
    journal.write(&set).map_err(failed)?;
    let work_dir = &config.options.working_dir.value;
    let job = Job { drive: &drive, work_dir, journal: &journal, context };
    if let Some(left) = job.write_all(&mut set, dialog.as_mut())? {
        context.system.monitor.warning(left);
        return Ok(Exit::Incomplete);
    }
    set.note_stored(config, &context.system).map_err(stopped)?;
    journal.remove().map_err(failed)?;
    if !context.global.quiet {
        writeln!(out, "{} written", Counted(set.discs.len() as u64, "disc"))?;
    }
    if set.unprotected > 0 {
        let days = Counted(set.unprotected as u64, "day");
        context.system.monitor.error(format!("{days} without recovery data"));
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Done)
}

fn failed(error: impl Into<anyhow::Error>) -> CommandError {
    CommandError::new(Exit::Failed, error)
}

fn stopped(error: StoreError) -> CommandError {
    let exit = if matches!(error, StoreError::Interrupted(_)) { Exit::Interrupted } else { Exit::Failed };
    CommandError::new(exit, error)
}

/// The set that was begun, if what is on its discs is still what is staged.
fn check_begun(set: Set, source_dir: &Path) -> Result<Set, CommandError> {
    const HINT: &str = "begin another set of discs with --restart";
    if set.source_dir != source_dir {
        let message = format!("discs were begun for what is in {}", escape::display(&set.source_dir));
        return Err(CommandError::message(Exit::Failed, message).hint(HINT));
    }
    let now = Inventory::take(source_dir).map_err(failed)?;
    match set.changed(&now).first() {
        None => Ok(set),
        Some(path) => {
            let message = format!("{} has changed since these discs were begun", escape::display(path));
            Err(CommandError::message(Exit::Failed, message).hint(HINT))
        }
    }
}

fn plan(
    args: &Args,
    source_dir: &Path,
    loaded: &Loaded,
    drive: &Drive,
    context: &Context,
) -> Result<Set, CommandError> {
    let mut inventory = Inventory::take(source_dir).map_err(failed)?;
    inventory.refuse_clear_text(source_dir, &loaded.document).map_err(stopped)?;
    if !args.plan && !context.global.dry_run {
        inventory = inventory.protect(source_dir, &loaded.config, &context.system).map_err(stopped)?;
    }
    let monitor = &context.system.monitor;
    for day in &inventory.unfinished {
        monitor.warning(format!("{} is still being staged, and left out", escape::display(day)));
    }
    for stranger in &inventory.strangers {
        monitor.warning(format!("{} is no file, and left out", escape::display(stranger)));
    }
    let room = Room::exact(drive.setup(), args.cushion).map_err(failed)?;
    let solution = room.spread_machines(&inventory.files, args.algorithm).map_err(|error| {
        failed(error).hint("the split action cuts large files into pieces before they are written")
    })?;
    let files = |load: Vec<usize>| load.into_iter().map(|file| inventory.files[file].clone()).collect();
    let discs = solution.discs.into_iter().map(|load| Disc { files: files(load.files), is_written: false });
    let source_dir = source_dir.to_owned();
    let (date, unprotected) = (context.system.clock.now().date(), inventory.unprotected);
    Ok(Set { source_dir, date, discs: discs.collect(), unprotected })
}

/// Everything that writing takes.
struct Job<'a> {
    drive: &'a Drive,
    work_dir: &'a Path,
    journal: &'a Journal,
    context: &'a Context,
}

impl Job<'_> {
    /// Writes all discs that are not written yet. With nobody to change discs, says what is left to do.
    fn write_all(
        &self,
        set: &mut Set,
        mut dialog: Option<&mut Dialog>,
    ) -> Result<Option<String>, CommandError> {
        let (is_file, mut is_first) = (self.drive.makes_images(), true);
        while let Some(number) = set.next() {
            let label = set.label(number);
            if is_file {
                // Every image is a file of its own, and there is nobody to change them.
            } else if let Some(dialog) = &mut dialog {
                dialog.wait_for(&format!("Insert the disc that will be {label}, and press return: "))?;
            } else if !is_first {
                return Ok(Some(format!(
                    "insert the disc that will be {label}, and run the same command again"
                )));
            }
            is_first = false;
            while let Err(error) = self.write(set, number) {
                let is_hopeless = matches!(error, StoreError::Interrupted(_)) || is_file;
                let Some(dialog) = dialog.as_mut().filter(|_| !is_hopeless) else {
                    let exit = match error {
                        StoreError::Interrupted(_) => Exit::Interrupted,
                        _ => Exit::Failed,
                    };
                    let error = anyhow::Error::new(error).context(format!("{label} was not written"));
                    return Err(CommandError::new(exit, error).hint(AGAIN));
                };
                self.context.system.monitor.error(format!("{label} was not written: {error}"));
                if !dialog.agrees("Try again, with another disc if need be?")? {
                    return Ok(Some(AGAIN.to_owned()));
                }
            }
            set.discs[number].is_written = true;
            self.journal.write(set).map_err(failed)?;
        }
        Ok(None)
    }

    /// Writes one disc and compares it with what it was written from.
    fn write(&self, set: &Set, number: usize) -> Result<(), StoreError> {
        let Context { system, .. } = self.context;
        let drive = set.drive(self.drive, number);
        let writer = drive.writer(system)?;
        let spanner = Spanner::new(&drive, &*writer, set, self.work_dir)?;
        system.monitor.task(&format!("Writing {}", set.label(number)));
        spanner.write(number)?;
        system.monitor.task(&format!("Comparing {}", set.label(number)));
        spanner.check(number)?;
        spanner.settle()
    }
}

/// Whoever changes discs.
struct Dialog {
    answers: Answers,
}

impl Dialog {
    fn new(context: &Context) -> Result<Self, CommandError> {
        if !std::io::stdin().is_terminal() {
            return Err(CommandError::message(Exit::Usage, "there is no terminal on which to ask for discs")
                .hint("--yes asks nothing"));
        }
        let answers = Answers::of_standard_input(context.system.interrupt.clone());
        Ok(Self { answers })
    }

    fn agrees(&mut self, question: &str) -> Result<bool, CommandError> {
        let answer = self.wait_for(&format!("{question} [Y/n]: "))?;
        Ok(answer.is_empty() || answer.starts_with(['y', 'Y']))
    }

    fn wait_for(&mut self, prompt: &str) -> Result<String, CommandError> {
        let mut screen = std::io::stderr();
        screen.write_all(prompt.as_bytes()).and_then(|()| screen.flush()).map_err(failed)?;
        self.answers.line().map_err(|error| match error {
            NoAnswer::Interrupted(_) => CommandError::new(Exit::Interrupted, error),
            NoAnswer::Nobody | NoAnswer::Io(_) => failed(error),
        })
    }
}

fn show(set: &Set, context: &Context, out: &mut Out) -> Result<(), CommandError> {
    if context.global.json {
        return Ok(out.json(&Document::new("span", JsonSet::new(set)))?);
    }
    for (number, disc) in set.discs.iter().enumerate() {
        let size = disc.files.iter().map(|file| file.size).sum();
        let files = Counted(disc.files.len() as u64, "file");
        let state = if disc.is_written { ", written" } else { "" };
        writeln!(out, "{}: {files}, {}{state}", set.label(number), Size(size))?;
        if context.global.verbose > 0 {
            for file in &disc.files {
                writeln!(out, "  {}", escape::display(&file.path))?;
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonSet {
    discs: Vec<JsonDisc>,
}

#[derive(Serialize)]
struct JsonDisc {
    label: String,
    written: bool,
    size: u64,
    files: Vec<JsonPath>,
}

impl JsonSet {
    fn new(set: &Set) -> Self {
        let disc = |(number, disc): (usize, &Disc)| JsonDisc {
            label: set.label(number).to_string(),
            written: disc.is_written,
            size: disc.files.iter().map(|file| file.size).sum(),
            files: disc.files.iter().map(|file| JsonPath(file.path.clone())).collect(),
        };
        Self { discs: set.discs.iter().enumerate().map(disc).collect() }
    }
}

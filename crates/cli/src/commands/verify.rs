//! `redcedar verify`: proof that what is stored is what was collected.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use redcedar_restore::{
    Ages, Finding, PlaceFinding, Proofs, RepairError, RepairReport, RepairRequest, Severity, Share, Source,
    VerifyError, VerifyReport, VerifyRequest, verify,
};
use redcedar_system::environment::XDG_STATE_HOME;
use redcedar_system::{System, account, escape};
use serde::Serialize;

use super::source::SourceArgs;
use super::{CommandError, CommandResult, Context, Out, snapshot};
use crate::day::Day;
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, JsonPath, result_word};

/// Prove that what is stored is what was collected
///
/// Reads every archive to its end and compares every member, every archive and every checksum file with what was noted when it
/// was written, and looks for archives that are missing. Exits with 6 when anything is wrong.
///
/// With --share, only a part is read each time: first what was never proven, then what was proven longest ago. When that was is kept in
/// $XDG_STATE_HOME/redcedar/proofs.jsonl (root: /var/lib/redcedar/proofs.jsonl) and needed for nothing else. Once there is such a
/// file, a verify of everything is noted in it, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar verify --from /mnt/backup
  redcedar verify --from /mnt/backup --day today
  redcedar verify --from /mnt/backup --share 1/30
  redcedar verify")]
pub(crate) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// Only what was stored on this day: YYYY-MM-DD, "yesterday", "3 days ago"
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
    /// Read only this share of the archives, such as 1/30: what was proven longest ago
    #[arg(long, value_name = "SHARE")]
    share: Option<Share>,
    /// First repair what recovery data can repair. What cannot be written to, such as a disc, needs --to
    #[arg(long)]
    repair: bool,
    /// With --repair: leave everything as it is, and put a repaired copy of each day that has recovery data into DIR
    #[arg(long, value_name = "DIR", requires = "repair")]
    to: Option<PathBuf>,
}

/// Where root keeps what was proven.
const STATE_OF_ROOT: &str = "/var/lib";

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let day = args.day.map(|day| day.resolve(context.system.clock.now().date())).transpose();
    let day = day.map_err(|error| CommandError::new(Exit::Usage, error))?;
    if let Some(store) = args.source.snapshots()? {
        if args.share.is_some() || args.repair {
            return Err(CommandError::message(Exit::Usage, "snapshots know neither --share nor --repair")
                .hint("`redcedar snapshot verify` knows what they do"));
        }
        return snapshot::verify_store(store, day, context, out);
    }
    let source = args.source.open(context)?;
    if let Some(day) = day.filter(|day| source.days().iter().all(|known| known.date != *day)) {
        let message = format!("nothing was stored on {day}");
        return Err(
            CommandError::message(Exit::Failed, message).hint("`redcedar list` shows which days there are")
        );
    }
    let (source, repaired) = if args.repair { repair(args, &source, day, context)? } else { (source, None) };
    let request = VerifyRequest { peer: args.source.peer.clone(), day, share: args.share };
    let System { monitor, interrupt, .. } = &context.system;
    let file = proofs_file(context).filter(|file| args.share.is_some() || file.exists());
    let mut proofs = read_proofs(file.as_deref(), context);
    let verified = verify(&source, &request, &mut proofs, monitor.as_ref(), interrupt);
    context.terminal.finish();
    // What was proven before an interruption is proven.
    if let Some(file) = file.filter(|_| !context.global.dry_run)
        && let Err(error) = proofs.write(&file)
    {
        monitor.warning(format!("what was proven is not remembered: {error}"));
    }
    let report = verified.map_err(refusal)?;
    let exit = if report.is_damaged() { Exit::Failed } else { Exit::Done };
    if context.global.json {
        let mut json = JsonReport::new(&report, exit, context);
        json.repaired = repaired.map(|report| report.repaired.into_iter().map(JsonPath).collect());
        out.json(&Document::new("verify", json))?;
    } else {
        for PlaceFinding { path, message } in &report.places {
            context.system.monitor.error(format!("{path}: {message}"));
        }
        report.findings.iter().for_each(|finding| tell(finding, context));
        if let Some(repaired) = &repaired {
            write_repaired(repaired, context, out)?;
        }
        summarise(&report, context, out)?;
    }
    Ok(exit)
}

/// Where it is remembered what was proven when.
fn proofs_file(context: &Context) -> Option<PathBuf> {
    let variable = |name| context.environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_root = || account::is_root().then(|| PathBuf::from(STATE_OF_ROOT));
    let at_home = || variable("HOME").map(|home| home.join(".local/state"));
    let state = variable(XDG_STATE_HOME).or_else(of_root).or_else(at_home)?;
    Some(state.join("redcedar/proofs.jsonl"))
}

/// What was proven so far. Without the file, everything is proven anew.
fn read_proofs(file: Option<&Path>, context: &Context) -> Proofs {
    let now = context.system.clock.now().timestamp();
    let Some(file) = file else { return Proofs::new(now) };
    Proofs::read(file, now).unwrap_or_else(|error| {
        let file = escape::display(file);
        context.system.monitor.warning(format!("{file} is of no use, and made anew: {error}"));
        Proofs::new(now)
    })
}

/// Repairs, and looks again at what there is then.
fn repair(
    args: &Args,
    source: &Source,
    day: Option<Date>,
    context: &Context,
) -> Result<(Source, Option<RepairReport>), CommandError> {
    if context.global.dry_run {
        let message = "what could be repaired is known only when it has been";
        return Err(CommandError::message(Exit::Usage, message));
    }
    let request = RepairRequest { day, to: args.to.clone() };
    let report = redcedar_restore::repair(source, &request, &context.system).map_err(|error| {
        let (exit, hint) = match &error {
            RepairError::Interrupted(_) => (Exit::Interrupted, None),
            RepairError::NotHere(_) => (Exit::Failed, Some("--to DIR")),
            RepairError::NoTool(_) => (Exit::Failed, Some("it is in the package par2")),
            RepairError::TooMuch { .. } => {
                (Exit::Failed, Some("`redcedar restore` brings back what can still be read"))
            }
            _ => (Exit::Failed, None),
        };
        let error = CommandError::new(exit, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    let source = match &args.to {
        Some(to) => args.source.open_directory(to, context)?,
        None => args.source.open(context)?,
    };
    Ok((source, Some(report)))
}

fn write_repaired(report: &RepairReport, context: &Context, out: &mut Out) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    for path in &report.repaired {
        writeln!(out, "repaired {}", escape::display(path))?;
    }
    let (files, days) = (report.repaired.len() as u64, report.days);
    writeln!(out, "{} repaired, {} with recovery data", Counted(files, "file"), Counted(days, "day"))
}

fn refusal(error: VerifyError) -> CommandError {
    let exit = if matches!(error, VerifyError::Interrupted(_)) { Exit::Interrupted } else { Exit::Failed };
    CommandError::new(exit, error)
}

fn tell(finding: &Finding, context: &Context) {
    let Finding { date, peer, file, severity, message } = finding;
    let text = format!("{date} {peer} {file}: {message}");
    match severity {
        Severity::Damage => context.system.monitor.error(text),
        Severity::Known => context.system.monitor.warning(text),
    }
}

fn summarise(report: &VerifyReport, context: &Context, out: &mut Out) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    let (files, size, took) =
        (Counted(report.files, "file"), Size(report.bytes), Time(context.started.elapsed()));
    writeln!(out, "read {files}, {size}, in {took}")?;
    writeln!(out, "{} read to their ends, {} compared", Counted(report.members, "member"), report.proven)?;
    if report.unproven > 0 {
        writeln!(
            out,
            "{} without a manifest: only the structure could be checked",
            Counted(report.unproven, "archive")
        )?;
    }
    if report.locked > 0 {
        writeln!(
            out,
            "{} without a key here: only that it is what was stored could be checked",
            Counted(report.locked, "encrypted file")
        )?;
    }
    if let Some(text) = ages(&report.ages, context) {
        writeln!(out, "{text}")?;
    }
    let damage = report.findings.iter().filter(|finding| finding.severity == Severity::Damage).count();
    match damage + report.places.len() {
        0 => writeln!(out, "all is well"),
        count => writeln!(out, "{} found", Counted(count as u64, "fault")),
    }
}

/// How old the proofs are, where there is more to say than that all was read just now.
fn ages(ages: &Ages, context: &Context) -> Option<String> {
    let now = context.system.clock.now().timestamp();
    let days = |then: Timestamp| now.duration_since(then).as_hours() / 24;
    match *ages {
        Ages { total: 0, .. } => None,
        Ages { never: 0, oldest: Some(oldest), .. } if days(oldest) == 0 => None,
        Ages { never: 0, oldest: Some(oldest), total } => {
            let count = Counted(total, "archive");
            Some(format!(
                "the oldest proof of {count} is {} old",
                Counted(days(oldest).unsigned_abs(), "day")
            ))
        }
        Ages { never, total, .. } => {
            Some(format!("{} of {total} not proven as they are now", Counted(never, "archive")))
        }
    }
}

#[derive(Serialize)]
struct JsonReport<'a> {
    result: &'static str,
    seconds: f64,
    files: u64,
    bytes: u64,
    members: u64,
    proven: u64,
    unproven: u64,
    locked: u64,
    ages: Ages,
    findings: Vec<JsonFinding<'a>>,
    places: &'a [PlaceFinding],
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<Vec<JsonPath>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    day: String,
    peer: &'a str,
    file: &'a str,
    severity: &'static str,
    message: &'a str,
}

impl<'a> JsonReport<'a> {
    fn new(report: &'a VerifyReport, exit: Exit, context: &Context) -> Self {
        let finding = |finding: &'a Finding| JsonFinding {
            day: finding.date.to_string(),
            peer: &finding.peer,
            file: &finding.file,
            severity: match finding.severity {
                Severity::Damage => "damage",
                Severity::Known => "known",
            },
            message: &finding.message,
        };
        Self {
            result: result_word(exit),
            seconds: context.started.elapsed().as_secs_f64(),
            files: report.files,
            bytes: report.bytes,
            members: report.members,
            proven: report.proven,
            unproven: report.unproven,
            locked: report.locked,
            ages: report.ages,
            findings: report.findings.iter().map(finding).collect(),
            places: &report.places,
            repaired: None,
        }
    }
}

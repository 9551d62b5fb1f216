//! `redcedar run --dry-run`: what would be done.

use std::io::{self, Write};

use redcedar_config::Loaded;
use redcedar_engine::Ownership;
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_engine::plan::{Builtin, Function, HookCall, Place, Plan, Step};
use redcedar_engine::purge::{DirectoryPlan, Fate, PurgeError, PurgePlan};
use redcedar_engine::purge_plan;
use redcedar_system::escape;
use serde::Serialize;

use crate::commands::{CommandError, CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::Counted;
use crate::output::json::{Document, JsonPath};
use crate::output::table::{Align, Table};

pub(super) fn show(plan: &Plan, loaded: &Loaded, context: &Context, out: &mut Out) -> CommandResult {
    let config = &loaded.config;
    let purges =
        |step: &Step| step.place == Place::Here && step.action.function == Function::Builtin(Builtin::Purge);
    let purge = if config.purge.is_some() && plan.steps.iter().any(purges) {
        Some(purge_plan(config, &context.system).map_err(not_planned)?)
    } else {
        None
    };
    let previews = previews(plan, loaded, context)?;
    context.terminal.finish();
    if context.global.json {
        out.json(&Document::new("run", JsonPlan::new(plan, purge.as_ref(), &previews)))?;
    } else {
        write!(out, "{plan}")?;
        for Preview { action, lines } in &previews {
            writeln!(out, "\n{} now:", escape::display(action.as_str()))?;
            lines.iter().try_for_each(|line| writeln!(out, "  {}", escape::multiline(line)))?;
        }
        purge.iter().try_for_each(|purge| write_purge(purge, out))?;
    }
    Ok(Exit::Done)
}

/// What actions of extensions would come to.
#[derive(Serialize)]
struct Preview {
    action: String,
    lines: Vec<String>,
}

fn previews(plan: &Plan, loaded: &Loaded, context: &Context) -> Result<Vec<Preview>, CommandError> {
    let call = Call {
        config: &loaded.config,
        document: &loaded.document,
        full: plan.full,
        threads: Context::threads(),
        is_picked_up: true,
        ownership: &Ownership::ours(),
        system: &context.system,
    };
    let mut previews = Vec::new();
    for step in plan.steps.iter().filter(|step| step.place == Place::Here) {
        let Function::Extension(name) = step.action.function else { continue };
        let extension = redcedar_extensions::ALL.iter().find(|extension| extension.name() == name);
        let lines = extension.map(|extension| extension.preview(&call)).transpose();
        let lines = match lines {
            Ok(lines) => lines.unwrap_or_default(),
            Err(ExtensionError::Interrupted(error)) => {
                return Err(CommandError::new(Exit::Interrupted, error));
            }
            Err(error) => vec![error.to_string()],
        };
        if !lines.is_empty() {
            previews.push(Preview { action: step.action.name.clone(), lines });
        }
    }
    Ok(previews)
}

fn not_planned(error: PurgeError) -> CommandError {
    let exit = if matches!(error, PurgeError::Interrupted(_)) { Exit::Interrupted } else { Exit::Failed };
    CommandError::new(exit, error)
}

fn write_purge(purge: &PurgePlan, out: &mut Out) -> io::Result<()> {
    for directory in &purge.directories {
        let DirectoryPlan { path, days, files, .. } = directory;
        let files = Counted(*files, "file");
        writeln!(out, "\nPurging {} now would delete {files}.", escape::display(path))?;
        if !days.is_empty() {
            let mut table = Table::new([("DAY", Align::Left), ("FATE", Align::Left), ("WHY", Align::Left)]);
            for fate in days {
                let word = if fate.goes() { "would be removed" } else { "kept" };
                table.row([fate.date.to_string(), word.to_owned(), why(fate)]);
            }
            table.write(out)?;
        }
    }
    purge.refused.iter().try_for_each(|message| writeln!(out, "\n{}", escape::multiline(message)))
}

fn why(fate: &Fate) -> String {
    if fate.goes() {
        return "it is old enough".to_owned();
    }
    let reasons: Vec<String> = fate.reasons.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

#[derive(Serialize)]
struct JsonPlan<'a> {
    full: bool,
    steps: Vec<JsonStep<'a>>,
    warnings: &'a [String],
    /// What becomes of purge directories; none when they are not purged here.
    purge: Option<JsonPurge<'a>>,
    /// What actions of extensions would come to, as far as they say.
    previews: &'a [Preview],
}

#[derive(Serialize)]
struct JsonStep<'a> {
    action: &'a str,
    /// The managed peer where it runs; none for this machine.
    peer: Option<&'a str>,
    before: Vec<&'a [String]>,
    after: Vec<&'a [String]>,
}

#[derive(Serialize)]
struct JsonPurge<'a> {
    directories: Vec<JsonDirectory>,
    refused: &'a [String],
    failures: &'a [String],
}

#[derive(Serialize)]
struct JsonDirectory {
    path: JsonPath,
    days: Vec<JsonDay>,
    files_removed: u64,
    directories_removed: u64,
}

#[derive(Serialize)]
struct JsonDay {
    day: String,
    kept: bool,
    reasons: Vec<JsonReason>,
}

#[derive(Serialize)]
struct JsonReason {
    kind: &'static str,
    detail: String,
}

impl<'a> JsonPlan<'a> {
    fn new(plan: &'a Plan, purge: Option<&'a PurgePlan>, previews: &'a [Preview]) -> Self {
        Self {
            full: plan.full,
            steps: plan.steps.iter().map(JsonStep::new).collect(),
            warnings: &plan.warnings,
            purge: purge.map(JsonPurge::from),
            previews,
        }
    }
}

impl<'a> JsonStep<'a> {
    fn new(step: &'a Step) -> Self {
        let words = |hooks: &'a [HookCall]| hooks.iter().map(|hook| hook.words.as_slice()).collect();
        Self {
            action: &step.action.name,
            peer: match &step.place {
                Place::Here => None,
                Place::Peer(name) => Some(name),
            },
            before: words(&step.before),
            after: words(&step.after),
        }
    }
}

impl<'a> From<&'a PurgePlan> for JsonPurge<'a> {
    fn from(plan: &'a PurgePlan) -> Self {
        let directories = plan.directories.iter().map(|directory| JsonDirectory {
            path: directory.path.as_path().into(),
            days: directory.days.iter().map(JsonDay::from).collect(),
            files_removed: directory.files,
            directories_removed: directory.directories,
        });
        Self { directories: directories.collect(), refused: &plan.refused, failures: &plan.failures }
    }
}

impl From<&Fate> for JsonDay {
    fn from(fate: &Fate) -> Self {
        let reasons = fate.reasons.iter().map(|why| JsonReason { kind: why.word(), detail: why.to_string() });
        Self { day: fate.date.to_string(), kept: !fate.goes(), reasons: reasons.collect() }
    }
}

//! `redcedar status`: the pool on one screen.

use std::io::{self, Write};

use redcedar_engine::status::{
    Anomalies, Anomaly, AnomalyKind, Attempt, Content, Facts, Last, PeerReport, Report, Rules, Space, State,
    StatusError, Suspicion, anomalies, judge, look,
};
use redcedar_system::escape;
use serde::Serialize;

use super::{CommandError, CommandResult, Context, Out, configuration};
use crate::exit::Exit;
use crate::output::human::{Counted, Size};
use crate::output::json::{Document, JsonPath, result_word};
use crate::output::style::Style;
use crate::output::table::{Align, Table};

/// Show the pool: what came when, how big it is, what is missing
///
/// For each peer of the configuration, and each that has been staged, the last good day: the last on which everything it
/// announced was staged. SIZE is compared with the median of up to 14 days of the same kind before, idle increments
/// not counted. DAY says whether the day as a
/// whole is marked as staged, written to a disc (stored), copied to a bucket (uploaded). Below the table is what has to be looked at,
/// also what was unusual in the last week: sizes, numbers of files, how much changed or went, what does not shrink any more.
///
/// A peer is overdue when its last good day is older than its `max_age` in the configuration, else 2 days: exit code 7. With `-q`
/// nothing is shown unless a peer is overdue.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  redcedar status
  redcedar status --max-age 1
  redcedar status --json")]
pub(crate) struct Args {
    /// How many days old the last good day of a peer may be, whatever the configuration says
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u64>,
}

pub(crate) fn run(args: &Args, context: &Context, out: &mut Out) -> CommandResult {
    let config = configuration::load(context)?;
    let facts = look(&config).map_err(|error| match error {
        StatusError::NotConfigured => CommandError::new(Exit::Configuration, error)
            .hint("`redcedar list --from SOURCE` shows what there is of a backup without one"),
        StatusError::Staging(_) => CommandError::new(Exit::Failed, error),
    })?;
    let anomalies = anomalies(&facts);
    let problems = facts.problems.iter().chain(&anomalies.problems);
    problems.for_each(|problem| context.system.monitor.warning(problem));
    let today = context.system.clock.now().date();
    let report = judge(&facts, today, &Rules { max_age: args.max_age });
    let exit = if report.is_overdue() { Exit::Incomplete } else { Exit::Done };
    if context.global.json {
        out.json(&Document::new("status", JsonStatus::new(&facts, &report, &anomalies, exit)))?;
    } else if !context.global.quiet || exit != Exit::Done {
        write(&facts, &report, &anomalies, context.colored, out)?;
    }
    Ok(exit)
}

fn write(
    facts: &Facts,
    report: &Report<'_>,
    anomalies: &Anomalies,
    colored: bool,
    out: &mut Out,
) -> io::Result<()> {
    let mut table = Table::new([
        ("PEER", Align::Left),
        ("LAST GOOD", Align::Left),
        ("AGE", Align::Right),
        ("KIND", Align::Left),
        ("SIZE", Align::Right),
        ("USUAL", Align::Right),
        ("DAY", Align::Left),
        ("STATE", Align::Left),
    ]);
    let mut notes = Vec::new();
    for peer in &report.peers {
        let own = notes_on(peer, of_peer(anomalies, peer));
        table.row(row(peer, !own.is_empty(), colored));
        let name = escape::display(peer.name);
        notes.extend(own.into_iter().map(|note| format!("{name}: {note}")));
    }
    table.write(out)?;
    let staging = escape::display(&facts.staging_dir);
    match facts.space {
        None => notes.push(format!("{staging} does not exist: nothing has been staged")),
        Some(_) if report.peers.iter().all(|peer| peer.last.is_none()) => {
            notes.push(format!("{staging} has no good day of any peer"));
        }
        Some(_) => {}
    }
    if !notes.is_empty() {
        writeln!(out, "\n{}", notes.join("\n"))?;
    }
    if let Some(Space { total, free }) = facts.space {
        writeln!(out, "\n{staging}: {} of {} free", Size(free), Size(total))?;
    }
    Ok(())
}

fn row(peer: &PeerReport<'_>, has_notes: bool, colored: bool) -> [String; 8] {
    let state = match peer.state {
        State::Overdue => Style::Red.paint("overdue", colored).to_string(),
        State::Stray => "not configured".to_owned(),
        State::Good if has_notes => Style::Yellow.paint("see below", colored).to_string(),
        State::Good => "good".to_owned(),
    };
    let last = peer.last.as_ref();
    let cell = |text: fn(&Last<'_>) -> String| last.map_or_else(|| "-".to_owned(), text);
    [
        escape::display(peer.name).to_string(),
        cell(|last| last.day.date.to_string()),
        cell(|last| Counted(last.age, "day").to_string()),
        cell(|last| kind(last).to_owned()),
        cell(|last| Size(last.day.bytes()).to_string()),
        cell(|last| last.usual.map_or_else(|| "-".to_owned(), |usual| Size(usual).to_string())),
        cell(marks),
        state,
    ]
}

fn kind(last: &Last<'_>) -> &'static str {
    match last.day.kind().content {
        Content::Full => "full",
        Content::Increment => "increment",
        Content::Unknown => "unknown",
    }
}

fn marks(last: &Last<'_>) -> String {
    let marks = last.day.marks;
    let all = [(marks.staged, "staged"), (marks.stored, "stored"), (marks.uploaded, "uploaded")];
    let words: Vec<_> = all.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect();
    if marks.staged { words.join(", ") } else { [&["not marked"], &words[..]].concat().join(", ") }
}

fn of_peer<'a>(anomalies: &'a Anomalies, peer: &PeerReport<'_>) -> &'a [Anomaly] {
    anomalies.by_peer.get(peer.name).map(Vec::as_slice).unwrap_or_default()
}

/// What has to be looked at.
fn notes_on(peer: &PeerReport<'_>, anomalies: &[Anomaly]) -> Vec<String> {
    let mut notes = Vec::new();
    if peer.state == State::Overdue {
        let allowed = Counted(peer.max_age.unwrap_or_default(), "day");
        notes.push(match &peer.last {
            Some(last) => {
                format!("overdue: the last good day is {} ago, allowed: {allowed}", Counted(last.age, "day"))
            }
            None => "overdue: it was never staged completely".to_owned(),
        });
    }
    if let Some(Last { missing, .. }) = &peer.last
        && !missing.is_empty()
    {
        let items: Vec<_> = missing
            .iter()
            .map(|missing| format!("{} (there on {})", escape::display(missing.item), missing.last))
            .collect();
        notes.push(format!("missing: {}", items.join(", ")));
    }
    if let Some(Last { day, usual: Some(usual), suspicion: Some(suspicion), .. }) = &peer.last {
        let word = suspicion_word(*suspicion);
        notes.push(format!("suspiciously {word}: {}, usually {}", Size(day.bytes()), Size(*usual)));
    }
    // What has been said of the size of all items needs not be said of one.
    let is_said = |anomaly: &&Anomaly| {
        let last = peer.last.as_ref().filter(|last| last.suspicion.is_some());
        anomaly.kind == AnomalyKind::Size && last.is_some_and(|last| last.day.date == anomaly.day)
    };
    notes.extend(
        anomalies.iter().filter(|anomaly| !is_said(anomaly)).map(|anomaly| format!("unusual: {anomaly}")),
    );
    if let Some(attempt) = peer.attempt.filter(|attempt| is_bad(attempt)) {
        let Attempt { date, status, error } = attempt;
        let error = error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        notes.push(escape::multiline(&format!("last attempt on {date}: {status}{error}")).into_owned());
    }
    notes
}

fn is_bad(attempt: &Attempt) -> bool {
    attempt.error.is_some() || !matches!(attempt.status.as_str(), "staged" | "ignored")
}

fn suspicion_word(suspicion: Suspicion) -> &'static str {
    match suspicion {
        Suspicion::Small => "small",
        Suspicion::Large => "large",
    }
}

#[derive(Serialize)]
struct JsonStatus {
    result: &'static str,
    staging_dir: JsonPath,
    space: Option<JsonSpace>,
    peers: Vec<JsonPeer>,
}

#[derive(Serialize)]
struct JsonSpace {
    total: u64,
    free: u64,
}

#[derive(Serialize)]
struct JsonPeer {
    peer: String,
    state: &'static str,
    max_age: Option<u64>,
    last: Option<JsonLast>,
    anomalies: Vec<JsonAnomaly>,
    attempt: Option<JsonAttempt>,
}

#[derive(Serialize)]
struct JsonLast {
    day: String,
    age: u64,
    kind: &'static str,
    bytes: u64,
    usual: Option<u64>,
    suspicion: Option<&'static str>,
    missing: Vec<JsonMissing>,
    staged: bool,
    stored: bool,
    uploaded: bool,
}

#[derive(Serialize)]
struct JsonMissing {
    item: String,
    day: String,
}

#[derive(Serialize)]
struct JsonAnomaly {
    day: String,
    item: Option<String>,
    kind: &'static str,
    value: u64,
    usual: u64,
}

#[derive(Serialize)]
struct JsonAttempt {
    day: String,
    status: String,
    error: Option<String>,
}

impl JsonStatus {
    fn new(facts: &Facts, report: &Report<'_>, anomalies: &Anomalies, exit: Exit) -> Self {
        let peer = |peer| JsonPeer::new(peer, of_peer(anomalies, peer));
        Self {
            result: result_word(exit),
            staging_dir: facts.staging_dir.as_path().into(),
            space: facts.space.map(|Space { total, free }| JsonSpace { total, free }),
            peers: report.peers.iter().map(peer).collect(),
        }
    }
}

impl JsonPeer {
    fn new(report: &PeerReport<'_>, anomalies: &[Anomaly]) -> Self {
        Self {
            peer: escape::display(report.name).to_string(),
            state: match report.state {
                State::Good => "good",
                State::Overdue => "overdue",
                State::Stray => "stray",
            },
            max_age: report.max_age,
            last: report.last.as_ref().map(Into::into),
            anomalies: anomalies.iter().map(JsonAnomaly::from).collect(),
            attempt: report.attempt.map(|attempt| JsonAttempt {
                day: attempt.date.to_string(),
                status: attempt.status.clone(),
                error: attempt.error.clone(),
            }),
        }
    }
}

impl From<&Anomaly> for JsonAnomaly {
    fn from(anomaly: &Anomaly) -> Self {
        let Anomaly { day, item, kind, value, usual } = anomaly;
        Self {
            day: day.to_string(),
            item: item.as_ref().map(|item| escape::display(item).to_string()),
            kind: kind.word(),
            value: *value,
            usual: *usual,
        }
    }
}

impl From<&Last<'_>> for JsonLast {
    fn from(last: &Last<'_>) -> Self {
        let marks = last.day.marks;
        Self {
            day: last.day.date.to_string(),
            age: last.age,
            kind: kind(last),
            bytes: last.day.bytes(),
            usual: last.usual,
            suspicion: last.suspicion.map(suspicion_word),
            missing: last
                .missing
                .iter()
                .map(|missing| JsonMissing {
                    item: escape::display(missing.item).to_string(),
                    day: missing.last.to_string(),
                })
                .collect(),
            staged: marks.staged,
            stored: marks.stored,
            uploaded: marks.uploaded,
        }
    }
}

//! What a drill says.

use std::io::{self, Write};
use std::time::Duration;

use jiff::civil::Date;
use redcedar_restore::drill::{Attempt, Chosen, DrillReport, Drilled, Tried};
use redcedar_system::escape;
use serde::Serialize;

use crate::commands::{CommandResult, Context, Out};
use crate::exit::Exit;
use crate::output::human::{Counted, Size, Time};
use crate::output::json::{Document, result_word};

/// So many differences of one thing are shown; JSON has all of them.
const MOST_SHOWN: usize = 20;

/// What would be drilled.
pub(super) fn plan(chosen: &[Chosen], others: u64, context: &Context, out: &mut Out) -> CommandResult {
    if context.global.json {
        let chosen = chosen.iter().map(JsonChosen::from).collect();
        out.json(&Document::new("drill", JsonPlan { chosen, others }))?;
    } else if !context.global.quiet {
        for Chosen { peer, subject, .. } in chosen {
            writeln!(out, "{}: would drill {subject}", escape::display(peer))?;
        }
        write_others(others, out)?;
    }
    Ok(Exit::Done)
}

/// What is not as it was, and what else has to be known.
pub(super) fn tell(report: &DrillReport, context: &Context) {
    let monitor = &context.system.monitor;
    for Drilled { peer, subject, attempt } in &report.drilled {
        match attempt {
            Attempt::NotDrilled(reason) => {
                monitor.warning(format!("NOT DRILLED: {subject} of {peer}: {reason}"));
            }
            Attempt::Tried(Tried { differences, remarks, .. }) => {
                for difference in differences.iter().take(MOST_SHOWN) {
                    monitor.error(format!("{subject} of {peer}: {difference}"));
                }
                if let Some(more) = differences.len().checked_sub(MOST_SHOWN + 1) {
                    monitor.error(format!("{subject} of {peer}: and {} more", more + 1));
                }
                for remark in remarks {
                    monitor.info(format!("{subject} of {peer}: {remark}"));
                }
            }
        }
    }
}

pub(super) fn summarise(
    report: &DrillReport,
    today: Date,
    context: &Context,
    out: &mut Out,
) -> io::Result<()> {
    if context.global.quiet {
        return Ok(());
    }
    for drilled in &report.drilled {
        let Drilled { peer, subject, attempt } = drilled;
        let Attempt::Tried(Tried { day, content, bytes, took, differences, .. }) = attempt else { continue };
        let day = day.map(|day| format!(" of {day}")).unwrap_or_default();
        let verdict = match differences.len() {
            0 => "good".to_owned(),
            count => Counted(count as u64, "difference").to_string(),
        };
        writeln!(out, "{peer}: {subject}{day}: {content}, {}, in {}: {verdict}", Size(*bytes), Time(*took))?;
    }
    let count = |what: fn(&Drilled) -> bool| report.drilled.iter().filter(|drilled| what(drilled)).count();
    let (good, different) = (count(Drilled::is_good), count(Drilled::differs));
    let not_drilled = report.drilled.len() - good - different;
    writeln!(out, "{good} good, {different} different, {not_drilled} not drilled")?;
    write_others(report.others, out)?;
    if good + different > 0 {
        let (took, bytes) = (report.took(), report.bytes());
        let rate = Size(per_second(bytes, took));
        writeln!(out, "RTO: {} in {}, {rate} per second", Size(bytes), Time(took))?;
        match report.oldest() {
            Some(oldest) => {
                let age = Counted(u64::from(age(oldest, today).unsigned_abs()), "day");
                writeln!(out, "RPO: {age}: what came back is of {oldest} or later")?;
            }
            None => writeln!(out, "RPO: not known, because something did not come back as it was")?,
        }
    }
    Ok(())
}

fn write_others(others: u64, out: &mut Out) -> io::Result<()> {
    if others == 0 { Ok(()) } else { writeln!(out, "{others} more not chosen today") }
}

fn age(day: Date, today: Date) -> i32 {
    // Dates of the calendar are never further apart than that counts.
    today.since((jiff::Unit::Day, day)).map_or(0, |span| span.get_days())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a rate"
)]
fn per_second(bytes: u64, took: Duration) -> u64 {
    if took.is_zero() { bytes } else { (bytes as f64 / took.as_secs_f64()) as u64 }
}

#[derive(Serialize)]
struct JsonPlan {
    chosen: Vec<JsonChosen>,
    others: u64,
}

#[derive(Serialize)]
struct JsonChosen {
    peer: String,
    kind: &'static str,
    name: String,
    stored: u64,
}

impl From<&Chosen> for JsonChosen {
    fn from(Chosen { peer, subject, stored }: &Chosen) -> Self {
        let (kind, name) = (subject.kind(), subject.name());
        Self { peer: escape::display(peer).to_string(), kind, name, stored: *stored }
    }
}

#[derive(Serialize)]
pub(super) struct JsonReport<'a> {
    result: &'static str,
    drilled: Vec<JsonDrilled<'a>>,
    others: u64,
    rto: JsonRto,
    rpo: Option<JsonRpo>,
}

#[derive(Serialize)]
struct JsonRto {
    seconds: f64,
    bytes: u64,
    bytes_per_second: u64,
}

#[derive(Serialize)]
struct JsonRpo {
    day: String,
    age: i32,
}

#[derive(Serialize)]
struct JsonDrilled<'a> {
    peer: &'a str,
    kind: &'static str,
    name: String,
    verdict: &'static str,
    day: Option<String>,
    age: Option<i32>,
    content: Option<&'a str>,
    bytes: Option<u64>,
    seconds: Option<f64>,
    differences: &'a [String],
    remarks: &'a [String],
    reason: Option<&'a str>,
}

impl<'a> JsonReport<'a> {
    pub(super) fn new(report: &'a DrillReport, exit: Exit, today: Date) -> Self {
        let (took, bytes) = (report.took(), report.bytes());
        Self {
            result: result_word(exit),
            drilled: report.drilled.iter().map(|drilled| JsonDrilled::new(drilled, today)).collect(),
            others: report.others,
            rto: JsonRto { seconds: took.as_secs_f64(), bytes, bytes_per_second: per_second(bytes, took) },
            rpo: report.oldest().map(|day| JsonRpo { day: day.to_string(), age: age(day, today) }),
        }
    }
}

impl<'a> JsonDrilled<'a> {
    fn new(drilled: &'a Drilled, today: Date) -> Self {
        let Drilled { peer, subject, attempt } = drilled;
        let (tried, reason) = match attempt {
            Attempt::Tried(tried) => (Some(tried), None),
            Attempt::NotDrilled(reason) => (None, Some(reason.as_str())),
        };
        let day = tried.and_then(|tried| tried.day);
        Self {
            peer,
            kind: subject.kind(),
            name: subject.name(),
            verdict: match (drilled.is_good(), drilled.differs()) {
                (true, _) => "good",
                (_, true) => "different",
                _ => "not-drilled",
            },
            day: day.map(|day| day.to_string()),
            age: day.map(|day| age(day, today)),
            content: tried.map(|tried| tried.content.as_str()),
            bytes: tried.map(|tried| tried.bytes),
            seconds: tried.map(|tried| tried.took.as_secs_f64()),
            differences: tried.map(|tried| tried.differences.as_slice()).unwrap_or_default(),
            remarks: tried.map(|tried| tried.remarks.as_slice()).unwrap_or_default(),
            reason,
        }
    }
}

//! What a run of `cback3` says, in a form in which the original's and ours can be compared.

use std::process::{Command, Output};

use redcedar_testing::program;
use serde::{Deserialize, Serialize};

use super::sandbox::Sandbox;

/// One run: how it ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    /// The lines of the log, without their times; none when there is no log.
    pub(crate) log: Option<Vec<String>>,
}

impl Conversation {
    /// Runs `command` in `sandbox`.
    pub(crate) fn hold(mut command: Command, sandbox: &Sandbox) -> Self {
        let Output { status, stdout, stderr } = program::run(command.current_dir(sandbox.root()));
        let canonical = |text: &str| {
            let text = text.replace(sandbox.root().to_str().unwrap(), "DIR");
            without_reasons_of_clients(&text).filter_map(canonical_line).collect::<Vec<_>>()
        };
        let log = fs_err::read_to_string(sandbox.root().join("log")).ok();
        Self {
            code: status.code().unwrap_or(-1),
            stdout: canonical(&String::from_utf8(stdout).unwrap()),
            stderr: canonical_errors(&canonical(&String::from_utf8(stderr).unwrap())),
            log: log.map(|log| {
                canonical(&log.lines().map(without_time).map(|line| line + "\n").collect::<String>())
            }),
        }
    }
}

/// `2026-11-24T02:00:00 UTC --> [INFO   ] text` becomes `[INFO   ] text`; lines of other programs stay.
fn without_time(line: &str) -> String {
    match line.split_once(" --> ") {
        Some((time, rest)) => {
            // The original's clock ticks on from there.
            let seconds = time.strip_prefix("2026-11-24T02:00:").and_then(|rest| rest.strip_suffix(" UTC"));
            let is_time = seconds.is_some_and(|text| text.len() == 2 && text.parse::<u8>().is_ok());
            assert!(is_time, "the time of a log line: {line}");
            rest.to_owned()
        }
        None => line.to_owned(),
    }
}

/// Why an action failed on a managed client is said by us only: a line, and below it the last lines of its output.
fn without_reasons_of_clients(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let begins = line.strip_prefix("[ERROR  ] ").unwrap_or(line).starts_with("Managed client [");
        inside = begins || inside && line.starts_with("   ");
        !inside
    })
}

/// Values that differ from machine to machine or program to program; lines that only one program has.
fn canonical_line(line: &str) -> Option<String> {
    let line = line.trim_end();
    if line.is_empty() || is_detail(line) {
        return None;
    }
    for name in ["Encoding", "Interpreter", "Locale", "Platform", "Timestamp", "Version"] {
        let marker = format!("{name:.<14}: ");
        if let Some((before, _)) = line.split_once(&marker) {
            return Some(format!("{before}{marker}*"));
        }
    }
    let counts = [("Staged ", " files"), ("Backing up ", " files")];
    for (before, after) in counts {
        if let Some((start, rest)) = line.split_once(before)
            && let Some((_, end)) = rest.split_once(after)
        {
            let end = end.split_once(" (").map_or(end, |(end, _)| end);
            return Some(format!("{start}{before}*{after}{end}"));
        }
    }
    let line = line.replace("CedarBackup3.actions.", "").replace("redcedar.", "");
    // The original names the function, too: `collect.executeCollect`.
    let line = match line.find(".execute") {
        Some(start) => {
            let end = line[start..].find(']').map_or(line.len(), |end| start + end);
            format!("{}{}", &line[..start], &line[end..])
        }
        None => line,
    };
    Some(line)
}

/// What an action says about its inner workings, at DEBUG, and what only we say.
fn is_detail(line: &str) -> bool {
    let text = line.strip_prefix("[DEBUG  ] ");
    let flow = ["Using ", "Execute ", "Completed filling", "Executing ", "Calling "];
    let is_flow =
        |text: &str| flow.iter().any(|start| text.starts_with(start)) && !text.starts_with("Using list");
    let is_inner = text.is_some_and(|text| !is_flow(text) || text.starts_with("Using target"));
    // On the screen there is no level: these are the inner lines of the few actions that are compared there.
    let ours = ["[WARNING] ", "[INFO   ] Purged ", "Purged "];
    is_inner || ours.iter().any(|start| line.starts_with(start))
}

/// Of the usage only the heading and the error count, of a stack nothing.
fn canonical_errors(lines: &[String]) -> Vec<String> {
    let counts = |line: &&String| line.starts_with(" Usage: ") || line.starts_with(" *** Error: ");
    lines
        .iter()
        .filter(|line| counts(line) || line.starts_with("Error setting up logging: "))
        .map(|line| {
            let free = ["Error setting up logging: ", " *** Error: invalid literal", " *** Error: Mode must"];
            match free.iter().find(|start| line.starts_with(**start)) {
                Some(start) if start.contains("logging") => format!("{start}*"),
                Some(_) => " *** Error: the mode is wrong".to_owned(),
                None => line.clone(),
            }
        })
        .collect()
}

/// The log without the words of error messages, which are free.
pub(crate) fn without_reasons(conversation: &Conversation) -> Conversation {
    let intents = ["Error reading or handling configuration: ", "Error executing backup: "];
    let shorten = |lines: &[String]| -> Vec<String> {
        let mut kept = Vec::new();
        for line in lines {
            match intents.iter().find_map(|intent| line.find(intent).map(|at| at + intent.len())) {
                Some(end) => kept.push(format!("{}*", &line[..end])),
                // Our reasons have several lines.
                None if line.starts_with('[') || kept.iter().all(|line: &String| !line.ends_with(": *")) => {
                    kept.push(line.clone());
                }
                None => {}
            }
        }
        kept
    };
    Conversation {
        stdout: shorten(&conversation.stdout),
        log: conversation.log.as_deref().map(shorten),
        ..conversation.clone()
    }
}

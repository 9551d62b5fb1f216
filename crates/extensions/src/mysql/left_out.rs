//! Routines and events are in no dump unless they are asked for; nobody should learn that from a restore.

use std::collections::BTreeMap;

use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_system::command::{Command, CommandError, first_of};
use redcedar_system::escape;

use super::login::Login;
use super::{Settings, names_of};
use crate::databases::Wanted;

/// Counts by schema, whose name may be anything. Where the server keeps them in tables of its own (MariaDB), a dump of all
/// databases holds them; these tables are counted, too.
const QUERY: &str = "SELECT 'routines', HEX(ROUTINE_SCHEMA), COUNT(*) FROM information_schema.ROUTINES GROUP BY ROUTINE_SCHEMA \
    UNION ALL SELECT 'events', HEX(EVENT_SCHEMA), COUNT(*) FROM information_schema.EVENTS GROUP BY EVENT_SCHEMA \
    UNION ALL SELECT 'tables', HEX(TABLE_NAME), 1 FROM information_schema.TABLES \
    WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME IN ('proc', 'event')";

/// What is the server's own.
const SYSTEM: [&str; 4] = ["mysql", "sys", "information_schema", "performance_schema"];

/// A kind of thing that is left out: its element, the option that includes it, and the table where MariaDB keeps it.
const KINDS: [(&str, &str, &str); 2] = [("routines", "--routines", "proc"), ("events", "--events", "event")];

/// Warns of routines and events that will be in no dump. That the server cannot be asked is for the dump to complain about.
pub(super) fn tell(settings: &Settings, login: &Login, call: &Call<'_>) -> Result<(), ExtensionError> {
    let asked_for: Vec<_> = KINDS.into_iter().filter(|(_, option, _)| !settings.has(option)).collect();
    if asked_for.is_empty() {
        return Ok(());
    }
    let monitor = &call.system.monitor;
    let answer = match ask(settings, login, call) {
        Ok(answer) => answer,
        Err(CommandError::Interrupted(interrupted)) => return Err(interrupted.into()),
        Err(error) => {
            monitor.debug(format!("Cannot ask for routines and events: {error}"));
            return Ok(());
        }
    };
    let counts = read(&answer);
    for (kind, _, table) in asked_for {
        let is_dumped_as_table = counts.contains_key(&("tables", table.to_owned()));
        let missing: Vec<_> = counts
            .iter()
            .filter(|((counted, _), _)| *counted == kind)
            .filter(|((_, schema), _)| match &settings.databases.wanted {
                Wanted::All => !is_dumped_as_table && !SYSTEM.contains(&schema.as_str()),
                Wanted::Named(names) => names.contains(schema),
            })
            .map(|((_, schema), count)| format!("[{}] ({count})", escape::display(schema)))
            .collect();
        if !missing.is_empty() {
            monitor.warning(format!(
                "The {kind} of {} are not dumped; <{kind}>Y</{kind}> in the section `mysql` would include them.",
                missing.join(", ")
            ));
        }
    }
    Ok(())
}

fn ask(settings: &Settings, login: &Login, call: &Call<'_>) -> Result<Vec<u8>, CommandError> {
    let command = login.apply(Command::new("mysql")).time_limit(settings.databases.time_limit);
    let command = command.args(["--batch", "--skip-column-names", "--execute", QUERY]);
    let mut answer = Vec::new();
    let (name, other_name) = names_of("mysql", "mariadb", call);
    let (program, finished) = first_of(&name, other_name, |program| {
        call.system.runner.stream(&Command { program: program.into(), ..command.clone() }, &mut answer)
    })?;
    if !finished.success() {
        call.system
            .monitor
            .debug(format!("Cannot ask for routines and events: {}", finished.explain(program)));
    }
    Ok(answer)
}

/// Counts by what is counted and the schema.
fn read(answer: &[u8]) -> BTreeMap<(&str, String), u64> {
    let line = |line: &'_ [u8]| -> Option<((&'static str, String), u64)> {
        let mut fields = std::str::from_utf8(line).ok()?.split('\t');
        let kind = match fields.next()? {
            "routines" => "routines",
            "events" => "events",
            "tables" => "tables",
            _ => return None,
        };
        Some(((kind, from_hex(fields.next()?)?), fields.next()?.parse().ok()?))
    };
    answer.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn from_hex(text: &str) -> Option<String> {
    let pairs = text.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

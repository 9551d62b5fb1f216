//! Dumps of PostgreSQL, by `pg_dump` and `pg_dumpall`. Where the server is and what the password is they know from their
//! environment (`PGHOST`, `~/.pgpass` …), which is ours.

mod config;

use redcedar_archive::dump::{Content, Dump, Server};
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind, program};
use redcedar_system::command::Command;

use crate::databases::{self, Job};
use config::Settings;

/// The extension.
#[derive(Debug)]
pub(crate) struct Postgresql;

impl Extension for Postgresql {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn kind(&self) -> Kind {
        Kind::Source
    }

    fn check(&self, document: &Document, _config: &Config) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        Settings::read(document, &mut findings);
        findings
    }

    fn run(&self, call: &Call<'_>) -> Result<Outcome, ExtensionError> {
        let settings = Settings::read(call.document, &mut Vec::new())
            .ok_or(ExtensionError::NotConfigured("PostgreSQL"))?;
        let jobs = settings.dumps().into_iter().map(|dump| job(dump, &settings, call)).collect();
        databases::dump(jobs, &settings.databases, call)
    }
}

/// The originals' argument vectors, in their order; what they do not have comes last.
fn job(dump: Dump, settings: &Settings, call: &Call<'_>) -> Job {
    let tool = if matches!(dump.content, Content::Database(_)) { "pg_dump" } else { "pg_dumpall" };
    let mut command = Command::new(program(tool, &call.config.options));
    if let Some(user) = &settings.databases.user {
        command = command.args(["-U", user]);
    }
    match &dump.content {
        Content::Database(name) => command = command.arg(database_argument(&name.to_string_lossy())),
        Content::Globals => command = command.arg("--globals-only"),
        Content::Everything => {}
    }
    Job { dump, command, other_name: None }
}

/// The argument that names a database. What would be taken for an option or for the parameters of a connection is quoted as
/// one of these.
fn database_argument(name: &str) -> String {
    let is_plain = !name.starts_with('-')
        && !name.contains('=')
        && !["postgres://", "postgresql://"].iter().any(|scheme| name.starts_with(scheme));
    if is_plain {
        return name.to_owned();
    }
    format!("--dbname=dbname='{}'", name.replace('\\', r"\\").replace('\'', r"\'"))
}

impl Settings {
    fn dumps(&self) -> Vec<Dump> {
        let mut dumps = self.databases.dumps(Server::Postgresql);
        if self.globals {
            dumps.insert(0, Dump { server: Server::Postgresql, content: Content::Globals });
        }
        dumps
    }
}

#[cfg(test)]
mod tests;

//! Dumps of MySQL and MariaDB, by `mysqldump`. Where the server is the program knows from its option files.

mod config;
mod left_out;
mod login;

use redcedar_archive::dump::{Content, Dump, Server};
use redcedar_config::{Config, Diagnostic, Document};
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, Extension, ExtensionError, Kind, program};
use redcedar_system::command::Command;

use crate::databases::{self, Job};
use config::Settings;
use login::Login;

/// The extension.
#[derive(Debug)]
pub(crate) struct Mysql;

impl Extension for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
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
        let settings =
            Settings::read(call.document, &mut Vec::new()).ok_or(ExtensionError::NotConfigured("MySQL"))?;
        let login = Login::new(&settings).map_err(|error| {
            ExtensionError::Failed(format!("cannot hand over user and password: {error}"))
        })?;
        left_out::tell(&settings, &login, call)?;
        let dumps = settings.databases.dumps(Server::Mysql).into_iter();
        let jobs = dumps.map(|dump| job(dump, &settings, &login, call)).collect();
        databases::dump(jobs, &settings.databases, call)
    }
}

/// The originals' argument vectors, in their order, but for user and password, which anybody could see there.
fn job(dump: Dump, settings: &Settings, login: &Login, call: &Call<'_>) -> Job {
    let (program, other_name) = names_of("mysqldump", "mariadb-dump", call);
    let mut command = login.apply(Command::new(program));
    let is_single = matches!(dump.content, Content::Database(_));
    command = command.arg(if is_single { "--databases" } else { "--all-databases" });
    command = command.args(["-all", "--flush-logs", "--opt"]).args(settings.options());
    if let Content::Database(name) = &dump.content {
        if name.as_encoded_bytes().starts_with(b"-") {
            command = command.arg("--");
        }
        command = command.arg(name);
    }
    Job { dump, command, other_name }
}

/// The names by which a program goes: that of MySQL or what the configuration has for it; if it has nothing, also that of MariaDB.
fn names_of(mysql: &str, mariadb: &'static str, call: &Call<'_>) -> (String, Option<&'static str>) {
    let name = program(mysql, &call.config.options);
    let other = (name == mysql).then_some(mariadb);
    (name, other)
}

#[cfg(test)]
mod tests;
